"""Whether a service is served is known within seconds of what happens to workers, endpoints, queues and processes."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from temporalio.api.operatorservice.v1 import DeleteNexusEndpointRequest
from temporalio.client import Client

from callboard.command import run_command
from callboard.stack.lifecycle import Stack, started, states
from callboard.stack.parts import plan
from callboard.stack.supervision import Supervisor
from callboard_kit.provision import EndpointPlan, ensure_endpoint, existing_endpoints
from callboard_registry_api.client import RegistryClient
from callboard_registry_api.errors import RegistryError
from callboard_registry_api.health import ServiceHealth, Worker
from tests.playing.waiting import until

pytestmark = pytest.mark.timeout(180)

SERVICE, TEAM = "billing.v1", "billing"
QUICK = {"CALLBOARD_HEARTBEAT": "1", "CALLBOARD_OBSERVER_INTERVAL": "0.5", "CALLBOARD_OBSERVER_BACKLOG": "1"}
LOST_WITHIN = 3 * 1.0
"""Seconds after which a worker that is silent counts as lost."""

SLACK = 60
"""Seconds that a busy machine gets beside the bound."""


@dataclass
class Mesh:
    """A mesh without workers, and what a test asks of it."""

    stack: Stack
    temporal: Client
    registry: RegistryClient

    async def health(self) -> ServiceHealth:
        return await self.registry.health.of(SERVICE)

    async def becomes(self, verdict: str, *, within: float = SLACK, stale: bool = False) -> ServiceHealth:
        """Wait for a verdict, and return it."""
        last: ServiceHealth | None = None

        async def is_so() -> bool:
            nonlocal last
            last = await self.health()
            return (last.verdict, last.stale) == (verdict, stale)

        try:
            await until(is_so, within=within)
        except TimeoutError:
            pytest.fail(f"it is not {verdict} within {within:g} s: {last}")
        assert last is not None
        return last

    async def workers(self, *, past: bool = False) -> list[Worker]:
        return [each async for each in self.registry.health.workers(team=TEAM, past=past)]

    async def lead(self, namespace: str, task_queue: str, *, description: str = "") -> None:
        """Change the endpoint behind everybody's back."""
        change = EndpointPlan(
            name=TEAM,
            namespace=namespace,
            task_queue=task_queue,
            description=description,
            redescribe=bool(description),
        )
        await ensure_endpoint(self.temporal, change, (await existing_endpoints(self.temporal)).get(TEAM))

    async def part_is(self, name: str, *, running: bool, not_as: int | None = None) -> None:
        """Wait until a process of the stack runs, or does not."""

        async def is_so() -> bool:
            seen = states(self.stack.record)[name]
            return (seen.pid is not None and seen.pid != not_as) == running

        await until(is_so, within=60)

    @asynccontextmanager
    async def worker(self, build: str, **variables: str) -> AsyncIterator[asyncio.subprocess.Process]:
        """Run a worker of billing, and wait until the registry has heard of it."""
        ours = ("CALLBOARD_", "TEMPORAL_", "OPENAI_")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        told = {**QUICK, "CALLBOARD_BUILD": build, "CALLBOARD_LOG": "WARNING", **variables}
        with (self.stack.plan.home / "logs" / f"{build}.log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                f"callboard_team_{TEAM}",
                env={**inherited, **self.stack.plan.environment, **told},
                stderr=log,
            )

        async def is_heard() -> bool:
            assert process.returncode is None, "the worker has ended"
            return any(each.identity.startswith(f"{process.pid}@") for each in await self.workers())

        try:
            await until(is_heard, within=60)
            yield process
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
            await process.wait()


@pytest.fixture(scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Mesh]:
    home: Path = tmp_path_factory.mktemp("health")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("CALLBOARD_", "TEMPORAL_", "OPENAI_"))]:
            patch.delenv(name)
        for name, value in QUICK.items():
            patch.setenv(name, value)
        async with started(home, say=lambda _: None, changed=lambda _: None, without=list(plan(home).teams)) as stack:
            temporal = await Client.connect(stack.plan.environment["TEMPORAL_ADDRESS"])
            async with RegistryClient(stack.plan.environment["CALLBOARD_REGISTRY"]) as registry:
                yield Mesh(stack, temporal, registry)


