"""Kills processes of a mesh as a power cut would, and notes how long each was missed."""

import asyncio
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from callboard.stack import leftovers
from tests.playing.books import written
from tests.playing.stage import Stage
from tests.playing.waiting import until

_CHANCE: Final = 0.7
"""How often a worker that has just written is killed for it."""

_HAVE_EFFECTS: Final = ("billing", "customers", "orders", "support")
_LONGEST: Final = 120
"""Seconds after which a process that is not back counts as lost."""


@dataclass
class Kill:
    """One process that was killed."""

    part: str
    pid: int
    at: float
    """When, on the monotonic clock."""

    away: float | None = None
    """Seconds until its successor did its work; None while it does not."""

    ambush: bool = False
    """Whether it came right after an effect was written."""


class Killer:
    """Kills at random, by a seed, but never what is not back from the last time.

    Args:
        stage: Whose processes.
        seed: The same seed draws the same victims and pauses.
        victims: Who may be killed.
        pause: The shortest and the longest time between two kills, in seconds.
        most_away: How many may be away at the same time. More would stop the whole mesh for longer than the 30 s
            for which a caller waits on a small machine, and then show only that it waits no longer.
        most: How many are killed at large in all. None: no limit.
        rest: How long a process is left in peace once it is back, in seconds; twice as long as it was away at least.
        say: Is told of every kill.
    """

    def __init__(
        self,
        stage: Stage,
        *,
        seed: int,
        victims: Sequence[str],
        pause: tuple[float, float] = (2.0, 5.0),
        most_away: int = 2,
        most: int | None = None,
        rest: float = 8.0,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._stage = stage
        self._luck = random.Random(seed)
        self._victims = tuple(victims)
        self._pause = pause
        self._most_away = most_away
        self._most = most
        self._rest = rest
        self._say = say
        self._pids = _pids(stage)
        self._waits: list[asyncio.Task[None]] = []
        self._peace: dict[str, float] = {}
        self.kills: list[Kill] = []
        self.died: list[str] = []
        """What ended without having been killed here, as far as it was noticed."""

    @asynccontextmanager
    async def at_large(self) -> AsyncIterator[None]:
        """Kill at random moments and at the worst ones for the length of the block, then wait until all is back.

        Raises:
            TimeoutError: Something is not.
        """
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._strike()), group.create_task(self._ambush())]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
        await self.all_back()

    async def all_back(self) -> None:
        """Wait until everything that was killed does its work again.

        Raises:
            TimeoutError: Something does not.
        """
        await asyncio.gather(*self._waits)

    async def _strike(self) -> None:
        while True:
            await asyncio.sleep(self._luck.uniform(*self._pause))
            if ready := [name for name in self._victims if self._may_be_killed(name)]:
                self.kill(self._luck.choice(ready))

    async def _ambush(self) -> None:
        """Kill a worker that has just had an effect, so that often nobody else has heard of it yet."""
        async for team in written(self._stage.home / "stores", _HAVE_EFFECTS):
            if team in self._victims and self._may_be_killed(team) and self._luck.random() < _CHANCE:
                self.kill(team).ambush = True

    def _may_be_killed(self, name: str) -> bool:
        away = sum(not wait.done() for wait in self._waits)
        if away >= self._most_away or (self._most is not None and len(self.kills) >= self._most):
            return False
        return self._peace.get(name, 0.0) <= time.monotonic()

    def kill(self, name: str) -> Kill:
        """Kill one process now. The supervisor starts it again."""
        pid = self._pids[name]
        if not leftovers.carries_mark(pid, self._stage.stack.record.id):
            self.died.append(name)
            pid = _pids(self._stage)[name]
        assert leftovers.carries_mark(pid, self._stage.stack.record.id), f"process {pid} is not of this mesh"
        kill = Kill(part=name, pid=pid, at=time.monotonic())
        os.kill(pid, signal.SIGKILL)
        self.kills.append(kill)
        self._peace[name] = float("inf")
        self._say(f"killed {name} ({pid})")
        self._waits.append(asyncio.create_task(self._until_back(kill)))
        return kill

    async def _until_back(self, kill: Kill) -> None:
        await until(lambda: self._is_back(kill.part, not_as=kill.pid), within=_LONGEST)
        if kill.part == "temporal":
            # It is back for good when the workers have found it again.
            await until(self._workers_are_back, within=_LONGEST)
        kill.away = time.monotonic() - kill.at
        self._pids = _pids(self._stage)
        # On a machine where starting takes long a process must also be left to work for longer.
        self._peace[kill.part] = time.monotonic() + max(self._rest, 2 * kill.away)

    async def _workers_are_back(self) -> bool:
        away = {kill.part for kill in self.kills if kill.away is None}
        return all([await self._is_back(name) for name in self._stage.workers if name not in away])

    async def _is_back(self, name: str, *, not_as: int | None = None) -> bool:
        state = self._stage.processes().get(name)
        if state is None or state.pid is None or state.pid == not_as:
            return False
        return await self._stage.works(name, state.pid)


def _pids(stage: Stage) -> dict[str, int]:
    return {name: state.pid for name, state in stage.processes().items() if state.pid is not None}
