"""A large mesh as a few boxes, and answers that are kept for a moment."""

import asyncio

import pytest

from callboard_registry.console import recent
from callboard_registry.console.grouping import MOST_ARROWS, MOST_NODES, Arrow, grouped, strongest, usual
from callboard_registry.console.map import MOST_IN_LAYERS, between_teams, drawing
from callboard_registry.console.recent import Recent
from callboard_registry.overview.edges import Edge

TEAMS = [f"t{number:03}" for number in range(200)]
OWNERS = {team: f"Division {int(team[1:]) // 10}" for team in TEAMS}


def arrow(caller: str, team: str, calls: int, *, errors: int = 0, declared: bool = True) -> Arrow:
    return Arrow(caller=caller, team=team, calls=calls, errors=errors, declared=declared)


def company() -> list[Arrow]:
    """Everybody calls the next, the first team, and somebody of another division."""
    pairs = {(team, other) for at, team in enumerate(TEAMS) for other in (TEAMS[at - 1], TEAMS[0], TEAMS[at * 7 % 200])}
    return [arrow(caller, team, 10) for caller, team in sorted(pairs) if caller != team]


def test_what_was_seen_and_what_was_said_are_told_apart():
    seen = [Edge("a", "b", 5, 1), Edge("a", "c", 2, 0)]

    arrows = between_teams(seen, [("a", "b.v1"), ("a", "d.v2")])

    assert [(each.team, each.kind) for each in arrows] == [("b", "known"), ("c", "undeclared"), ("d", "unseen")]


def test_a_large_mesh_is_drawn_by_owner_and_opens_where_it_is_asked_to():
    arrows = company()
    by = usual(TEAMS, OWNERS)

    closed = grouped(arrows, by, owners=OWNERS, opened=())
    opened = grouped(arrows, by, owners=OWNERS, opened=("Division 3",))

    assert (by, len(closed.nodes)) == ("owner", 20)
    assert len(opened.nodes) == 19 + 10
    assert not opened.nodes["t030"].is_group
    calls = sum(each.calls for each in arrows)
    assert sum(each.calls for each in closed.arrows) + sum(each.inside for each in closed.nodes.values()) == calls


def test_without_owners_teams_are_banded_and_none_is_left_out():
    arrows = company()

    banded = grouped(arrows, usual(TEAMS, {}), owners={}, opened=())
    busiest = grouped(arrows, "team", owners={}, opened=())

    assert sum(len(node.teams) for node in banded.nodes.values()) == len(TEAMS)
    assert sum(len(node.teams) for node in busiest.nodes.values()) == len(TEAMS)
    assert len(busiest.nodes) == MOST_NODES


def test_an_arrow_between_groups_says_how_many_of_its_pairs_nobody_declared():
    arrows = [arrow("a1", "b1", 3), arrow("a2", "b1", 4, declared=False), arrow("a1", "b2", 0)]
    owners = {"a1": "A", "a2": "A", "b1": "B", "b2": "B"}

    [between] = grouped(arrows, "owner", owners=owners, opened=()).arrows

    assert (between.calls, between.pairs, between.undeclared, between.unseen) == (7, 3, 1, 1)
    assert between.kind == "undeclared"


def test_many_boxes_stand_in_two_columns_within_the_drawing():
    picture = grouped(company(), "owner", owners=OWNERS, opened=())
    shown = strongest(picture.arrows)

    drawn = drawing(picture, shown)

    assert len(picture.nodes) > MOST_IN_LAYERS
    assert len(shown) <= MOST_ARROWS
    assert len(drawn.columns) == 2
    assert {node.name for node, _, _ in drawn.boxes} == set(picture.nodes)
    assert all(0 <= top <= drawn.height - drawn.box[1] for _, _, top in drawn.boxes)
    assert len({(left, top) for _, left, top in drawn.boxes}) == len(drawn.boxes), "no box lies on another"


async def test_an_answer_that_was_quick_is_asked_anew_and_one_that_took_long_is_given_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
):
    now, took, asked = [100.0], [0.0], []
    monkeypatch.setattr(recent.time, "monotonic", lambda: now[0])

    async def ask() -> int:
        now[0] += took[0]
        asked.append(len(asked))
        return len(asked)

    answers = Recent(ask)
    assert (await answers.get(), await answers.get()) == (1, 1)
    now[0] += 0.001
    assert await answers.get() == 2, "what takes no time is asked each time"

    took[0], now[0] = 1.0, now[0] + 60
    assert await answers.get() == 3
    now[0] += 10
    assert await answers.get() == 3, "nobody waits for what takes long"
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert await answers.get() == 4
