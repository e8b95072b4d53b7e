"""The map: which team calls which, as was seen and as was declared."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, Response

from callboard_registry.console.filters import WINDOWS, one_of
from callboard_registry.console.grouping import WAYS, Arrow, Grouped, Node, grouped, strongest, usual
from callboard_registry.console.knowledge import Knowledge
from callboard_registry.console.layers import placed
from callboard_registry.console.rendering import page
from callboard_registry.console.routes import PageRoute
from callboard_registry.console.spreadsheets import spreadsheet
from callboard_registry.overview.edges import Edge

ROWS: Final = 100
"""Of the table beside the drawing, at a time."""

MOST_IN_LAYERS: Final = 12
"""Boxes that can be followed through layers; more are drawn in two columns."""

_COLUMN_ROW: Final = 46
_COLUMN_GAP: Final = 620
_LAYER: Final = 250
_ROW: Final = 62
_BOX: Final = (170, 38)
_MARGIN: Final = 20
_LETTERS: Final = 21


@dataclass(frozen=True)
class Drawing:
    """Where everything is, in pixels."""

    width: int
    height: int
    boxes: Sequence[tuple[Node, float, float]]
    paths: Sequence[tuple[Arrow, str, float]]
    """Each arrow with its path, and how thick it is."""

    columns: Sequence[str] = ()
    """What stands above, if there are columns."""

    box: tuple[int, int] = _BOX
    letters: int = _LETTERS


def map_router(knowledge: Knowledge) -> APIRouter:
    """Serve the map."""
    router = APIRouter(route_class=PageRoute, include_in_schema=False)

    @router.get("/map", response_class=HTMLResponse)
    async def map_page(
        window: str = "week",
        team: str = "",
        by: str = "",
        opened: Annotated[Sequence[str], Query(alias="open")] = (),
        after: Annotated[int, Query(ge=0, le=10**6)] = 0,
    ) -> HTMLResponse:
        """Draw who calls whom; with a team only what it calls and who calls it."""
        arrows = await _seen_and_said(knowledge, one_of("window", window, list(WINDOWS)))
        named = {name for arrow in arrows for name in (arrow.caller, arrow.team)}
        if team:
            arrows = [arrow for arrow in arrows if team in (arrow.caller, arrow.team)]
        owners = {name: facts.owner for name, facts in (await knowledge.teams()).items()}
        chosen = one_of("by", by, WAYS) if by else usual(_teams(arrows), owners)
        picture = grouped(arrows, chosen, owners=owners, opened=opened)
        shown = strongest(picture.arrows)
        rows = sorted(picture.arrows, key=lambda arrow: (-arrow.calls, arrow.caller, arrow.team))
        return page(
            "map.html",
            section="map",
            window=window,
            windows=list(WINDOWS),
            team=team,
            is_known=not team or team in named,
            by=chosen,
            ways=WAYS,
            opened=opened,
            asked=[("window", window), *([("team", team)] if team else []), ("by", chosen)],
            teams=len(_teams(arrows)),
            nodes=picture.nodes,
            rows=rows[after : after + ROWS],
            after=after,
            more=after + ROWS if len(rows) > after + ROWS else 0,
            left_out=len(picture.arrows) - len(shown),
            drawing=drawing(picture, shown),
        )

    @router.get("/map.csv")
    async def table(window: str = "week", team: str = "") -> Response:
        """Return every pair of teams, with their calls."""
        arrows = await _seen_and_said(knowledge, one_of("window", window, list(WINDOWS)))
        return spreadsheet(
            f"map-{window}",
            ("caller", "called", "calls", "errors", "declared"),
            (
                (arrow.caller, arrow.team, arrow.calls, arrow.errors, "yes" if arrow.declared else "no")
                for arrow in arrows
                if not team or team in (arrow.caller, arrow.team)
            ),
        )

    del map_page, table  # they live in the router now
    return router


async def _seen_and_said(knowledge: Knowledge, window: str) -> list[Arrow]:
    return between_teams(await knowledge.edges(window), await knowledge.registry.auditing.declared())


def between_teams(seen: Iterable[Edge], declared: Iterable[tuple[str, str]]) -> list[Arrow]:
    """Return an arrow for each pair of teams of which one was seen, or says, to call the other."""
    calls = {(edge.caller, edge.team): edge for edge in seen}
    said = {(caller, service.partition(".")[0]) for caller, service in declared}
    arrows: list[Arrow] = []
    for pair in sorted({*calls, *said}):
        caller, team = pair
        edge = calls.get(pair, Edge(caller, team, 0, 0))
        # What a team does with itself nobody needs to be told.
        is_declared = pair in said or caller == team
        arrows.append(Arrow(caller=caller, team=team, calls=edge.calls, errors=edge.errors, declared=is_declared))
    return arrows


def _teams(arrows: Iterable[Arrow]) -> set[str]:
    return {name for arrow in arrows for name in (arrow.caller, arrow.team)}


def drawing(picture: Grouped, shown: Sequence[Arrow]) -> Drawing:
    """Return where the boxes and arrows are: in layers, or, where those would be many, in two columns."""
    return _layers(picture, shown) if len(picture.nodes) <= MOST_IN_LAYERS else _columns(picture, shown)


def _layers(picture: Grouped, shown: Sequence[Arrow]) -> Drawing:
    names = list(picture.nodes)
    plan = placed(names, [(arrow.caller, arrow.team) for arrow in shown])
    width, height = _BOX

    def corner(place: tuple[int, float]) -> tuple[float, float]:
        return _MARGIN + place[0] * _LAYER, _MARGIN + place[1] * _ROW

    paths: list[tuple[Arrow, str, float]] = []
    for arrow in shown:
        if arrow.caller == arrow.team:
            x, y = corner(plan.nodes[arrow.team])
            path = f"M{x + 40:g} {y:g} C{x + 40:g} {y - 18:g} {x + 90:g} {y - 18:g} {x + 90:g} {y:g}"
        else:
            points = [corner(place) for place in plan.edges[arrow.caller, arrow.team]]
            path = _path(points, width, height)
        paths.append((arrow, path, _thickness(arrow)))
    return Drawing(
        width=max(plan.layers - 1, 0) * _LAYER + width + 2 * _MARGIN,
        height=round(max(plan.rows - 1, 0) * _ROW + height + 2 * _MARGIN),
        boxes=[(picture.nodes[name], *corner(plan.nodes[name])) for name in names],
        paths=paths,
    )


def _columns(picture: Grouped, shown: Sequence[Arrow]) -> Drawing:
    """Place whoever calls on the left and whoever is called on the right: no arrow ever runs back.

    Whoever is called most stands on top, and callers stand at the height of what they call.
    """
    calls: dict[str, int] = {}
    for arrow in shown:
        calls[arrow.team] = calls.get(arrow.team, 0) + arrow.calls
    called = sorted(calls, key=lambda name: (-calls[name], name))
    row = {name: number for number, name in enumerate(called)}
    heights: dict[str, list[tuple[int, int]]] = {}
    for arrow in shown:
        heights.setdefault(arrow.caller, []).append((row[arrow.team], arrow.calls + 1))
    mean = {
        name: sum(at * weight for at, weight in places) / sum(weight for _, weight in places)
        for name, places in heights.items()
    }
    callers = sorted(mean, key=lambda name: (mean[name], name))
    # Who neither calls nor is called by what is drawn is there all the same.
    callers += [name for name in picture.nodes if name not in mean and name not in row]
    width, height = _BOX
    rows = max(len(callers), len(called))

    def tops(names: Sequence[str]) -> dict[str, float]:
        step = _COLUMN_ROW * (rows - 1) / max(len(names) - 1, 1)
        return {name: _MARGIN + number * min(step, 2 * _COLUMN_ROW) for number, name in enumerate(names)}

    left, right = tops(callers), tops(called)
    far = _MARGIN + width + _COLUMN_GAP
    paths = [
        (
            arrow,
            f"M{_MARGIN + width} {left[arrow.caller] + height / 2:g}"
            + _bend((_MARGIN + width, left[arrow.caller] + height / 2), (far, right[arrow.team] + height / 2)),
            _thickness(arrow),
        )
        for arrow in shown
    ]
    return Drawing(
        width=far + width + _MARGIN,
        height=round((rows - 1) * _COLUMN_ROW + height + 2 * _MARGIN),
        boxes=[
            *((picture.nodes[name], _MARGIN, top) for name, top in left.items()),
            *((picture.nodes[name], far, top) for name, top in right.items()),
        ],
        paths=paths,
        columns=("who calls", "who is called"),
    )


def _thickness(arrow: Arrow) -> float:
    return round(1.2 + math.log10(arrow.calls + 1), 1)


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
