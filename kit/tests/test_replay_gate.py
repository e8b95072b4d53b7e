"""The replay gate: runs that wait for a person, and runs that are over, held against code that was changed since."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

import pytest
from refund_desk import TEAM, TILL, Claim, Refund, Till, TillService, look_up, write_down
from refund_desks import BROKEN, CHANGED, COMPATIBLE, UnderAnotherName, WithAStepMore
from temporalio.client import WorkflowHistory

from callboard_kit import Policy, Rule
from callboard_kit.replaying import Gate, Judged, worst
from callboard_kit.testing import LocalMesh

OPEN = Policy(rules=(Rule(name="all", callers=("*",), services=("till.v1",), on_behalf_of=("*",)),))


@dataclass(frozen=True)
class Recorded:
    """A run that waits for a person, and one that is over."""

    waiting: WorkflowHistory
    ended: WorkflowHistory


@pytest.fixture(scope="module")
async def recorded(local_mesh: LocalMesh) -> AsyncGenerator[Recorded]:
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
        # The timer stands in the history as soon as the run waits.
        async for event in waiting.fetch_history_events(wait_new_event=True):
            if event.HasField("timer_started_event_attributes"):
                break
        yield Recorded(await waiting.fetch_history(), await ended.fetch_history())
        await waiting.terminate()


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
