"""What a large mesh costs: the same calls and look-ups among 2, 20 and 200 teams.

Each size has a place of its own, and all three are there at once, so that they take turns in every round. While one is
measured, the processes of the others are stopped (SIGSTOP), so that no place pays for another's size.
"""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Final

from bench.place import Crew, Place, place
from bench.progress import Progress
from bench.results import Bar, Line, times
from bench.rounds import Turn, play
from bench.side import WARM_UP, Side
from callboard_registry_api.client import RegistryClient

SIZES: Final = (2, 20, 200)
ALSO_SERVED: Final = 2
"""Teams with a worker beside the two that talk, in the places that have more than two."""

BAR: Final = Bar(1.1)

SETTLING: Final = 0.3
"""Seconds that a place gets when it goes on after having been stopped."""


def crew_of(size: int) -> Crew:
    """Return a crew of `size` teams."""
    others = tuple(f"team{number:03}" for number in range(size - 2))
    return Crew(asker="asker", answerer="answerer", others=others, also_served=min(ALSO_SERVED, len(others)))


@dataclass(frozen=True)
class Mesh:
    """A mesh of one size, ready to be measured."""

    size: int
    where: Place
    side: Side
    registry: RegistryClient

    @property
    def name(self) -> str:
        """Return what it is called in the answer."""
        return f"{self.size} teams"

    async def listings(self, count: int) -> list[float]:
        """Return the seconds of each of `count` look-ups of one listing in the registry."""
        seconds: list[float] = []
        for _ in range(count):
            began = perf_counter()
            await self.registry.get_listing("answerer.v1")
            seconds.append(perf_counter() - began)
        return seconds


Work = Callable[[Mesh], Awaitable[Sequence[float]]]

MEASURES: Final[Sequence[tuple[str, Work]]] = (
    ("sync call", lambda mesh: mesh.side.one_after_another("look", 20)),
    ("workflow-backed call", lambda mesh: mesh.side.one_after_another("settle", 10)),
    ("one listing from the registry", lambda mesh: mesh.listings(60)),
    ("what is offered, as the orchestrator asks", lambda mesh: mesh.side.look_up("offered", 20)),
    ("a search in what is offered", lambda mesh: mesh.side.look_up("search", 20)),
)


async def measure(home: Path, *, rounds: int, progress: Progress) -> AsyncGenerator[Line]:
    """Measure all sizes against the smallest, and yield each line when it is known."""
    async with AsyncExitStack() as stack:
        meshes: list[Mesh] = []
        for size in SIZES:
            progress.say(f"size: starting a mesh of {size} teams")
            crew = crew_of(size)
            where = await stack.enter_async_context(place(home / str(size), [crew]))
            registry = await stack.enter_async_context(RegistryClient(where.registry))
            meshes.append(Mesh(size, where, await Side.ready(crew, where), registry))
        with _all_stopped(meshes):
            for what, work in MEASURES:
                sides = {mesh.name: _alone(mesh, work) for mesh in meshes}
                with progress.rounds(what, rounds) as done:
                    played = await play(sides, rounds, after_each=done)
                for mesh in meshes[1:]:
                    yield times(
                        played,
                        part="size",
                        settings="tuned",
                        what=what,
                        side=mesh.name,
                        against=meshes[0].name,
                        bar=BAR,
                    )


def _alone(mesh: Mesh, work: Work) -> Turn:
    return partial(_turn, mesh, work)


async def _turn(mesh: Mesh, work: Work) -> Sequence[float]:
    _signal(mesh, signal.SIGCONT)
    try:
        await asyncio.sleep(SETTLING)
        # The first calls after a stop meet timers that ran out meanwhile.
        await mesh.side.one_after_another("look", WARM_UP)
        return await work(mesh)
    finally:
        _signal(mesh, signal.SIGSTOP)


@contextmanager
def _all_stopped(meshes: Sequence[Mesh]) -> Generator[None]:
    """Stop everybody until the end of the block; then let them go on, or they could not even end."""
    for mesh in meshes:
        _signal(mesh, signal.SIGSTOP)
    try:
        yield
    finally:
        for mesh in meshes:
            _signal(mesh, signal.SIGCONT)


def _signal(mesh: Mesh, number: signal.Signals) -> None:
    mesh.where.processes.check()
    for process in mesh.where.ids.values():
        os.kill(process, number)
