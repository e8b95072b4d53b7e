"""Runs: every tree of calls that was begun, and one of them as a timeline."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from callboard_registry.console.filters import WINDOWS, beginning, dollars, one_of
from callboard_registry.console.knowledge import Knowledge
from callboard_registry.console.rendering import page
from callboard_registry.console.routes import PageRoute
from callboard_registry.console.story import LineKind, Tree, tree
from callboard_registry.overview.runs import WhichRuns
from callboard_registry.refusals import Refusal
from callboard_registry_api.audit import CallFilter
from callboard_registry_api.model import OUTCOMES, Outcome

NOT_WELL: Final = "not well"
"""Stands in the filter for every outcome that is an error."""

_NOT_WELL: Final[tuple[Outcome, ...]] = ("refused", "unavailable", "failed")
SHOWN: Final[Mapping[str, Collection[LineKind]]] = {
    "model": ("model",),
    "calls": ("call",),
    "approvals": ("approval",),
    "guards": ("guard",),
    "trouble": ("trouble", "lock", "wait"),
}
"""What of a run may be shown alone."""

_TO_BE_READ: Final = timedelta(minutes=1)
"""How long a page waits for the story of a run that is over."""

_RUNS: Final = 50
_LINES: Final = 150
_LONGEST: Final = 2000
"""Call records, and happenings, of one run that its page knows."""


def runs_router(knowledge: Knowledge, *, temporal_ui: str = "") -> APIRouter:
    """Serve the list of runs and the page of each; `temporal_ui` is where Temporal's own pages are."""
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
    async def run(root: str, only: str = "", after: Annotated[int, Query(ge=0, le=10**6)] = 0) -> HTMLResponse:
        """Show one run as a timeline."""
        kinds = SHOWN if not only else {only: SHOWN[one_of("only", only, list(SHOWN))]}
        whole, is_all = await _tree(knowledge, root)
        lines = [line for line in whole.lines if not only or line.kind in kinds[only] or line.depth == 0]
        return page(
            "run.html",
            section="runs",
            root=root,
            tree=whole,
            is_live=whole.under_way or (not whole.executions and datetime.now(UTC) - whole.end < _TO_BE_READ),
            lines=lines[after : after + _LINES],
            more=after + _LINES if len(lines) > after + _LINES else 0,
            is_all=is_all,
            only=only,
            shown=list(SHOWN),
            temporal_ui=temporal_ui,
        )

    del runs, run  # they live in the router now
    return router


async def _tree(knowledge: Knowledge, root: str) -> tuple[Tree, bool]:
    overview = knowledge.registry.overview
    executions, happened, is_all = await overview.story(root, most=_LONGEST)
    records = await knowledge.calls(CallFilter(root=root), most=_LONGEST, newest_first=False)
    whole = tree(executions, happened, records, now=datetime.now(UTC))
    if whole is None:
        raise Refusal(
            "not_found",
            "root",
            f"nothing of the run {root!r} is on record: it may be misspelt, too new by a second, or older than records"
            " are kept; the list of runs shows what there is",
        )
    return whole, is_all


def _outcomes(asked: str) -> tuple[Outcome, ...]:
    if not asked:
        return ()
    if one_of("outcome", asked, [*OUTCOMES, NOT_WELL]) == NOT_WELL:
        return _NOT_WELL
    return tuple(each for each in OUTCOMES if each == asked)
