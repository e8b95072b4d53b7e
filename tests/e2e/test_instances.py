"""Clients apart from workers: copies with queues of their own, who waits, and what a cancellation stops."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest

from callboard_contracts import MeshError
from callboard_kit.events import RunEnded
from callboard_orchestrator.runs import NoWorkerError, Run, Runs, open_runs
from tests.playing.approving import Approver, approver
from tests.playing.scripts import closing_words
from tests.playing.stage import Stage
from tests.playing.tasks import own
from tests.playing.waiting import until

# The first test of a run also starts the mesh.
pytestmark = pytest.mark.timeout(300)

TASKS = own()
CANCELLING = next(task for task in TASKS.tasks if task.id == "cancel-to-gift-card")
INSTANCE = "blue"


@pytest.fixture
async def person(stage: Stage) -> AsyncIterator[Approver]:
    await stage.fill(TASKS)
    async with approver(stage) as each:
        yield each


@asynccontextmanager
async def client_of(stage: Stage, *, instance: str | None = None) -> AsyncIterator[Runs]:
    client = await stage.client("orchestrator")
    async with open_runs(stage.settings, client=client, instance=instance) as runs:
        yield runs


@asynccontextmanager
async def copy_of_the_orchestrator(stage: Stage) -> AsyncIterator[None]:
    environment = {**os.environ, **stage.environment, "CALLBOARD_INSTANCE": INSTANCE, "CALLBOARD_LOG": "WARNING"}
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "callboard_orchestrator", env=environment)
    try:
        yield
    finally:
        process.terminate()
        await process.wait()


async def pollers(stage: Stage, queue: str) -> set[str]:
    client = await stage.client("orchestrator")
    kind = TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW
    request = DescribeTaskQueueRequest(
        namespace=client.namespace, task_queue=TaskQueue(name=queue), task_queue_type=kind
    )
    return {each.identity for each in (await client.workflow_service.describe_task_queue(request)).pollers}


async def test_a_run_for_a_copy_that_is_not_there_fails_within_seconds_or_waits_for_it(stage: Stage, person: Approver):
    async with client_of(stage, instance=INSTANCE) as runs:
        began = time.monotonic()
        with pytest.raises(
            NoWorkerError, match=r"no worker of team 'orchestrator' polls task queue 'orchestrator-blue'"
        ):
            await runs.start(CANCELLING.words)
        waited = time.monotonic() - began
        patient = await runs.start(CANCELLING.words, mode="autonomous")
        before = await patient.taken_up()
        async with copy_of_the_orchestrator(stage):
            settled = await asyncio.wait_for(patient.result(), 90)
            theirs, others = await pollers(stage, "orchestrator-blue"), await pollers(stage, "orchestrator")

    assert waited < 15
    assert not before
    assert settled.answer == closing_words(CANCELLING)
    assert len(theirs) == 1
    assert not theirs & others


async def test_a_client_polls_no_task_queue(stage: Stage, person: Approver):
    async with client_of(stage) as runs:
        settled = await runs.execute(CANCELLING.words)

    assert settled.answer == closing_words(CANCELLING)
    assert (await stage.client("orchestrator")).identity not in await pollers(stage, "orchestrator")


@asynccontextmanager
async def waiting_for_approval(stage: Stage, person: Approver) -> AsyncIterator[tuple[Runs, Run]]:
    """A run that stands still until somebody answers."""
    async with client_of(stage) as runs:
        run = await runs.start(CANCELLING.words, approvals="effects", id=f"still-{datetime.now(UTC):%H%M%S%f}")
        await person.waiting(run.id)
        yield runs, run


async def test_whoever_stops_waiting_or_watching_stops_nothing_else(stage: Stage, person: Approver):
    async with waiting_for_approval(stage, person) as (runs, run):
        waiter = asyncio.create_task(run.result())
        watched = [told async for told, _ in _first(run, 3)]
        await asyncio.sleep(0)
        waiter.cancel()
        await asyncio.gather(waiter, return_exceptions=True)
        after = await runs.get(run.id).summary()
        async with person.answering(run.id):
            settled = await runs.get(run.id).result()

    assert waiter.cancelled()
    assert len(watched) == 3
    assert after.state == "running"
    assert settled.answer == closing_words(CANCELLING)


async def test_to_cancel_a_run_ends_it_for_all_and_takes_its_questions_back(stage: Stage, person: Approver):
    async with waiting_for_approval(stage, person) as (runs, run):
        waiter = asyncio.create_task(run.result())
        watcher = asyncio.create_task(_last(run))

        await runs.get(run.id).cancel(reason="not needed")
        with pytest.raises(MeshError, match="was cancelled"):
            await asyncio.wait_for(waiter, 20)
        last = await asyncio.wait_for(watcher, 20)
        await until(lambda: _asks_nothing(person, run.id), within=60)

    assert isinstance(last, RunEnded)
    assert last.outcome == "cancelled"
    assert (await runs.get(run.id).summary()).state == "cancelled"
    assert stage.books.effects() == {}


async def _first(run: Run, most: int):
    count = 0
    async for told in run.events():
        yield told, count
        count += 1
        if count == most:
            return


async def _last(run: Run):
    last = None
    async for told in run.events():
        last = told
    assert last is not None
    return last.event.detail


async def _asks_nothing(person: Approver, root: str) -> bool:
    return not [each async for each in person.inbox.waiting(root=root)]
