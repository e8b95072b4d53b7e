"""The map: which team calls which, as was seen and as was declared."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from callboard_registry.console.knowledge import Knowledge
from callboard_registry.console.layers import placed
from callboard_registry.console.rendering import page
from callboard_registry.console.routes import PageRoute
from callboard_registry.totals import Which

MOST_TEAMS: Final = 40
"""Teams that one drawing holds and can still be read."""

WINDOWS: Final[Mapping[str, timedelta]] = {
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=30),
}

_LAYER: Final = 230
_ROW: Final = 62
_BOX: Final = (150, 38)
_MARGIN: Final = 20


@dataclass(frozen=True, kw_only=True)
class Arrow:
    """Calls of one team to another."""

    caller: str
    team: str
    calls: int
    errors: int
    declared: bool

    @property
    def kind(self) -> str:
        """How it is drawn: as seen and declared, as seen only, or as declared only."""
        if not self.calls:
            return "unseen"
        return "known" if self.declared else "undeclared"

    @property
    def health(self) -> str:
        """How its calls end, in three steps."""
        share = self.errors / self.calls if self.calls else 0.0
        return "well" if share < 0.01 else "some" if share < 0.1 else "many"

    @property
    def width(self) -> float:
        """How thick it is drawn: the logarithm of its calls."""
        return round(1.2 + math.log10(self.calls + 1), 1)


@dataclass(frozen=True)
class Drawing:
    """Where everything is, in pixels."""

    width: int
    height: int
    boxes: Sequence[tuple[str, float, float]]
    paths: Sequence[tuple[Arrow, str]]
    box: tuple[int, int] = _BOX


def map_router(knowledge: Knowledge) -> APIRouter:
    """Serve the map."""
    router = APIRouter(route_class=PageRoute, include_in_schema=False)

    @router.get("/map", response_class=HTMLResponse)
    async def map_page(window: str = "week", team: str = "") -> HTMLResponse:
        """Draw who calls whom; with a team only what it calls and who calls it."""
        length = WINDOWS.get(window, WINDOWS["week"])
        which = Which(since=datetime.now(UTC) - length)
        seen = await knowledge.totals(which, by=("caller", "service"))
        arrows = _arrows(
            ((row.caller, row.service, row.calls, row.errors) for row in seen),
            await knowledge.registry.auditing.declared(),
        )
        if team:
            arrows = [arrow for arrow in arrows if team in (arrow.caller, arrow.team)]
        shown, left_out = _busiest(arrows)
        return page(
            "map.html",
            section="map",
            window=window if window in WINDOWS else "week",
            windows=list(WINDOWS),
            team=team,
            arrows=arrows,
            left_out=left_out,
            drawing=drawing([arrow for arrow in arrows if {arrow.caller, arrow.team} <= shown]),
        )

    del map_page  # it lives in the router now
    return router


def drawing(arrows: Sequence[Arrow]) -> Drawing:
    """Return where the boxes and arrows are."""
    names = sorted({name for arrow in arrows for name in (arrow.caller, arrow.team)})
    plan = placed(names, [(arrow.caller, arrow.team) for arrow in arrows])
    width, height = _BOX

    def corner(place: tuple[int, float]) -> tuple[float, float]:
        return _MARGIN + place[0] * _LAYER, _MARGIN + place[1] * _ROW

    paths: list[tuple[Arrow, str]] = []
    for arrow in arrows:
        if arrow.caller == arrow.team:
            x, y = corner(plan.nodes[arrow.team])
            paths.append((arrow, f"M{x + 40:g} {y:g} C{x + 40:g} {y - 18:g} {x + 90:g} {y - 18:g} {x + 90:g} {y:g}"))
            continue
        points = [corner(place) for place in plan.edges[arrow.caller, arrow.team]]
        paths.append((arrow, _path(points, width, height)))
    return Drawing(
        width=max(plan.layers - 1, 0) * _LAYER + width + 2 * _MARGIN,
        height=round(max(plan.rows - 1, 0) * _ROW + height + 2 * _MARGIN),
        boxes=[(name, *corner(plan.nodes[name])) for name in names],
        paths=paths,
    )


def _path(corners: Sequence[tuple[float, float]], width: int, height: int) -> str:
    """Return an arrow's path: out of one side of its box, straight through each layer it passes, into the next box.

    It bends only between layers, where no boxes stand.
    """
    forward = corners[-1][0] >= corners[0][0]
    middle = height / 2
    first, last = corners[0], corners[-1]
    start = (first[0] + (width if forward else 0), first[1] + middle)
    end = (last[0] + (0 if forward else width), last[1] + middle)
    path = f"M{start[0]:g} {start[1]:g}"
    here = start
    for x, y in corners[1:-1]:
        near, far = (x, x + width) if forward else (x + width, x)
        path += _bend(here, (near, y + middle)) + f" H{far:g}"
        here = (far, y + middle)
    return path + _bend(here, end)


def _bend(start: tuple[float, float], end: tuple[float, float]) -> str:
    half = (end[0] - start[0]) / 2
    return f" C{start[0] + half:g} {start[1]:g} {end[0] - half:g} {end[1]:g} {end[0]:g} {end[1]:g}"


def _arrows(seen: Iterable[tuple[str, str, int, int]], declared: Iterable[tuple[str, str]]) -> list[Arrow]:
    calls: dict[tuple[str, str], tuple[int, int]] = {}
    for caller, service, number, errors in seen:
        if caller:
            pair = (caller, service.partition(".")[0])
            before = calls.get(pair, (0, 0))
            calls[pair] = (before[0] + number, before[1] + errors)
    said = {(caller, service.partition(".")[0]) for caller, service in declared}
    return [
        Arrow(
            caller=caller,
            team=team,
            calls=calls.get((caller, team), (0, 0))[0],
            errors=calls.get((caller, team), (0, 0))[1],
            # What a team does with itself nobody needs to be told.
            declared=(caller, team) in said or caller == team,
        )
        for caller, team in sorted({*calls, *said})
    ]


def _busiest(arrows: Sequence[Arrow]) -> tuple[set[str], int]:
    """Return the teams that are drawn, those with the most calls, and how many are not."""
    busy: dict[str, int] = {}
    for arrow in arrows:
        for name in {arrow.caller, arrow.team}:
            busy[name] = busy.get(name, 0) + arrow.calls
    shown = sorted(busy, key=lambda name: (-busy[name], name))[:MOST_TEAMS]
    return set(shown), len(busy) - len(shown)
