"""One mesh in one process: two builds of a desk, an inbox, and a shop that asks for many things while builds change."""

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from temporalio.client import Client, NexusOperationHandle

from callboard_contracts import Assistance, Goal, MeshError
from callboard_kit import Policy, Rule
from callboard_kit.persons import APPROVE, Credential, Person
from callboard_kit.rollouts.advancing import Plan, Progress, Rollout, RolloutKeeper, begin
from callboard_kit.rollouts.deployment import Deployment, DeploymentError, Routing
from callboard_kit.rollouts.intervals import share
from callboard_kit.rollouts.measuring import Measuring
from callboard_kit.teams import Team
from callboard_kit.testing import LocalMesh
from callboard_orchestrator.inbox.client import InboxClient
from callboard_orchestrator.inbox.service import InboxService
from callboard_orchestrator.inbox.workflows import Gate
from tests.lab.rolling import desk
from tests.playing.waiting import until

TEAMS: Final = ("desk", "inbox", "shop")
OPEN: Final = Policy(rules=(Rule(name="all", callers=("*",), services=("desk.v1",), on_behalf_of=("*",)),))
SURE: Final = 0.999
"""With which confidence a share must be what was set: one look at one share in a thousand may fail by chance."""

PATIENCE: Final = 60.0
_LISTED_WITHIN_SECONDS: Final = 30.0
"""How long Temporal may take to list a run as ended."""

AT_ONCE: Final = 10
"""Questions that are answered at the same time."""

Asked = NexusOperationHandle[Assistance]


@dataclass
class Findings:
    """What came of a trial."""

    asked: int = 0
    approved: int = 0
    """Runs that waited for a person, and went on when one agreed."""

    failed: list[str] = field(default_factory=list[str])
    wandered: list[str] = field(default_factory=list[str])
    """Runs that were on more than one build, or spoke with the words of another than that they began on."""

    shares: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    """Of each phase, how many runs began on the new build, of how many."""

    off: list[str] = field(default_factory=list[str])
    """Phases whose share is not what was set."""

    drained_early: bool = False
    """Whether a build was said to be drained while something ran on it."""

    ending: str = ""
    bad_runs: int = 0
    """Runs that the bad build began before it was rolled back."""

    bad_calls: int = 0
    """All calls until then."""

    seconds: float = 0.0

    def faults(self) -> list[str]:
        """Return what must not be."""
        return [
            *(f"failed: {each}" for each in self.failed),
            *(f"changed its build: {each}" for each in self.wandered),
            *(f"share: {each}" for each in self.off),
            *(["a build with runs counted as drained"] if self.drained_early else []),
        ]


