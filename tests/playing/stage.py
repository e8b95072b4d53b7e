"""A whole mesh to play on: real processes in a private home on free ports, and everything a test asks of them."""

import os
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from temporalio.client import Client, WorkflowHandle, WorkflowHistory
from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter

from callboard.stack import leftovers, lifecycle
from callboard.stack.enrolment import administrator_token
from callboard.stack.parts import Part
from callboard.stack.readiness import Readiness
from callboard.stack.signing_in import make_link
from callboard.stack.supervision import ProcessState, Supervisor
from callboard_kit.client import load_key
from callboard_kit.plugin import MeshPlugin
from callboard_kit.settings import Settings
from callboard_orchestrator.client import start_orchestrate
from callboard_orchestrator.messages import Settled
from callboard_orchestrator.workflows import Orchestrate
from tests.playing.books import Books
from tests.playing.histories import Told, conversation
from tests.playing.scripts import script
from tests.playing.tasks import Task, TaskSet
from tests.playing.waiting import until


@dataclass(frozen=True)
class Played:
    """What came of one task."""

    task: Task
    settled: Settled
    told: Sequence[Told]
    """Every call as the model saw it."""

    history: WorkflowHistory
    seconds: float


@dataclass
class Stage:
    """A running mesh."""

    home: Path
    stack: lifecycle.Stack
    model: httpx.AsyncClient
    """The offline model's server."""

    books: Books
    _clients: dict[str, Client] = field(default_factory=dict)
    _filled: TaskSet | None = None
    _readiness: Readiness | None = None

    @property
    def environment(self) -> Mapping[str, str]:
        """What a process needs to take part in this mesh."""
        return {**self.stack.plan.environment, "OPENAI_API_KEY": "offline"}

    @property
    def console(self) -> str:
        """Where the registry shows its pages."""
        return self.stack.plan.links["console"].removesuffix("/catalog")

    async def link(self, name: str = "ada@example.com", *, may: Sequence[str] = (), roles: Sequence[str] = ()) -> str:
        """Return a link that signs somebody in to the console, once; as an administrator unless told otherwise."""
        token = administrator_token(self.home)
        return await make_link(self.console, token=token, name=name, may=may or ("administrator",), roles=roles)

    @property
    def settings(self) -> Settings:
        """The settings of a process of this mesh."""
        return Settings.from_environment({**self.environment})

    @property
    def parts(self) -> Sequence[Part]:
        """The processes, in the order in which they start."""
        return self.stack.plan.parts

    @property
    def workers(self) -> Sequence[str]:
        """The teams that have a worker here."""
        return [part.name for part in self.parts if part.role == "worker"]

    def processes(self) -> Mapping[str, ProcessState]:
        """Return how the supervisor sees each process."""
        return lifecycle.states(self.stack.record)

    async def client(self, team: str) -> Client:
        """Return a client of a team's namespace that signs with the team's key."""
        if team not in self._clients:
            plugin = MeshPlugin(load_key(team, self.settings), settings=self.settings)
            self._clients[team] = await Client.connect(
                self.environment["TEMPORAL_ADDRESS"],
                namespace=self.settings.physical(team),
                plugins=[plugin],
                runtime=_quiet_runtime(),
            )
        return self._clients[team]

    async def works(self, name: str, pid: int) -> bool:
        """Return whether process `pid` does the work of part `name`: a server answers, a worker asks for work."""
        [part] = [part for part in self.parts if part.name == name]
        if self._readiness is None:
            self._readiness = Readiness(self.environment)
        return await self._readiness.answers(part, pid)

    async def call(
        self, caller: str, service: str, operation: str, sent: object, *, endpoint: str | None = None
    ) -> Any:
        """Call an operation as a team, with whatever input; the endpoint is that of the service unless it is said.

        Raises:
            MeshError: What the other side answered instead.
        """
        nexus = (await self.client(caller)).create_nexus_client(
            service=service, endpoint=endpoint or service.partition(".")[0]
        )
        return await nexus.execute_operation(operation, sent, id=f"call-{uuid.uuid4()}")

    async def take_away(self, name: str) -> None:
        """Stop a process until `bring_back`."""
        Supervisor(self.stack.record.socket).stop(name)
        await until(lambda: self._has_stopped(name), within=30)

    async def bring_back(self, name: str) -> None:
        """Start a process that was taken away, and wait until it does its work."""
        Supervisor(self.stack.record.socket).start(name)
        await until(lambda: self._is_up(name), within=60)

    async def _has_stopped(self, name: str) -> bool:
        return self.processes()[name].pid is None

    async def _is_up(self, name: str) -> bool:
        pid = self.processes()[name].pid
        return pid is not None and await self.works(name, pid)

    async def fill(self, tasks: TaskSet) -> None:
        """Put the records of a task set into the stores, without any effect, and give the offline model its scripts."""
        if self._filled is tasks:
            self.books.restore()
            return
        self._filled = None
        self.books.fill(tasks)
        await self.rehearse(*(script(task) for task in tasks.tasks))
        self._filled = tasks

    async def rehearse(self, *scripts: Mapping[str, Any]) -> None:
        """Give the offline model scripts; one with a name that it knows takes the place of the other."""
        for each in scripts:
            (await self.model.post("/offline/scripts", json=each)).raise_for_status()

    async def requests(self) -> Sequence[Mapping[str, Any]]:
        """Return every request that the offline model received, oldest first. Any: JSON as it came."""
        answer = await self.model.get("/offline/requests")
        return answer.raise_for_status().json()["requests"]

    async def begin(self, task: Task, *, root: str | None = None) -> WorkflowHandle[Orchestrate, Settled]:
        """Start the work on one task; `root` is the id of its tree of calls."""
        return await start_orchestrate(await self.client("orchestrator"), task.words, root=root)

    async def play(self, task: Task) -> Played:
        """Have one task settled and wait for what comes of it."""
        began = time.monotonic()
        handle = await self.begin(task)
        settled = await handle.result()
        return await self.finished(task, handle, settled, began)

    async def finished(
        self, task: Task, handle: WorkflowHandle[Orchestrate, Settled], settled: Settled, began: float
    ) -> Played:
        """Return what came of a task that has been settled."""
        seconds = time.monotonic() - began
        history = await handle.fetch_history()
        return Played(task=task, settled=settled, told=conversation(history), history=history, seconds=seconds)


