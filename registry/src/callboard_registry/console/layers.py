"""Places a graph in layers, so that its arrows run from left to right as far as they can.

The steps are those of Sugiyama, Tagawa and Toda (1981), each in its plainest form: turn the arrows that close a cycle
round, give every node the layer behind the longest path that leads to it, split arrows that cross several layers, and
order each layer by the mean position of its neighbours, forwards and backwards, as long as that is done often enough.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean
from typing import Final

SWEEPS: Final = 12

Edge = tuple[str, str]


@dataclass(frozen=True)
class Placed:
    """Where everything is, in layers (from the left) and rows (from the top); rows may lie between whole numbers."""

    nodes: Mapping[str, tuple[int, float]]
    edges: Mapping[Edge, Sequence[tuple[int, float]]]
    """The points an arrow passes, its two ends included."""

    layers: int
    rows: float


def placed(nodes: Sequence[str], edges: Iterable[Edge]) -> Placed:
    """Place nodes and arrows. Names in the same order give the same picture."""
    edges = [edge for edge in dict.fromkeys(edges) if edge[0] != edge[1]]
    turned = _closing_cycles(nodes, edges)
    forward = {edge: (edge[1], edge[0]) if edge in turned else edge for edge in edges}
    layer = _layers(nodes, set(forward.values()))
    chains: dict[Edge, list[Hashable]] = {}
    levels: dict[int, list[Hashable]] = defaultdict(list)
    for node in nodes:
        levels[layer[node]].append(node)
    for edge, (start, end) in forward.items():
        between = [(edge, each) for each in range(layer[start] + 1, layer[end])]
        for point in between:
            levels[point[1]].append(point)
        chains[edge] = [start, *between, end]
    rows = _ordered(levels, chains.values())
    place = {item: (level, rows[item]) for level, items in levels.items() for item in items}
    return Placed(
        nodes={node: place[node] for node in nodes},
        edges={
            edge: [place[item] for item in (reversed(chain) if edge in turned else chain)]
            for edge, chain in chains.items()
        },
        layers=max(levels, default=-1) + 1,
        rows=max(rows.values(), default=-1) + 1,
    )


def _closing_cycles(nodes: Sequence[str], edges: Sequence[Edge]) -> set[Edge]:
    """Return arrows without which there is no cycle: those that lead back to where a walk came from."""
    after: dict[str, list[str]] = defaultdict(list)
    for start, end in edges:
        after[start].append(end)
    # Walks begin at whoever is called least, so that callers come before those they call.
    called = {node: sum(end == node for _, end in edges) for node in nodes}
    seen: set[str] = set()
    closing: set[Edge] = set()
    for root in sorted(nodes, key=lambda node: called[node]):
        if root in seen:
            continue
        seen.add(root)
        path = [root]
        todo = [iter(after[root])]
        while todo:
            following = next(todo[-1], None)
            if following is None:
                todo.pop()
                path.pop()
            elif following in path:
                closing.add((path[-1], following))
            elif following not in seen:
                seen.add(following)
                path.append(following)
                todo.append(iter(after[following]))
    return closing


def _layers(nodes: Sequence[str], edges: set[Edge]) -> dict[str, int]:
    before: dict[str, list[str]] = defaultdict(list)
    after: dict[str, list[str]] = defaultdict(list)
    for start, end in sorted(edges):
        before[end].append(start)
        after[start].append(end)
    missing = {node: len(before[node]) for node in nodes}
    ready = [node for node in nodes if not missing[node]]
    layer: dict[str, int] = {}
    while ready:
        node = ready.pop()
        layer[node] = max((layer[each] + 1 for each in before[node]), default=0)
        for following in after[node]:
            missing[following] -= 1
            if not missing[following]:
                ready.append(following)
    return layer


def _ordered(levels: Mapping[int, list[Hashable]], chains: Iterable[Sequence[Hashable]]) -> dict[Hashable, float]:
    left: dict[Hashable, list[Hashable]] = defaultdict(list)
    right: dict[Hashable, list[Hashable]] = defaultdict(list)
    for chain in chains:
        for one, other in pairwise(chain):
            right[one].append(other)
            left[other].append(one)
    rows: dict[Hashable, float] = {item: row for items in levels.values() for row, item in enumerate(items)}
    for sweep in range(SWEEPS):
        neighbours = left if sweep % 2 == 0 else right
        for level in sorted(levels, reverse=sweep % 2 == 1):
            items = levels[level]
            wanted = {item: _mean(neighbours[item], rows, otherwise=rows[item]) for item in items}
            items.sort(key=lambda item: (wanted[item], str(item)))
            rows |= {item: row for row, item in enumerate(items)}
    # Shorter layers stand in the middle of the longest.
    longest = max((len(items) for items in levels.values()), default=0)
    return {item: row + (longest - len(items)) / 2 for items in levels.values() for row, item in enumerate(items)}


def _mean(items: Sequence[Hashable], rows: Mapping[Hashable, float], *, otherwise: float) -> float:
    return fmean(rows[item] for item in items) if items else otherwise