@pytest.fixture
def command(mesh: Mesh, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Run a command of this mesh."""
    monkeypatch.setenv("CALLBOARD_HOME", str(mesh.stack.plan.home))
    for name in ("TEMPORAL_ADDRESS", "TEMPORAL_CONFIG_FILE", "CALLBOARD_REGISTRY"):
        monkeypatch.delenv(name, raising=False)
    return lambda *words: run_command(list(words))


async def test_a_worker_that_is_killed_is_missed_within_its_bound_and_one_that_comes_back_serves(mesh: Mesh) -> None:
    async with mesh.worker("first") as worker:
        served = await mesh.becomes("serving")
        worker.kill()
        missed = await mesh.becomes("not served", within=LOST_WITHIN + SLACK)
    async with mesh.worker("second"):
        again = await mesh.becomes("serving")

    assert served.builds == ("first",)
    assert missed.reasons[0].startswith(f"no worker runs: {worker.pid}@")
    assert "(build first) was last heard of" in missed.reasons[0]
    assert again.builds == ("second",)


async def test_a_worker_that_stops_says_so_at_once(mesh: Mesh) -> None:
    # Its next heartbeat is an hour away: nothing but its last word can tell.
    async with mesh.worker("leaving", CALLBOARD_HEARTBEAT="3600") as worker:
        await mesh.becomes("serving")
        worker.terminate()
        stopped = await mesh.becomes("not served")

    assert f"{worker.pid}@" in stopped.reasons[0]
    assert " stopped " in stopped.reasons[0]


async def test_two_builds_at_once_are_both_shown(mesh: Mesh) -> None:
    async with mesh.worker("old"), mesh.worker("new"):
        served = await mesh.becomes("serving")
        builds = {each.build for each in await mesh.workers()}

    assert (served.workers, served.builds) == (2, ("new", "old"))
    assert builds == {"old", "new"}


async def test_an_endpoint_that_is_led_elsewhere_is_drift_until_a_person_puts_it_right(
    mesh: Mesh, command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    async with mesh.worker("led"):
        await mesh.becomes("serving")
        await mesh.lead("orders", "nowhere")
        elsewhere = await mesh.becomes("degraded")
        drift = [each.drift async for each in mesh.registry.health.endpoints() if each.name == TEAM]
        shown = await asyncio.to_thread(command, "endpoints", "reconcile")
        untouched = (await existing_endpoints(mesh.temporal))[TEAM].spec.target.worker.task_queue
        put_right = await asyncio.to_thread(command, "endpoints", "reconcile", "--apply")
        await mesh.becomes("serving")

    assert elsewhere.reasons[0] == (
        "endpoint 'billing' leads to orders/nowhere instead of billing/billing: "
        "run `callboard endpoints reconcile --apply`"
    )
    assert [(each.kind, each.words) for [each] in drift] == [
        ("target", "it leads to orders/nowhere instead of billing/billing")
    ]
    assert (shown, untouched, put_right) == (1, "nowhere", 0)
    assert "changed: billing" in capsys.readouterr().err


async def test_an_endpoint_that_is_deleted_leaves_its_services_unserved_until_a_person_makes_it(
    mesh: Mesh, command: Callable[..., int]
) -> None:
    async with mesh.worker("cut-off"):
        await mesh.becomes("serving")
        endpoint = (await existing_endpoints(mesh.temporal))[TEAM]
        await mesh.temporal.operator_service.delete_nexus_endpoint(
            DeleteNexusEndpointRequest(id=endpoint.id, version=endpoint.version)
        )
        gone = await mesh.becomes("not served")
        put_right = await asyncio.to_thread(command, "endpoints", "reconcile", "--apply")
        await mesh.becomes("serving")

    assert gone.reasons[0].startswith("Nexus endpoint 'billing' does not exist: run")
    assert put_right == 0


async def test_a_description_that_somebody_changes_is_written_again_by_itself(mesh: Mesh) -> None:
    async with mesh.worker("described"):
        await mesh.becomes("serving")
        await mesh.lead("billing", "billing", description="mine")

        async def is_ours() -> bool:
            spec = (await existing_endpoints(mesh.temporal))[TEAM].spec
            return b"## `billing.v1`" in spec.description.data and b"Owner: Billing team" in spec.description.data

        await until(is_ours, within=SLACK)


async def test_work_that_piles_up_degrades_the_service_until_it_is_done(mesh: Mesh) -> None:
    client = await Client.connect(mesh.stack.plan.environment["TEMPORAL_ADDRESS"], namespace=TEAM)
    async with mesh.worker("busy", CALLBOARD_HEARTBEAT="3600") as worker:
        await mesh.becomes("serving")
        # It is there and does nothing: what it had asked for it gets, and the rest waits.
        worker.send_signal(signal.SIGSTOP)
        handles = [
            await client.start_workflow("NobodyKnowsIt", id=f"pile-{number}", task_queue=TEAM) for number in range(40)
        ]
        piled = await mesh.becomes("degraded")
        for handle in handles:
            await handle.terminate()
        worker.send_signal(signal.SIGCONT)
        await mesh.becomes("serving", within=60)

    [reason] = piled.reasons
    assert " workflow tasks wait, the oldest for " in reason
    # A worker that does nothing is a poller until Temporal, on a busy machine, has seen too little of it.
    assert reason.endswith((" with 1 poller: scale up", " with 0 pollers: start a worker"))


async def test_what_is_known_of_workers_outlives_the_registry(mesh: Mesh) -> None:
    # Not so soon that a busy machine would seem to have lost it.
    async with mesh.worker("lasting", CALLBOARD_HEARTBEAT="4"):
        await mesh.becomes("serving")
        [before] = await mesh.workers()
        pid = states(mesh.stack.record)["registry"].pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await mesh.part_is("registry", running=True, not_as=pid)
        verdicts: list[str] = []

        async def has_answered_for_a_while() -> bool:
            try:
                verdicts.append((await mesh.health()).verdict)
            except RegistryError:
                return False
            return len(verdicts) > 10

        await until(has_answered_for_a_while, within=60)
        [after] = await mesh.workers()

    assert set(verdicts) == {"serving"}
    assert (after.worker, after.started) == (before.worker, before.started)


async def test_without_its_observer_the_registry_says_that_what_it_knows_is_old(mesh: Mesh) -> None:
    supervisor = Supervisor(mesh.stack.record.socket)
    async with mesh.worker("unseen"):
        await mesh.becomes("serving")
        supervisor.stop("observer")
        await mesh.part_is("observer", running=False)
        stale = await mesh.becomes("serving", within=3 * 0.5 + 5 + SLACK, stale=True)

        async def is_overdue() -> bool:
            return any(each.name == "look" and each.overdue for each in await mesh.registry.health.observer())

        await until(is_overdue, within=SLACK)
        supervisor.start("observer")
        fresh = await mesh.becomes("serving", within=60)

    assert stale.as_of is not None and fresh.as_of is not None
    assert fresh.as_of > stale.as_of


async def test_the_commands_tell_what_is_served_and_by_whom(
    mesh: Mesh, command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    async with mesh.worker("shown"):
        await mesh.becomes("serving")
        shown: dict[str, str] = {}
        for words in (("catalog", "list", "--json"), ("catalog", "show", SERVICE), ("workers", "list"), ("status",)):
            assert await asyncio.to_thread(command, *words) == 0
            shown[words[0]] = shown.get(words[0], "") + capsys.readouterr().out

    assert '"verdict": "serving"' in shown["catalog"]
    assert "serving: 1 worker, build shown, as of " in shown["catalog"]
    assert " shown " in shown["workers"]
    assert f"{SERVICE}     serving" in shown["status"]
