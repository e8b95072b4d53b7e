"""Runs that are moved off a build that got no more work, on a real server: those that can go on do, others stay."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from temporalio import workflow
from temporalio.client import Client, WorkflowHandle

from callboard.failures import CommandError
from callboard.rollouts.moving import Mover
from callboard_kit.replaying import Gate
from callboard_kit.rollouts.deployment import Deployment
from callboard_kit.testing import LocalMesh

pytestmark = pytest.mark.timeout(120)

TEAM = "yard"


@workflow.defn
class Parcel:
    """Waits to be let go, the same in every build."""

    def __init__(self) -> None:
        self._gone = False

    @workflow.run
    async def run(self) -> str:
        await workflow.wait_condition(lambda: self._gone)
        return workflow.info().get_current_build_id()

    @workflow.signal
    def go(self) -> None:
        self._gone = True


@workflow.defn(name="Letter")
class OldLetter(Parcel):
    """Waits, and does nothing before."""

    @workflow.run
    async def run(self) -> str:
        await workflow.sleep(timedelta(days=1))
        return ""


@workflow.defn(name="Letter")
class NewLetter(Parcel):
    """Does something before it waits, which nobody guarded."""

    @workflow.run
    async def run(self) -> str:
        workflow.upsert_memo({"stamped": True})
        await workflow.sleep(timedelta(days=1))
        return ""


@pytest.fixture
async def local() -> AsyncIterator[LocalMesh]:
    async with LocalMesh.running(teams=(TEAM,)) as mesh:
        yield mesh


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while True:
            if await true():
                return
            await asyncio.sleep(0.05)


async def made_current(client: Client, build: str) -> None:
    deployment = Deployment(client, TEAM)

    async def is_there() -> bool:
        seen = await deployment.look()
        return seen is not None and seen.build(build) is not None

    await until(is_there)
    seen = await deployment.look()
    assert seen is not None
    await deployment.make_current(build, seen)


async def begun(client: Client, handle: WorkflowHandle[Any, Any]) -> None:
    """Wait until Temporal's visibility knows with which build a run goes on."""
    query = f"WorkflowId = '{handle.id}' AND TemporalWorkerDeploymentVersion = '{TEAM}:bad'"

    async def is_known() -> bool:
        return (await client.count_workflows(query)).count > 0

    await until(is_known)


async def test_runs_that_replay_go_on_with_the_other_build_and_others_stay_unless_forced(local: LocalMesh):
    client = await local.client(TEAM)
    async with (
        local.member(TEAM, build="good", workflows=[Parcel, NewLetter], sandboxed=False),
        local.member(TEAM, build="bad", workflows=[Parcel, OldLetter], sandboxed=False),
    ):
        await made_current(client, "good")
        await made_current(client, "bad")
        parcel = await client.start_workflow(Parcel.run, id="parcel", task_queue=TEAM)
        letter = await client.start_workflow("Letter", id="letter", task_queue=TEAM)
        await begun(client, parcel)
        await begun(client, letter)
        mover = Mover(client, TEAM, judge=Gate(TEAM, [Parcel, NewLetter]))

        async def moved(source: str = "bad", target: str = "good", *, dry: bool = False, force: bool = False):
            found = [each async for each in mover.move(source, target, dry=dry, force=force)]
            return {each.run: (each.judged.verdict, each.moved) for each in found}

        with pytest.raises(CommandError, match="still gets new work"):
            await moved()
        await made_current(client, "good")
        with pytest.raises(CommandError, match="no build 'nonesuch'; it has"):
            await moved(target="nonesuch")
        tried = await moved(dry=True)
        done = await moved()
        await parcel.signal(Parcel.go)

        assert tried == done == {"parcel": ("same", True), "letter": ("broken", False)}
        assert await asyncio.wait_for(parcel.result(), 60) == "good"
        assert await moved(force=True) == {"letter": ("broken", True)}
        pinned = (await letter.describe()).raw_description.workflow_execution_info.versioning_info.versioning_override
        assert pinned.pinned.version.build_id == "good"
