"""How a stack starts, is watched, and stops."""

import asyncio
import contextlib
import secrets
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import psutil

from callboard.failures import CommandError
from callboard.stack import leftovers, record
from callboard.stack.enrolment import enrol_keys, provision_teams
from callboard.stack.parts import Part, Plan, plan, prepare_home, process_environment
from callboard.stack.readiness import Readiness
from callboard.stack.record import StackRecord
from callboard.stack.supervision import (
    ProcessState,
    Supervisor,
    SupervisorGoneError,
    socket_path,
    spawn,
    write_configuration,
)
from callboard_kit.settings import Settings

State = Literal["waiting", "starting", "ready", "restarting", "failed", "stopped"]

_STATES: Final[Mapping[str, State]] = {
    "stopped": "waiting",
    "starting": "starting",
    "running": "starting",
    "backoff": "restarting",
    "exited": "restarting",
    "stopping": "stopped",
    "fatal": "failed",
    "unknown": "failed",
}
_HOPELESS: Final = 4
"""Starts in vain after which a process will not come up by itself."""

_TICK: Final = 0.2


@dataclass
class PartState:
    """What is known of one process of a stack. Changes while the stack is watched."""

    part: Part
    state: State = "waiting"
    pid: int | None = None
    pids: set[int] = field(default_factory=set[int])
    """Every process that has been this part since the watching began."""

    @property
    def restarts(self) -> int:
        """Return how often the part was started again."""
        return max(0, len(self.pids) - 1)


Changed = Callable[[PartState], None]
"""Is told of a part whenever its state or its process is another."""

Say = Callable[[str], None]
"""Is told what a person should know, a line at a time."""


class Stack:
    """A running stack, as seen by the command that started it or found it."""

    def __init__(self, plan: Plan, written: StackRecord) -> None:
        self.plan = plan
        self.record = written
        self.states = {part.name: PartState(part) for part in plan.parts}
        self._supervisor = Supervisor(written.socket)
        self._readiness = Readiness(plan.environment)

    async def start(self, *, changed: Changed, say: Say) -> None:
        """Start the parts in order and return when all of them answer.

        Raises:
            CommandError: One does not come up; the message has the end of its log.
        """
        for each in self.states.values():
            changed(each)
        await self._supervisor_answers()
        servers = [part for part in self.plan.parts if part.role == "server"]
        rest = [part for part in self.plan.parts if part.role != "server"]
        for part in servers:
            self._supervisor.start(part.name)
        await self._until_ready(servers, changed)
        settings = Settings.from_environment(self.plan.environment)
        say("provisioning namespaces, endpoints and keys")
        await provision_teams(await self._readiness.temporal(), self.plan.teams, settings)
        await enrol_keys(
            self.plan.home, self.plan.teams, registry=self.plan.environment["CALLBOARD_REGISTRY"], settings=settings
        )
        for part in rest:
            self._supervisor.start(part.name)
        await self._until_ready(rest, changed)

    async def watch(self, *, changed: Changed) -> None:
        """Tell of every process that dies and of every one that is back, until cancelled.

        Raises:
            CommandError: The supervisor itself is gone.
        """
        while True:
            await self._look(self.plan.parts, changed)
            await asyncio.sleep(2 * _TICK)

    async def _supervisor_answers(self) -> None:
        for _ in range(int(15 / _TICK)):
            with contextlib.suppress(SupervisorGoneError):
                self._supervisor.states()
                return
            await asyncio.sleep(_TICK)
        raise CommandError(f"the supervisor did not start: {_end_of(self.plan.home / 'logs' / 'supervisord.out')}")

    async def _until_ready(self, parts: Sequence[Part], changed: Changed) -> None:
        try:
            async with asyncio.timeout(90):
                while any(self.states[part.name].state != "ready" for part in parts):
                    await self._look(self.plan.parts, changed)
                    for part in parts:
                        if self.states[part.name].state != "ready" and len(self.states[part.name].pids) >= _HOPELESS:
                            raise CommandError(f"{part.name} does not come up: {self._end_of_log(part)}")
                    await asyncio.sleep(_TICK)
        except TimeoutError:
            [late, *_] = [part for part in parts if self.states[part.name].state != "ready"]
            raise CommandError(f"{late.name} does not answer after 90 s: {self._end_of_log(late)}") from None

    async def _look(self, parts: Sequence[Part], changed: Changed) -> None:
        try:
            seen = self._supervisor.states()
        except SupervisorGoneError:
            raise CommandError(
                f"the supervisor is gone; see {str(self.plan.home / 'logs' / 'supervisord.log')!r},"
                " then run 'callboard up' again"
            ) from None
        await asyncio.gather(*(self._look_at(part, seen[part.name], changed) for part in parts))

    async def _look_at(self, part: Part, seen: ProcessState, changed: Changed) -> None:
        known = self.states[part.name]
        state = _STATES[seen.state]
        if state == "starting":
            same = known.state == "ready" and known.pid == seen.pid
            if same or await self._readiness.answers(part, seen.pid):
                state = "ready"
            elif known.pids - {seen.pid}:
                state = "restarting"
        if seen.pid is not None:
            known.pids.add(seen.pid)
        if (known.state, known.pid) != (state, seen.pid):
            known.state, known.pid = state, seen.pid
            changed(known)

    def _end_of_log(self, part: Part) -> str:
        return _end_of(self.plan.home / "logs" / f"{part.name}.log")


