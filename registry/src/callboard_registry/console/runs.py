"""Runs: every tree of calls that was begun, and one of them as a timeline."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from callboard_registry.console.knowledge import Knowledge
from callboard_registry.console.rendering import page
from callboard_registry.console.routes import PageRoute
from callboard_registry.console.timeline import Timeline, timeline
from callboard_registry.refusals import Refusal
from callboard_registry_api.audit import CallFilter
from callboard_registry_api.model import OUTCOMES, CallRecord, Outcome

NOT_WELL: Final = "not well"
"""Stands in the filter for every outcome that is an error."""

_NOT_WELL: Final[tuple[Outcome, ...]] = ("refused", "unavailable", "failed")
_LOOKED_AT: Final = 2000
"""Call records among which the list of runs looks, from the newest back."""

_RUNS: Final = 50
_LONGEST: Final = 5000
"""Call records of one run that its page shows."""


@dataclass(frozen=True)
class Run:
    """One tree in the list."""

    root: str
    person: str
    team: str
    """Who made its first call."""

    calls: int
    wrong: int
    """Calls that did not end well."""

    start: datetime
    asked: tuple[str, ...]
    """The operations its root called, in order, each once."""


def runs_router(knowledge: Knowledge) -> APIRouter:
    """Serve the list of runs and the page of each."""
    router = APIRouter(route_class=PageRoute, include_in_schema=False)

    @router.get("/runs", response_class=HTMLResponse)
    async def runs(
        team: str = "", caller: str = "", service: str = "", operation: str = "", entity: str = "", outcome: str = ""
    ) -> HTMLResponse:
        """Show the runs that have a call that fits, the newest first."""
        outcomes: tuple[Outcome, ...] = (
            _NOT_WELL if outcome == NOT_WELL else tuple(each for each in OUTCOMES if each == outcome)
        )
        which = CallFilter(
            team=team, caller=caller, service=service, operation=operation, entity=entity, outcomes=outcomes
        )
        records = await knowledge.calls(which, most=_LOOKED_AT)
        asked = {
            "team": team,
            "caller": caller,
            "service": service,
            "operation": operation,
            "entity": entity,
            "outcome": outcome,
        }
        return page(
            "runs.html", section="runs", runs=_runs(records)[:_RUNS], asked=asked, outcomes=[*OUTCOMES, NOT_WELL]
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


def _runs(records: Iterable[CallRecord]) -> list[Run]:
    trees: dict[str, list[CallRecord]] = {}
    for record in records:
        trees.setdefault(record.root, []).append(record)
    return [_run(root, calls) for root, calls in trees.items() if root]


def _run(root: str, calls: list[CallRecord]) -> Run:
    calls = sorted(calls, key=lambda call: call.start)
    ended = {call.token_id or str(place): call for place, call in enumerate(calls) if call.outcome != "started"}
    wrong = sum(call.outcome not in ("ok", "cancelled") for call in ended.values())
    team = calls[0].caller
    asked = dict.fromkeys(f"{call.service} {call.operation}" for call in calls if call.caller == team)
    return Run(
        root=root,
        person=next((call.person for call in calls if call.person), ""),
        team=team,
        calls=len({call.token_id for call in calls}),
        wrong=wrong,
        start=calls[0].start,
        asked=tuple(asked),
    )
