"""Runs: every tree of calls that was begun, and one of them as a timeline."""

from typing import Final

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from callboard_registry.console.filters import WINDOWS, beginning, dollars, one_of
from callboard_registry.console.knowledge import Knowledge
from callboard_registry.console.rendering import page
from callboard_registry.console.routes import PageRoute
from callboard_registry.console.timeline import Timeline, timeline
from callboard_registry.overview.runs import WhichRuns
from callboard_registry.refusals import Refusal
from callboard_registry_api.audit import CallFilter
from callboard_registry_api.model import OUTCOMES, Outcome

NOT_WELL: Final = "not well"
"""Stands in the filter for every outcome that is an error."""

_NOT_WELL: Final[tuple[Outcome, ...]] = ("refused", "unavailable", "failed")
_RUNS: Final = 50
_LONGEST: Final = 1000
"""Call records of one run that its page shows."""


def runs_router(knowledge: Knowledge) -> APIRouter:
    """Serve the list of runs and the page of each."""
    router = APIRouter(route_class=PageRoute, include_in_schema=False)

    @router.get("/runs", response_class=HTMLResponse)
    async def runs(
        team: str = "",
        caller: str = "",
        service: str = "",
        operation: str = "",
        entity: str = "",
        person: str = "",
        outcome: str = "",
        window: str = "",
        cost: str = "",
        after: str = "",
    ) -> HTMLResponse:
        """Show the runs that have a call that fits, the newest first."""
        plain = {
            "team": team,
            "caller": caller,
            "service": service,
            "operation": operation,
            "entity": entity,
            "person": person,
        }
        which = WhichRuns(
            **plain,
            outcomes=_outcomes(outcome),
            since=beginning(one_of("window", window, list(WINDOWS))) if window else None,
            cost_usd=dollars("cost", cost),
        )
        asked = {**plain, "outcome": outcome, "window": window, "cost": cost}
        found = await knowledge.registry.overview.runs(which, after=after, size=_RUNS)
        return page(
            "runs.html",
            section="runs",
            runs=found.runs,
            next=found.next,
            asked=asked,
            outcomes=[*OUTCOMES, NOT_WELL],
            windows=list(WINDOWS),
        )

    @router.get("/runs/{root}", response_class=HTMLResponse)
    async def run(root: str) -> HTMLResponse:
        """Show one run as a timeline."""
        whole = await _timeline(knowledge, root)
        return page("run.html", section="runs", root=root, timeline=whole)

    del runs, run  # they live in the router now
    return router


async def _timeline(knowledge: Knowledge, root: str) -> Timeline:
    records = await knowledge.calls(CallFilter(root=root), most=_LONGEST, newest_first=False)
    whole = timeline(records)
    if whole is None:
        raise Refusal(
            "not_found",
            "root",
            f"no call of the run {root!r} is on record: it may be misspelt, too new by a second, or older than records"
            " are kept; the list of runs shows what there is",
        )
    return whole


def _outcomes(asked: str) -> tuple[Outcome, ...]:
    if not asked:
        return ()
    if one_of("outcome", asked, [*OUTCOMES, NOT_WELL]) == NOT_WELL:
        return _NOT_WELL
    return tuple(each for each in OUTCOMES if each == asked)