@asynccontextmanager
async def standing(
    home: Path,
    *,
    say: Callable[[str], None] = lambda _: None,
    without: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[Stage]:
    """Run a mesh for the length of the block, and make sure that nothing of it is left after.

    Args:
        home: Where it keeps everything.
        say: Takes each line about what happens.
        without: Teams whose workers are not started.
        environment: Variables that its processes get, beside what every mesh has.
    """

    def changed(state: lifecycle.PartState) -> None:
        say(f"{state.part.name}: {state.state}")

    with _plain_environment(environment or {}):
        async with lifecycle.started(home, say=say, changed=changed, without=without) as stack:
            address = next(part.address for part in stack.plan.parts if part.name == "offline-model")
            async with httpx.AsyncClient(base_url=f"http://{address}", timeout=30) as model:
                yield Stage(home=home, stack=stack, model=model, books=Books(home))
    left = leftovers.marked(stack.record.id)
    assert not left, f"still running: {leftovers.describe(left)}"


@cache
def _quiet_runtime() -> Runtime:
    """Return a runtime that says nothing of a server that is away for a moment: here that is part of the play."""
    quiet = TelemetryFilter(core_level="ERROR", other_level="ERROR")
    return Runtime(telemetry=TelemetryConfig(logging=LoggingConfig(filter=quiet)))


@contextmanager
def _plain_environment(more: Mapping[str, str]) -> Iterator[None]:
    """Keep a model, a cluster or a mesh that the person has elsewhere out of this one."""
    ours = ("CALLBOARD_", "TEMPORAL_", "OPENAI_")
    kept = {name: value for name, value in os.environ.items() if name.startswith(ours)}
    for name in kept:
        del os.environ[name]
    os.environ.update(more)
    try:
        yield
    finally:
        for name in more:
            os.environ.pop(name, None)
        os.environ.update(kept)
