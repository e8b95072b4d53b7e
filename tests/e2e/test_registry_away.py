"""A registry that is away: calls go on, and so does a worker that starts meanwhile."""

from collections.abc import AsyncIterator

import pytest

from tests.lab.killing import Killer
from tests.playing.books import expected_effects, surplus
from tests.playing.judging import wrong_records, wrong_results
from tests.playing.stage import Stage
from tests.playing.tasks import TaskSet, own

pytestmark = pytest.mark.timeout(300)

TASK = "cancel-to-gift-card"


@pytest.fixture
async def without_registry(stage: Stage) -> AsyncIterator[TaskSet]:
    tasks = own()
    await stage.fill(tasks)
    # What the orchestrator has never heard it cannot remember: the catalog is asked for with the first request.
    await _settle(stage, tasks)
    await stage.fill(tasks)
    await stage.take_away("registry")
    try:
        yield tasks
    finally:
        await stage.bring_back("registry")


async def test_calls_go_on_with_the_keys_and_policies_last_heard_of(stage: Stage, without_registry: TaskSet):
    await _settle(stage, without_registry)


async def test_a_worker_that_starts_meanwhile_serves_with_what_its_team_last_heard(
    stage: Stage, without_registry: TaskSet
):
    killer = Killer(stage, seed=1, victims=())
    for team in ("orders", "billing", "orchestrator"):
        killer.kill(team)
    await killer.all_back()

    await _settle(stage, without_registry)


async def _settle(stage: Stage, tasks: TaskSet) -> None:
    [task] = [task for task in tasks.tasks if task.id == TASK]

    played = await stage.play(task)

    assert wrong_results(task, played.told) == []
    assert wrong_records(task.changed, stage.books.changed(tasks.records)) == []
    assert surplus(expected_effects([task], tasks.records), stage.books.effects()) == []
