"""The short form of `python -m tests.lab.delegating`, and proof that it finds what is there to be found."""

from dataclasses import replace

import pytest

from tests.lab.delegating import faults_of
from tests.playing.delegating import not_delegated, parts_of, play_by_delegation
from tests.playing.stage import Stage
from tests.playing.tasks import own

# The first test of a run also starts the mesh.
pytestmark = pytest.mark.timeout(300)

TASKS = own()
CANCELLING = next(task for task in TASKS.tasks if task.id == "cancel-to-gift-card")


async def test_a_task_is_settled_rightly_by_nothing_but_words_between_the_teams(stage: Stage):
    assert {part.team for part in parts_of(CANCELLING)} == {"customers", "orders", "support"}
    assert await faults_of(stage, TASKS, CANCELLING) == []


async def test_a_team_that_does_less_than_it_was_asked_is_found(stage: Stage):
    await stage.fill(TASKS)
    less = replace(CANCELLING, actions=CANCELLING.actions[:2], words=f"{CANCELLING.words}\nLook only.")

    played = await play_by_delegation(stage, less)

    assert not_delegated(less, played) == []
    assert stage.books.changed(TASKS.records) == {}
    assert not_delegated(CANCELLING, played) != []


def test_the_parts_of_every_task_are_all_of_it_and_told_apart_by_their_words():
    for task in TASKS.tasks:
        parts = parts_of(task)
        assert [action for part in parts for action in part.actions] == list(task.actions)
        assert len({part.goal for part in parts}) == len(parts)
