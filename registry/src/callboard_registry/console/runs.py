"""Runs: every tree of calls that was begun, and one of them as a timeline."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, Response

from callboard_registry.console.filters import WINDOWS, beginning, dollars, one_of
from callboard_registry.console.knowledge import Knowledge
from callboard_registry.console.rendering import HEADERS, page
from callboard_registry.console.routes import PageRoute
from callboard_registry.console.story import LineKind, Tree, tree
from callboard_registry.overview.overview import Overview
from callboard_registry.overview.runs import WhichRuns
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
    "trouble": ("trouble", "stop", "lock", "wait"),
}
"""What of a run may be shown alone."""

_TO_BE_READ: Final = timedelta(minutes=1)
"""How long a page waits for the story of a run that is over."""

_TO_BE_HEARD: Final = timedelta(seconds=15)
"""How long a page waits for what others who took part have to tell when the run is over."""

_CLOCK: Final = 5
"""Seconds after which the page of a run that goes on is drawn anew though nothing happened: its bars have grown."""

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
    async def run(
        root: str, only: str = "", after: Annotated[int, Query(ge=0, le=10**6)] = 0, seen: str = ""
    ) -> Response:
        """Show one run as a timeline; what was `seen` already is not sent again."""
        overview = knowledge.registry.overview
        kinds = SHOWN if not only else {only: SHOWN[one_of("only", only, list(SHOWN))]}
        # Before the run itself is read: what comes in between is found to be new the next time.
        now = datetime.now(UTC)
        state = await _state(overview, root, now)
        if seen and seen == state:
            await overview.watch(root)
            return Response(status_code=204, headers=dict(HEADERS))
        whole, is_all = await _tree(overview, knowledge, root)
        if whole is None:
            return await _unknown(overview, root, since=seen, now=now)
        lines = [line for line in whole.lines if not only or line.kind in kinds[only] or line.depth == 0]
        is_live = whole.under_way or now - whole.end < (_TO_BE_HEARD if whole.executions else _TO_BE_READ)
        if is_live:
            await overview.watch(root)
        return page(
            "run.html",
            section="runs",
            root=root,
            tree=whole,
            state=state,
            is_live=is_live,
            lines=lines[after : after + _LINES],
            after=after,
            more=after + _LINES if len(lines) > after + _LINES else 0,
            is_all=is_all,
            only=only,
            shown=list(SHOWN),
            temporal_ui=temporal_ui,
        )

    del runs, run  # they live in the router now
    return router


async def _tree(overview: Overview, knowledge: Knowledge, root: str) -> tuple[Tree | None, bool]:
    executions, happened, is_all = await overview.story(root, most=_LONGEST)
    records = await knowledge.calls(CallFilter(root=root), most=_LONGEST, newest_first=False)
    return tree(executions, happened, records, now=datetime.now(UTC)), is_all


async def _state(overview: Overview, root: str, now: datetime) -> str:
    """Return what names everything that a page of a run shows: what is known, and how far the clock has gone."""
    return f"{await overview.story_state(root)}-{int(now.timestamp()) // _CLOCK}"


async def _unknown(overview: Overview, root: str, *, since: str, now: datetime) -> Response:
    """Say that nothing is known of a run, and go on looking for a while: it may have begun just now."""
    began = int(since) if since.isdecimal() and len(since) < 12 else int(now.timestamp())
    looks = int(now.timestamp()) - began <= _TO_BE_READ.total_seconds()
    if looks:
        await overview.watch(root)
    if looks and since:
        return Response(status_code=204, headers=dict(HEADERS))
    shown = page("run_unknown.html", section="runs", root=root, began=began, looks=looks)
    # What a page asks for by itself is put into it only when it is found.
    shown.status_code = 200 if since else 404
    return shown


def _outcomes(asked: str) -> tuple[Outcome, ...]:
    if not asked:
        return ()
    if one_of("outcome", asked, [*OUTCOMES, NOT_WELL]) == NOT_WELL:
        return _NOT_WELL
    return tuple(each for each in OUTCOMES if each == asked)
