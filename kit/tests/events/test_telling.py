"""What a workflow and its activities tell: once, whatever is replayed, and by names that a replay gives again."""

import asyncio
import sys
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from telling_flows import Broken, Chatter, Sensitive, speak, stumble
from temporalio.client import WorkflowFailureError

from callboard_kit import mesh
from callboard_kit.events import Event, StepRetracted, TextDelta, tell
from callboard_kit.events.telling import Teller, telling
from callboard_kit.testing import LocalMesh
from callboard_kit.tokens import Call, Origin

TEAM = "narrator"


class Listener:
    """Stands where the writer of events stands, and forgets nothing that was told twice."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def tell(self, root: str, event: Event) -> None:
        self.events.append(event)

    def of(self, *kinds: str) -> list[Event]:
        return [event for event in self.events if event.kind in kinds]


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture(params=[1_000, 0], ids=["cached", "replayed at every step"])
async def run(local_mesh: LocalMesh, listener: Listener, request: pytest.FixtureRequest) -> AsyncIterator[object]:
    await local_mesh.provision([TEAM])
    async with local_mesh.member(
        TEAM,
        workflows=[Chatter, Sensitive, Broken],
        activities=[speak, stumble],
        events=listener,
        cached_workflows=request.param,
    ) as client:

        async def work(flow: type) -> object:
            with mesh.starting(Origin(root=f"tree-{uuid.uuid4().hex}")):
                return await client.execute_workflow(
                    flow.run, id=f"telling-{uuid.uuid4().hex}", task_queue=local_mesh.settings.physical(TEAM)
                )

        yield work


async def test_everything_is_told_once_and_in_order(run, listener: Listener) -> None:
    await run(Chatter)

    assert [event.kind for event in listener.events] == [
        "run.started",
        "step.started",
        "text.delta",
        "step.ended",
        "usage",
        "step.started",
        "text.delta",
        "step.ended",
        "usage",
        "run.ended",
    ]
    own = [event.id for event in listener.events if event.kind != "text.delta"]
    name = own[0].rpartition(":")[0]
    assert own == [f"{name}:{number}" for number in range(1, len(own) + 1)]
    assert {event.operation for event in listener.events} == {"Chatter"}


async def test_an_attempt_that_fails_takes_back_what_it_said(run, listener: Listener) -> None:
    await run(Broken)

    told = [event.detail for event in listener.of("text.delta", "step.retracted")]
    step = told[0].step
    assert told == [
        TextDelta(step=step, attempt=1, text="Once upon"),
        StepRetracted(step=step, attempt=1, reason="the model's answer broke off"),
        StepRetracted(step=step, attempt=1, reason="the attempt before this one broke off"),
        TextDelta(step=step, attempt=2, text="Once upon"),
        TextDelta(step=step, attempt=2, text=" a time"),
    ]
    # Told twice for the case that the first attempt could not, so by one name.
    assert len({event.id for event in listener.of("step.retracted")}) == 1


async def test_a_run_that_fails_says_why(run, listener: Listener) -> None:
    with pytest.raises(WorkflowFailureError):
        await run(Sensitive)

    [end] = listener.of("run.ended")
    assert end.data == {"outcome": "refused", "error": "not today"}


def test_telling_where_nobody_listens_does_nothing() -> None:
    tell(StepRetracted(step="s", attempt=1, reason="r"))
    with telling(Teller(None, "root", "shop", "sell", "name")):
        tell(StepRetracted(step="s", attempt=1, reason="r"))


async def test_text_that_is_no_text_is_told_of_in_the_log_only(
    listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    teller = Teller(listener, "root", "shop", "sell", "name")

    teller.tell(TextDelta(step="s", attempt=1, text="half a pair \ud83d"))
    await asyncio.sleep(0)

    assert len(listener.events) + caplog.text.count("cannot be told") == 1


def test_what_was_said_of_a_call_travels_with_it() -> None:
    call = Call(root="r", team="shop", opens=True, wordless=True)

    assert Call.from_json(call.to_json()) == call
    assert (call.inside().opens, call.inside().wordless) == (False, True)