class Rolling:
    """The mesh of a trial while it goes on."""

    def __init__(self, mesh: LocalMesh, desk_client: Client, shop: Client, inbox: InboxClient) -> None:
        self._mesh = mesh
        self._client = desk_client
        self._shop = shop.create_nexus_client(service=desk.Desk, endpoint=desk.TEAM)
        self._inbox = inbox
        self.deployment = Deployment(desk_client, desk.TEAM)
        self.measuring = Measuring(desk_client, desk.TEAM)

    @asynccontextmanager
    async def build(self, name: str) -> AsyncIterator[None]:
        """Run a worker of a build until the block ends."""
        keeper, tripping = RolloutKeeper(self._client), desk.Tripping()
        async with self._mesh.member(
            desk.TEAM,
            build=name,
            services=[desk.DeskService()],
            workflows=[desk.BUILDS[name], Rollout],
            activities=[desk.model, desk.send, tripping.trips, *keeper.activities],
            policy=OPEN,
            contracts=[desk.Desk],
            sandboxed=False,
        ):
            yield

    async def change(self, change: Callable[[Routing], Any]) -> None:
        """Change the deployment, as soon as Temporal knows the build."""
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    await change(await self.deployment.look() or Routing())
                except DeploymentError:  # Temporal has not seen its worker yet.
                    await asyncio.sleep(0.05)
                else:
                    return

    async def current(self, build: str) -> None:
        """Send everything to a build."""
        await self.change(lambda seen: self.deployment.make_current(build, seen))

    async def ramp(self, build: str, percent: float) -> None:
        """Send a share to a build; none ends the ramp."""
        await self.change(lambda seen: self.deployment.ramp(build if percent else "", percent, seen))

    async def ask(self, words: str) -> Asked:
        """Ask the desk for something, and do not wait."""
        return await self._shop.start_operation(desk.Desk.assist, Goal(goal=words), id=f"ask-{uuid.uuid4()}")

    async def ask_many(self, number: int) -> list[Asked]:
        """Ask for so many things, every other of which has to wait for a person."""
        return list(
            await asyncio.gather(*(self.ask(desk.CAREFUL if each % 2 else desk.QUICK) for each in range(number)))
        )

    async def begun(self, number: int) -> Counter[str]:
        """Wait until so many runs have begun, and return how many on which build."""
        async with asyncio.timeout(PATIENCE):
            while True:
                found: Counter[str] = Counter()
                async for run in self._client.list_workflows("WorkflowType = 'Assist'"):
                    [version] = run.search_attributes.get("TemporalWorkerDeploymentVersion", ["?:none"])
                    found[str(version).partition(":")[2]] += 1
                if found.total() - found["none"] >= number:
                    return found
                await asyncio.sleep(0.1)

    @asynccontextmanager
    async def approving(self) -> AsyncIterator[set[str]]:
        """Have somebody agree to whatever is asked in this block; yields what was agreed to."""
        person = Person(name="ada", scopes=(APPROVE,))
        issuer = self._mesh.keys["inbox"]
        credential = Credential.issue(issuer, person, now=time.time(), lifetime=timedelta(hours=1))
        answered: set[str] = set()

        async def answering() -> None:
            while True:
                new = [each.gate async for each in self._inbox.waiting() if each.gate not in answered][:AT_ONCE]
                await asyncio.gather(*(self._inbox.answer(each, credential, approve=True) for each in new))
                answered.update(new)
                await asyncio.sleep(0.1)

        task = asyncio.create_task(answering())
        try:
            yield answered
        finally:
            task.cancel()
            [fault] = await asyncio.gather(task, return_exceptions=True)
        if not isinstance(fault, asyncio.CancelledError):
            raise fault

    async def builds_of_runs(self) -> list[tuple[str, list[str], str]]:
        """Return each run's id, the builds it was on, and its answer."""
        found: list[tuple[str, list[str], str]] = []
        async for run in self._client.list_workflows("WorkflowType = 'Assist' AND ExecutionStatus = 'Completed'"):
            used = [str(each) for each in run.search_attributes.get("TemporalUsedWorkerDeploymentVersions", [])]
            answer = await self._client.get_workflow_handle(run.id, result_type=Assistance).result()
            found.append((run.id, [each.partition(":")[2] for each in used], answer.answer))
        return found

    async def advance(self, old: str, new: str, *, percent: float, every: timedelta) -> Progress:
        """Have a rollout go on by itself, with calls all the while, and return how it ended."""
        seen = await self.deployment.look()
        assert seen is not None
        plan = Plan(
            deployment=desk.TEAM,
            old=old,
            new=new,
            steps=(percent, 100.0),
            enough=1000,
            every=every,
            began=seen.since or datetime.now(UTC),
        )
        handle = await begin(self._client, plan, task_queue=desk.TEAM)
        return await handle.result()


@asynccontextmanager
async def mesh_of_builds() -> AsyncIterator[Rolling]:
    """Run the mesh, without any build of the desk yet."""
    async with AsyncExitStack() as stack:
        mesh = await stack.enter_async_context(LocalMesh.running(teams=TEAMS))
        policy = Team.load("callboard_orchestrator.inbox").policy
        await stack.enter_async_context(
            mesh.member("inbox", services=[InboxService()], workflows=[Gate], policy=policy, sandboxed=False)
        )
        yield Rolling(
            mesh,
            await mesh.client(desk.TEAM, contracts=[desk.Desk]),
            await mesh.client("shop", contracts=[desk.Desk]),
            InboxClient(await mesh.bare_client("inbox")),
        )


