"""Every reference task through a whole mesh: a scripted model, the orchestrator, Nexus, five teams and their stores."""

import time
from collections.abc import Callable

import pytest

from tests.playing.books import expected_effects, surplus
from tests.playing.judging import wrong_records, wrong_results
from tests.playing.scripts import closing_words
from tests.playing.stage import Stage
from tests.playing.tasks import RETAIL, Task, TaskSet, own, retail

# The first test of a run also starts the mesh.
pytestmark = pytest.mark.timeout(300)

SETS = [tasks for tasks in (own(), retail()) if tasks is not None]


@pytest.fixture
async def filled(stage: Stage, tasks: TaskSet) -> Stage:
    await stage.fill(tasks)
    return stage


@pytest.mark.parametrize(
    ("tasks", "task"), [pytest.param(each, task, id=f"{each.name}-{task.id}") for each in SETS for task in each.tasks]
)
async def test_a_task_is_settled_with_the_results_and_the_changes_of_the_reference(
    filled: Stage, tasks: TaskSet, task: Task, took: Callable[[str, float], None]
):
    began = time.monotonic()

    played = await filled.play(task)

    assert wrong_results(task, played.told) == []
    assert wrong_records(task.changed, filled.books.changed(tasks.records)) == []
    assert surplus(expected_effects([task], tasks.records), filled.books.effects()) == []
    assert played.settled.answer == closing_words(task)
    took(f"{tasks.name} tasks settled through the mesh as the reference has it", time.monotonic() - began)


@pytest.mark.skipif(retail() is None, reason=f"the public retail tasks are not in {RETAIL} (CALLBOARD_RETAIL_DATA)")
def test_all_public_retail_tasks_are_played():
    assert [len(tasks.tasks) for tasks in SETS if tasks.name == "retail"] == [74]