@contextlib.asynccontextmanager
async def started(
    home: Path,
    *,
    say: Say,
    changed: Changed,
    port_base: int | None = None,
    without: Sequence[str] = (),
    keep: Callable[[], bool] = lambda: False,
) -> AsyncGenerator[Stack]:
    """Start the stack of `home` for the length of the block.

    Args:
        home: Its folder.
        say: Is told of leftovers that were cleaned up, and the like.
        changed: Is told how the parts come up.
        port_base: See `plan`.
        without: See `plan`.
        keep: Says at the end of the block whether the stack is left running; never asked when the block failed.

    Raises:
        CommandError: It is running already, or does not come up.
    """
    with record.exclusively(home):
        stack = _spawned(home, say=say, port_base=port_base, without=without)
        try:
            await stack.start(changed=changed, say=say)
        except BaseException:
            _stop_processes(stack.record)
            stack.record.stopped().save(home)
            raise
    finished = False
    try:
        yield stack
        finished = True
    finally:
        if not (finished and keep()):
            await asyncio.to_thread(stop, home)


def running(home: Path) -> StackRecord | None:
    """Return the record of the stack that runs in `home`, None when none does."""
    found = record.load(home)
    if found is None or found.supervisor is None or not leftovers.carries_mark(found.supervisor, found.id):
        return None
    return found


def stop(home: Path) -> bool:
    """Stop everything that belongs to the stack of `home`, and return whether there was anything."""
    with record.exclusively(home):
        found = record.load(home)
        if found is None:
            return False
        stopped = _stop_processes(found)
        found.stopped().save(home)
        return stopped


def states(found: StackRecord) -> dict[str, ProcessState]:
    """Return what the supervisor of a running stack says of its processes; nothing when it does not answer."""
    try:
        return Supervisor(found.socket).states()
    except SupervisorGoneError:
        return {}


def _spawned(home: Path, *, say: Say, port_base: int | None, without: Sequence[str]) -> Stack:
    home = home.absolute()
    before = record.load(home)
    if before is not None:
        if running(home) is not None and states(before):
            raise CommandError(
                f"a mesh is already running in {str(home)!r} (supervisor {before.supervisor});"
                " see 'callboard status', or stop it with 'callboard down'"
            )
        if orphans := leftovers.marked(before.id):
            say(f"an earlier mesh ended without stopping its processes; ending {leftovers.describe(orphans)}")
            leftovers.end(orphans)
    planned = plan(home, remembered=before.ports if before else None, port_base=port_base, without=without)
    for note in planned.notes:
        say(note)
    prepare_home(home)
    written = StackRecord(
        id=secrets.token_hex(8),
        socket=str(socket_path(home)),
        ports=dict(planned.ports),
        addresses={part.name: part.address for part in planned.parts},
        links=dict(planned.links),
        environment=dict(planned.environment),
    )
    # Before anything runs: what runs can then be found whatever happens to this process.
    written.save(home)
    configuration = write_configuration(home, planned.parts)
    supervisor = spawn(home, configuration, process_environment(planned, stack=written.id))
    # It is no child to wait for: it goes on when this process ends, and is found again by its mark.
    supervisor.returncode = 0
    written = written.model_copy(update={"supervisor": supervisor.pid})
    written.save(home)
    return Stack(planned, written)


def _stop_processes(found: StackRecord) -> bool:
    processes = leftovers.marked(found.id)
    supervisor = Supervisor(found.socket)
    try:
        seen = supervisor.states()
        # Workers first, all at once, and who looks on: they still have a server to say goodbye to.
        workers = [name for name, address in found.addresses.items() if "/" in address]
        for names in (workers, [name for name in found.addresses if name not in workers]):
            for name in names:
                supervisor.stop(name)
            pids = {seen[name].pid for name in names if name in seen}
            psutil.wait_procs([each for each in processes if each.pid in pids], timeout=10)
        supervisor.shut_down()
        psutil.wait_procs([each for each in processes if each.pid == found.supervisor], timeout=10)
    except SupervisorGoneError:
        pass  # Then nothing restarts what is ended here.
    leftovers.end(leftovers.marked(found.id))
    return bool(processes)


def _end_of(log: Path, *, lines: int = 5) -> str:
    try:
        with log.open(encoding="utf-8", errors="replace") as file:
            said = " | ".join(line.strip() for line in deque(file, maxlen=lines) if line.strip())
    except FileNotFoundError:
        said = ""
    return f"{said or 'it said nothing'} (all of it in {str(log)!r})"
