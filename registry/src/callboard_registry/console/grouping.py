"""Teams of a large mesh as a few nodes: by who owns them, or by how much they are called; each opens on request."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

By = Literal["team", "owner", "traffic"]

WAYS: Final[Sequence[By]] = ("team", "owner", "traffic")

MOST_NODES: Final = 40
"""Nodes that one drawing holds and can still be read."""

MOST_ARROWS: Final = 80
"""Arrows likewise."""

_BANDS: Final = ((10_000, "10,000 calls and more"), (1_000, "1,000 calls and more"), (100, "100 calls and more"))
_LEAST: Final = "fewer than 100 calls"
_NO_OWNER: Final = "no owner told"


@dataclass(frozen=True, kw_only=True)
class Arrow:
    """Calls of one node to another: of one team to another, or of all teams of a group."""

    caller: str
    team: str
    calls: int
    errors: int
    declared: bool
    """Whether every team that was seen to call here says that it does."""

    pairs: int = 1
    """Teams that call teams here."""

    undeclared: int = 0
    """Pairs that were seen and are not declared."""

    unseen: int = 0
    """Pairs that are declared and were not seen."""

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


@dataclass(frozen=True, kw_only=True)
class Node:
    """A box of the drawing."""

    name: str
    teams: Sequence[str]
    is_group: bool = False
    inside: int = 0
    """Calls among its own teams."""


@dataclass(frozen=True)
class Grouped:
    """What is drawn: nodes, and the arrows between them."""

    nodes: Mapping[str, Node]
    arrows: Sequence[Arrow]


def usual(teams: Collection[str], owners: Mapping[str, str]) -> By:
    """Return by what a mesh is grouped unless somebody says otherwise: not at all, as long as it can be read."""
    if len(teams) <= MOST_NODES:
        return "team"
    groups = {owners.get(team, "") for team in teams}
    return "owner" if 1 < len(groups) <= MOST_NODES else "traffic"


def grouped(arrows: Iterable[Arrow], by: By, *, owners: Mapping[str, str], opened: Collection[str]) -> Grouped:
    """Return what is drawn of `arrows` between teams, with the groups in `opened` as single teams."""
    arrows = list(arrows)
    group_of = _groups(arrows, by, owners)
    members: defaultdict[str, list[str]] = defaultdict(list)
    for team, group in sorted(group_of.items()):
        members[group].append(team)
    node_of = {team: team if group in opened or len(members[group]) == 1 else group for team, group in group_of.items()}
    inside: defaultdict[str, int] = defaultdict(int)
    between: defaultdict[tuple[str, str], list[Arrow]] = defaultdict(list)
    for arrow in arrows:
        start, end = node_of[arrow.caller], node_of[arrow.team]
        if start == end and start != arrow.caller:
            inside[start] += arrow.calls
        else:
            between[start, end].append(arrow)
    nodes = {
        node: Node(name=node, teams=members[node], is_group=True, inside=inside[node])
        if node not in group_of
        else Node(name=node, teams=[node])
        for node in sorted({*node_of.values()})
    }
    return Grouped(nodes, [_together(*pair, those) for pair, those in sorted(between.items())])


def _groups(arrows: Sequence[Arrow], by: By, owners: Mapping[str, str]) -> Mapping[str, str]:
    calls: dict[str, int] = {}
    for arrow in arrows:
        for team in {arrow.caller, arrow.team}:
            calls[team] = calls.get(team, 0) + arrow.calls
    if by == "team":
        busiest = sorted(calls, key=lambda team: (-calls[team], team))
        rest = busiest[MOST_NODES - 1 :] if len(busiest) > MOST_NODES else []
        return {team: f"{len(rest)} quieter teams" if team in set(rest) else team for team in calls}
    if by == "owner":
        return {team: owners.get(team) or _NO_OWNER for team in calls}
    return {team: next((words for least, words in _BANDS if calls[team] >= least), _LEAST) for team in calls}


def _together(caller: str, team: str, arrows: Sequence[Arrow]) -> Arrow:
    seen = [arrow for arrow in arrows if arrow.calls]
    return Arrow(
        caller=caller,
        team=team,
        calls=sum(arrow.calls for arrow in arrows),
        errors=sum(arrow.errors for arrow in arrows),
        declared=all(arrow.declared for arrow in seen),
        pairs=len(arrows),
        undeclared=sum(not arrow.declared for arrow in seen),
        unseen=len(arrows) - len(seen),
    )


def strongest(arrows: Sequence[Arrow]) -> Sequence[Arrow]:
    """Return the arrows that are drawn, those with the most calls, in their order."""
    kept = sorted(arrows, key=lambda arrow: (-arrow.calls, arrow.caller, arrow.team))[:MOST_ARROWS]
    chosen = {(arrow.caller, arrow.team) for arrow in kept}
    return [arrow for arrow in arrows if (arrow.caller, arrow.team) in chosen]