PHASES: Final[Sequence[tuple[str, float, float]]] = (
    ("ramp of 10", 10, 0.2),
    ("ramp of 50", 50, 0.3),
    ("ramp of 100", 100, 0.15),
    ("rolled back", 0, 0.15),
    ("100 again", 100, 0.1),
)
"""The share that is set, and which part of all runs begin then; the rest begin before the new build is there."""


async def change_builds(rolling: Rolling, runs: int, *, say: Callable[[str], None]) -> Findings:
    """Begin runs on two builds whose shares change, approve at the end what waits, and see what became of all."""
    found, began = Findings(), time.monotonic()
    async with rolling.build("old"):
        await rolling.current("old")
        asked = await rolling.ask_many(runs - sum(round(runs * part) for _, _, part in PHASES))
        before = await rolling.begun(len(asked))
        async with rolling.build("new"):
            for name, percent, part in PHASES:
                await rolling.ramp("new", percent)
                asked += await rolling.ask_many(round(runs * part))
                after = await rolling.begun(len(asked))
                here = after - before
                found.shares[name] = (here["new"], here.total())
                got = share(here["new"], here.total(), confidence=SURE)
                if got is None or not got.low <= percent / 100 <= got.high:
                    found.off.append(f"{name}: {here['new']} of {here.total()} runs")
                say(f"  {name}: {here['new']} of {here.total()} runs began on the new build")
                before = after
            found.asked = len(asked)
            await rolling.current("new")
            found.drained_early = await rolling.measuring.in_flight("old") == 0
            say(f"  {await rolling.measuring.in_flight('old')} runs wait on the old build, which is current no more")
            async with rolling.approving() as approved, asyncio.timeout(4 * PATIENCE):
                for each in await asyncio.gather(*(_ended(one) for one in asked)):
                    if each:
                        found.failed.append(each)
            found.approved = len(approved)
            if left := await _left_on(rolling, "old"):
                found.failed.append(f"{left} runs are left on the old build")
    for name, used, answer in await rolling.builds_of_runs():
        if len(used) != 1 or answer != desk.agent_of(used[0]).instructions:
            found.wandered.append(f"{name} was on {used} and said {answer!r}")
    found.seconds = time.monotonic() - began
    return found


async def ramp_a_bad_build(rolling: Rolling, *, percent: float, at_once: int, say: Callable[[str], None]) -> Findings:
    """Ramp a build that fails at times, by itself, and see how many runs it began before it was rolled back."""
    found, began = Findings(), time.monotonic()
    async with rolling.build("old"), rolling.build("bad"):
        await rolling.current("old")
        await rolling.ramp("bad", percent)
        calling = [asyncio.create_task(_keep_calling(rolling, found)) for _ in range(at_once)]
        try:
            async with asyncio.timeout(10 * PATIENCE):
                progress = await rolling.advance("old", "bad", percent=percent, every=timedelta(seconds=0.2))
        finally:
            for each in calling:
                each.cancel()
            await asyncio.gather(*calling, return_exceptions=True)
        found.ending = progress.ending or "nothing"
        [bad] = await rolling.measuring.samples("bad", since=progress.plan.began)
        found.bad_runs = bad.started
        say(f"  {progress.ending} after {bad.started} of its runs and {found.bad_calls} calls: {progress.reason}")
        seen = await rolling.deployment.look()
        if seen is None or seen.ramping or seen.current != "old":
            found.off.append(f"after the rollback {seen} gets work")
    found.seconds = time.monotonic() - began
    return found


async def _keep_calling(rolling: Rolling, found: Findings) -> None:
    while True:
        found.bad_calls += 1
        await _ended(await rolling.ask(desk.QUICK))


async def _left_on(rolling: Rolling, build: str) -> int:
    """Return how many runs of a build go on, once what has ended had its time to be listed as such."""
    left = 0

    async def is_none_left() -> bool:
        nonlocal left
        left = await rolling.measuring.in_flight(build)
        return left == 0

    with suppress(TimeoutError):
        await until(is_none_left, within=_LISTED_WITHIN_SECONDS)
    return left


async def _ended(asked: Asked) -> str:
    try:
        await asked.result()
    except MeshError as error:
        return str(error)
    return ""
