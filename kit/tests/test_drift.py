"""A run does not go on with an agent that is neither its worker's nor any build's, and says what differs."""

import asyncio
import sys
import uuid
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle

# Temporal's sandbox imports the workflows by name once more.
sys.path.insert(0, str(Path(__file__).parent))

from drift_flows import FETCH, PORTER, Carry, CarryOnAWhim, fetch

from callboard_contracts import Message, RefusedError
from callboard_kit.agent import Agent
from callboard_kit.fingerprint import Surroundings, fingerprint
from callboard_kit.fingerprint.checking import DriftCheck
from callboard_kit.fingerprint.interceptor import BREAK_GLASS, break_glass, on_build
from callboard_kit.testing import LocalMesh, ScriptedModel, calling

TEAM = "porter"
HERE = Surroundings(model="m", store="redis://porter:hush@here:1")
RENAMED: Agent[Any] = replace(PORTER, instructions="The code word is trout.")


class Parcel(Message):
    what: str
    weight: int = 0


OTHER_TOOL: Agent[Any] = replace(PORTER, tools=[replace(FETCH, input_type=Parcel)])


@dataclass
class Vouching:
    """Says one answer after the other, the last one for ever."""

    answers: list[bool | None]
    asked: list[str] = field(default_factory=list[str])

    async def vouched(self, agent: str, digest: str) -> bool | None:
        self.asked.append(digest)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@dataclass
class Porters:
    client: Client
    model: ScriptedModel

    async def start(self, *, later: bool = False) -> WorkflowHandle[Any, str]:
        id = f"carry-{uuid.uuid4().hex[:8]}"
        return await self.client.start_workflow(Carry.run, args=["Carry.", later], id=id, task_queue=TEAM)

    async def carry(self, *, later: bool = False) -> str:
        return await (await self.start(later=later)).result()

    async def refusal(self, *, later: bool = False) -> str:
        with pytest.raises(WorkflowFailureError) as failed:
            await asyncio.wait_for(self.carry(later=later), 10)
        assert getattr(failed.value.cause, "type", None) == RefusedError.__name__
        return str(failed.value.cause)


@pytest.fixture
def porters(local_mesh: LocalMesh):
    @asynccontextmanager
    async def porters(
        agents: Sequence[Agent[Any]] | None = (PORTER,), *, vouching: Vouching | None = None, here: Surroundings = HERE
    ) -> AsyncGenerator[Porters]:
        await local_mesh.provision([TEAM])
        model = ScriptedModel([calling("fetch", {"what": "box"})], "Here it is.")
        told = None if agents is None else [fingerprint(each, here) for each in agents]
        check = DriftCheck(build="build-1", agents=told, vouching=vouching, surroundings=HERE)
        activities = [model.call_model, fetch]
        async with local_mesh.member(
            TEAM, workflows=[Carry, CarryOnAWhim], activities=activities, drift=check
        ) as client:
            yield Porters(client, model)

    return porters


async def test_an_agent_that_is_the_workers_own_works_and_nobody_is_asked(porters):
    vouching = Vouching([False])

    async with porters(vouching=vouching) as team:
        assert await team.carry() == "Here it is."

    assert vouching.asked == []


async def test_an_agent_that_cannot_be_told_apart_ends_the_run_at_once_and_says_why(porters):
    async with porters() as team:
        id = f"whim-{uuid.uuid4().hex[:8]}"
        handle = await team.client.start_workflow(CarryOnAWhim.run, "trout", id=id, task_queue=TEAM)
        with pytest.raises(WorkflowFailureError) as failed:
            await asyncio.wait_for(handle.result(), 60)

    assert getattr(failed.value.cause, "type", None) == RefusedError.__name__
    words = str(failed.value.cause)
    assert "agent 'porter' of this run cannot be told apart from others: " in words
    assert "Whim, and nobody can see what it was configured with; make it a dataclass" in words
    assert "trout" not in words
    assert team.model.requests == []


@pytest.mark.parametrize(
    ("agent", "differs"), [(RENAMED, "they differ in instructions"), (OTHER_TOOL, "differ in tools.fetch.input_type")]
)
async def test_an_agent_that_nobody_has_ends_the_run_at_once_and_what_differs_is_named_without_a_value(
    porters, agent: Agent[Any], differs: str
):
    async with porters([agent], vouching=Vouching([False])) as team:
        words = await team.refusal()

    assert differs in words
    assert "build 'build-1' of this worker" in words
    assert "swordfish" not in words
    assert "trout" not in words
    assert team.model.requests == []


async def test_a_worker_that_asks_another_model_drifts_and_one_with_a_new_password_does_not(porters):
    async with porters(here=replace(HERE, model="other")) as team:
        assert "they differ in worker.model" in await team.refusal()
    async with porters(here=replace(HERE, store="redis://porter:new@here:1")) as team:
        assert await team.carry() == "Here it is."


async def test_a_worker_that_has_several_agents_of_a_name_takes_each_and_tells_the_nearest(porters):
    async with porters([RENAMED, PORTER]) as team:
        assert await team.carry() == "Here it is."
    async with porters([replace(RENAMED, mode="interactive"), OTHER_TOOL]) as team:
        assert "they differ in tools.fetch.input_type" in await team.refusal()


async def test_an_agent_that_another_build_has_is_no_drift_so_a_ramp_is_none(porters):
    vouching = Vouching([True])

    async with porters([RENAMED], vouching=vouching) as team:
        assert await team.carry() == "Here it is."

    assert set(vouching.asked) == {fingerprint(PORTER, HERE).digest}


async def test_drift_that_begins_in_the_middle_ends_the_run_and_is_not_told_to_the_model(porters):
    # The model is asked on a worker for which somebody vouches, the tool runs on one for which nobody does any more.
    async with porters([RENAMED], vouching=Vouching([True, False])) as team:
        assert "they differ in instructions" in await team.refusal()

    assert len(team.model.requests) == 1


async def test_as_long_as_nobody_can_be_asked_the_activity_is_tried_again(porters):
    async with porters([RENAMED], vouching=Vouching([None, None, True])) as team:
        assert await team.carry() == "Here it is."


async def test_a_worker_that_names_no_agents_checks_none_and_one_that_names_others_knows_none(porters):
    async with porters(None, vouching=Vouching([False])) as team:
        assert await team.carry() == "Here it is."
    async with porters([replace(PORTER, name="clerk")]) as team:
        assert "this worker has none" in await team.refusal()


@pytest.mark.parametrize("later", [False, True])
async def test_a_run_whose_starter_broke_the_glass_goes_on_and_says_so(
    porters, later: bool, caplog: pytest.LogCaptureFixture
):
    async with porters([RENAMED]) as team:
        with break_glass("the registry burns"):
            handle = await team.start(later=later)
        assert await handle.result() == "Here it is."
        memo = await (await handle.describe()).memo()

    assert memo[BREAK_GLASS] == "the registry burns"
    assert "broke the glass: the registry burns" in caplog.text


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501])
def test_the_glass_is_not_broken_without_a_reason(reason: str):
    with pytest.raises(RefusedError, match="say why the glass is broken"), break_glass(reason):
        pass


@pytest.mark.parametrize("later", [False, True])
async def test_a_run_that_is_pinned_to_a_build_is_refused_by_any_other(porters, later: bool):
    async with porters() as team:
        with on_build("build-1"):
            assert await team.carry(later=later) == "Here it is."
        with on_build("build-2"):
            words = await team.refusal(later=later)

    assert "is to work on build 'build-2' only, and this worker is build 'build-1'" in words
