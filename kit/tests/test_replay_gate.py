"""The replay gate: runs that wait for a person, and runs that are over, held against code that was changed since."""

from dataclasses import dataclass
from typing import Any

import pytest
from refund_desk import TEAM, TILL, Claim, Refund, Till, TillService, look_up, write_down
from refund_desks import (
    BROKEN,
    CHANGED,
    COMPATIBLE,
    AfterThePatch,
    LongAfterThePatch,
    UnderAnotherName,
    WithAPatchedStep,
    WithAStepMore,
)
from temporalio.client import WorkflowHandle, WorkflowHistory

from callboard_kit import Policy, Rule
from callboard_kit.replaying import Gate, Judged, worst
from callboard_kit.testing import LocalMesh

OPEN = Policy(rules=(Rule(name="all", callers=("*",), services=("till.v1",), on_behalf_of=("*",)),))


@dataclass(frozen=True)
class Recorded:
    """A run that waits for a person, and one that is over."""

    waiting: WorkflowHistory
    ended: WorkflowHistory
    patched: WorkflowHistory
    """A run that waits, and began behind a patch."""


@pytest.fixture(scope="module")
async def recorded(local_mesh: LocalMesh) -> Recorded:
    await local_mesh.provision([TEAM, TILL])
    async with (
        local_mesh.member(TILL, services=[TillService()], policy=OPEN, contracts=[Till]),
        local_mesh.member(TEAM, workflows=[Refund], activities=[look_up, write_down], contracts=[Till]) as client,
    ):
        claim = Claim(order_id="W1", amount=20)
        waiting = await client.start_workflow(Refund.run, claim, id="refund-waiting", task_queue=TEAM)
        ended = await client.start_workflow(Refund.run, claim, id="refund-ended", task_queue=TEAM)
        await ended.signal(Refund.approve)
        assert await ended.result() == "paid"
        await until_it_waits(waiting)
        await waiting.terminate()
    async with (
        local_mesh.member(TILL, services=[TillService()], policy=OPEN, contracts=[Till]),
        local_mesh.member(
            TEAM, workflows=[WithAPatchedStep], activities=[look_up, write_down], contracts=[Till]
        ) as client,
    ):
        patched = await client.start_workflow("Refund", claim, id="refund-patched", task_queue=TEAM)
        await until_it_waits(patched)
        await patched.terminate()
    return Recorded(*[before_the_end(await run.fetch_history()) for run in (waiting, ended, patched)])


async def until_it_waits(run: WorkflowHandle[Any, Any]) -> None:
    """Return when the timer of the run's wait stands in its history."""
    async for event in run.fetch_history_events(wait_new_event=True):
        if event.HasField("timer_started_event_attributes"):
            return


def before_the_end(history: WorkflowHistory) -> WorkflowHistory:
    """Return a history as it was before its run was terminated; one that ended by itself stays."""
    events = [each for each in history.events if not each.HasField("workflow_execution_terminated_event_attributes")]
    return WorkflowHistory(history.workflow_id, events)


async def judged(recorded: Recorded, workflow: type) -> list[Judged]:
    gate = Gate(TEAM, [workflow], contracts=[Till])
    return [await gate.judge(history) for history in (recorded.waiting, recorded.ended)]


async def test_the_code_that_wrote_a_history_passes(recorded):
    found = await judged(recorded, Refund)

    assert worst(found) == "same", [each.why for each in found]


@pytest.mark.parametrize("workflow", COMPATIBLE, ids=lambda each: each.__name__)
async def test_a_change_that_runs_under_way_can_live_with_passes(recorded, workflow):
    found = await judged(recorded, workflow)

    assert worst(found) == "same", [each.why for each in found]


@pytest.mark.parametrize("workflow", BROKEN, ids=lambda each: each.__name__)
async def test_a_change_at_which_a_run_would_be_stuck_is_caught_with_what_to_do(recorded, workflow):
    found = await judged(recorded, workflow)

    assert worst(found) == "broken", [each.why for each in found]
    told = next(each for each in found if each.verdict == "broken")
    assert told.workflow == "Refund"
    assert "patched" in told.advice or "old name" in told.advice


@pytest.mark.parametrize("workflow", CHANGED, ids=lambda each: each.__name__)
async def test_a_change_of_what_a_run_asks_for_is_caught(recorded, workflow):
    found = await judged(recorded, workflow)

    assert worst(found) == "changed", [each.why for each in found]
    assert all("was" in line and "is" in line for each in found for line in each.why)


async def test_the_event_at_which_a_run_breaks_is_named(recorded):
    waiting, ended = await judged(recorded, WithAStepMore)

    assert recorded.waiting.events[waiting.event - 1].HasField("timer_started_event_attributes")
    assert recorded.ended.events[ended.event - 1].HasField("nexus_operation_scheduled_event_attributes")


async def test_a_workflow_that_is_gone_is_told_from_one_that_changed(recorded):
    [waiting, _] = await judged(recorded, UnderAnotherName)

    assert "old name" in waiting.advice


async def test_it_is_told_when_a_patch_may_go(recorded):
    unmarked = Gate(TEAM, [AfterThePatch], contracts=[Till])
    assert (await unmarked.judge(recorded.waiting)).verdict == "broken", "a run from before the patch is left"
    assert (await unmarked.judge(recorded.patched)).verdict == "same"

    gone = Gate(TEAM, [LongAfterThePatch], contracts=[Till])
    assert (await gone.judge(recorded.patched)).verdict == "broken", "a run with the patch's mark is left"
