"""Workers that restart with other code, on a real server: who gets the new work, and what becomes of what waits."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from temporalio import workflow
from temporalio.api.enums.v1 import RoutingConfigUpdateState
from temporalio.api.workflowservice.v1 import DescribeWorkerDeploymentRequest
from temporalio.client import Client, WorkflowHandle
from temporalio.common import VersioningBehavior

from callboard_kit.rollouts.deployment import Deployment, DeploymentError, Routing
from callboard_kit.rollouts.serving import TakingOver, deployment_config
from callboard_kit.settings import Settings
from callboard_kit.testing import LocalMesh

pytestmark = pytest.mark.timeout(120)


@workflow.defn
class Waiting:
    """Waits to be let go."""

    def __init__(self) -> None:
        self._gone = False

    @workflow.run
    async def run(self) -> str:
        await workflow.wait_condition(lambda: self._gone)
        return workflow.info().get_current_build_id()

    @workflow.signal
    def go(self) -> None:
        self._gone = True


@workflow.defn(versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class Anywhere(Waiting):
    """The same, of no build in particular."""

    @workflow.run
    async def run(self) -> str:
        return await super().run()


@workflow.defn
class Again:
    """Goes on in a new run when it is told, and says by which builds it went."""

    def __init__(self) -> None:
        self._told = False

    @workflow.run
    async def run(self, builds: list[str]) -> list[str]:
        builds = [*builds, workflow.info().get_current_build_id()]
        if len(builds) == 2:
            return builds
        await workflow.wait_condition(lambda: self._told)
        workflow.continue_as_new(builds)

    @workflow.signal
    def go(self) -> None:
        self._told = True


class Yard:
    """A team's deployment, and the builds of it that have a worker."""

    def __init__(self, mesh: LocalMesh, team: str, client: Client) -> None:
        self._mesh = mesh
        self._team = team
        self.client = client
        self.deployment = Deployment(client, team)
        self.alive: set[str] = set()

    @asynccontextmanager
    async def build(self, name: str, *, takes_over: bool = True) -> AsyncIterator[asyncio.Task[None]]:
        taking = TakingOver(self.client, self._team, name, alive=self._alive)
        async with self._mesh.member(self._team, build=name, workflows=[Waiting, Anywhere, Again], sandboxed=False):
            self.alive.add(name)
            task = asyncio.create_task(taking.run() if takes_over else asyncio.sleep(0))
            try:
                yield task
            finally:
                task.cancel()
                self.alive.discard(name)

    async def start(self, name: str, run=Waiting.run):
        return await self.client.start_workflow(run, id=f"{self._team}-{name}", task_queue=self._team)

    async def look(self) -> Routing:
        return await self.deployment.look() or Routing()

    async def _alive(self) -> frozenset[str]:
        return frozenset(self.alive)


@pytest.fixture(scope="module")
async def local() -> AsyncIterator[LocalMesh]:
    async with LocalMesh.running(teams=("yard",)) as mesh:
        yield mesh


@pytest.fixture
async def yard(local: LocalMesh, request: pytest.FixtureRequest) -> AsyncIterator[Yard]:
    # Each test a team of its own: a deployment keeps its builds.
    team = f"yard{sum(request.node.name.encode())}"
    await local.provision([team])
    yield Yard(local, team, await local.client(team))


async def done(task: asyncio.Task[None]) -> None:
    async with asyncio.timeout(60):
        await asyncio.shield(task)


async def test_a_restart_with_other_code_takes_over_with_everything_that_waits(yard: Yard):
    async with yard.build("one") as taken:
        await done(taken)
        waiting = await yard.start("waiting")
        await _begun(waiting)
    async with yard.build("two") as taken:
        await done(taken)
        await waiting.signal("go")

        assert await asyncio.wait_for(waiting.result(), 20) == "two"
        assert (await yard.look()).current == "two"


async def test_what_waits_stays_with_its_build_while_that_has_a_worker(yard: Yard):
    async with yard.build("one") as taken:
        await done(taken)
        waiting, anywhere = await yard.start("waiting"), await yard.start("anywhere", Anywhere.run)
        await _begun(waiting)
        await _begun(anywhere)
        async with yard.build("two"):
            await _current(yard, "two")
            await waiting.signal("go")
            await anywhere.signal("go")

            assert await asyncio.wait_for(waiting.result(), 20) == "one"
            assert await asyncio.wait_for(anywhere.result(), 20) == "two"


async def test_a_run_that_goes_on_in_a_new_one_goes_on_with_the_build_that_gets_new_work(yard: Yard):
    async with yard.build("one") as taken:
        await done(taken)
        name = yard.deployment.name
        again = await yard.client.start_workflow(Again.run, [], id=f"{name}-again", task_queue=name)
        await _begun(again)
        async with yard.build("two"):
            await _current(yard, "two")
            await again.signal("go")

            assert await asyncio.wait_for(again.result(), 20) == ["one", "two"]


async def test_a_build_that_comes_back_takes_nothing_from_one_that_is_there(yard: Yard):
    async with yard.build("one") as taken:
        await done(taken)
    async with yard.build("two") as taken:
        await done(taken)
        async with yard.build("one") as again:
            await asyncio.wait({again}, timeout=2)

            assert not again.done()
            assert (await yard.look()).current == "two"
    async with yard.build("one") as taken:
        await done(taken)
        assert (await yard.look()).current == "one"


async def test_a_build_takes_nothing_while_another_ramps(yard: Yard):
    async with yard.build("one") as taken, yard.build("two", takes_over=False):
        await done(taken)
        await yard.deployment.ramp("two", 30, await _known(yard, "two"))
        async with yard.build("three") as third:
            await asyncio.wait({third}, timeout=2)
            seen = await yard.look()

    assert (seen.current, seen.ramping, seen.percent) == ("one", "two", 30)


async def test_a_change_over_one_that_was_not_seen_is_refused(yard: Yard):
    async with yard.build("one") as taken, yard.build("two", takes_over=False):
        await done(taken)
        seen = await _known(yard, "two")
        await yard.deployment.ramp("two", 30, seen)

        with pytest.raises(DeploymentError, match="deployment"):
            await yard.deployment.make_current("two", seen)
    assert (await yard.look()).current == "one"


def test_a_worker_without_a_version_says_no_build():
    assert deployment_config("orders", "a", Settings(versioned=False)) is None


def test_a_canary_has_a_deployment_of_its_own():
    config = deployment_config("orders", "a", Settings(canary=True))

    assert config is not None
    assert config.version.deployment_name == "orders-canary"


async def _begun(handle: WorkflowHandle[Any, Any]) -> None:
    async with asyncio.timeout(60):
        async for event in handle.fetch_history_events(wait_new_event=True):
            if event.HasField("workflow_task_completed_event_attributes"):
                return


async def _current(yard: Yard, build: str) -> None:
    """Wait until a build is current, and every part of the server goes by it."""
    request = DescribeWorkerDeploymentRequest(namespace=yard.client.namespace, deployment_name=yard.deployment.name)
    async with asyncio.timeout(60):
        while True:
            # Asked only once the build is current: Temporal lets a deployment be asked about only so often.
            if (await yard.look()).current == build:
                answer = await yard.client.workflow_service.describe_worker_deployment(request, retry=True)
                state = answer.worker_deployment_info.routing_config_update_state
                if state == RoutingConfigUpdateState.ROUTING_CONFIG_UPDATE_STATE_COMPLETED:
                    return
            await asyncio.sleep(0.3)


async def _known(yard: Yard, build: str) -> Routing:
    async with asyncio.timeout(60):
        while True:
            if (seen := await yard.look()).build(build) is not None:
                return seen
            await asyncio.sleep(0.05)
