"""What the agent loop takes beyond its model, against the same agent written by hand on bare Temporal.

Both sides live on one server and ask one model, which takes a fixed time: it asks for two tools at once, five times
over, and then answers. What the model takes by itself is left out of the times; the rest is Temporal's and the loop's.
"""

import asyncio
import sys
import time
import uuid
from collections.abc import AsyncGenerator, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final

import httpx
from temporalio.client import Client

from bench.by_hand import DeskByHand
from bench.by_kit import DeskByKit
from bench.place import SERVERS, Crew, Place, place
from bench.planner import MODEL, OWN_TIME, STEPS, TOOLS
from bench.processes import BenchError, Processes, processor_seconds
from bench.progress import Progress
from bench.results import Bar, Line, times
from bench.rounds import Rounds, play
from callboard_kit.ports import LOOPBACK, free_ports

WORKER: Final = "bench.desk_worker"
BY_HAND: Final = Crew(asker="barehand", answerer="barepeer", bare=True, worker=WORKER)
BY_KIT: Final = Crew(asker="clerk", answerer="clerkpeer", worker=WORKER)

RUNS: Final = 3
"""Runs of a turn, one after another."""

SLOWER_AT_MOST: Final = Bar(1.2)


class _Side:
    """Runs one side's agent."""

    def __init__(self, crew: Crew, client: Client, where: Place) -> None:
        self._crew = crew
        self._client = client
        self._processes = [where.ids[name] for name in (*SERVERS, crew.asker)]
        self.spent: list[float] = []

    async def runs(self) -> Sequence[float]:
        """Return the seconds of each run of a turn, from its start to its result, without what the model takes.

        The processor time of servers and worker, in seconds per run, is kept in `spent`.
        """
        before = processor_seconds(self._processes)
        seconds = [await self._run() - OWN_TIME for _ in range(RUNS)]
        self.spent.append((processor_seconds(self._processes) - before) / RUNS)
        return seconds

    async def _run(self) -> float:
        desk = DeskByHand if self._crew.bare else DeskByKit
        began = time.perf_counter()
        await self._client.execute_workflow(
            desk.run, "May parcel #P0000001 go?", id=f"desk-{uuid.uuid4().hex}", task_queue=self._crew.asker
        )
        return time.perf_counter() - began


async def measure(home: Path, *, rounds: int, progress: Progress) -> AsyncGenerator[Line]:
    """Measure runs of both sides, in turn."""
    progress.say("loop: starting the server, the registry, a model and the workers")
    [port] = free_ports(1)
    told = {"OPENAI_BASE_URL": f"http://{LOOPBACK}:{port}/v1", "OPENAI_API_KEY": "none", "CALLBOARD_MODEL": MODEL}
    async with (
        Processes(home / "model", {"PYTHONPATH": str(Path(__file__).parents[1])}) as model,
        place(home, [BY_HAND, BY_KIT], told=told) as where,
    ):
        await model.start("planner", [sys.executable, "-m", "bench.planner", str(port)])
        await _until_answers(f"http://{LOOPBACK}:{port}")
        sides = {
            "by hand": _Side(BY_HAND, await where.client(BY_HAND), where),
            "by the kit": _Side(BY_KIT, await where.client(BY_KIT), where),
        }
        async with asyncio.timeout(120):
            for side in sides.values():
                await side.runs()  # The first run waits for the worker to come up, and loads what it uses.
                side.spent.clear()
        what = f"a run of {STEPS} steps with {len(TOOLS)} tools each, beyond the model"
        with progress.rounds(what, rounds) as done:
            played = await play({name: side.runs for name, side in sides.items()}, rounds, after_each=done)
        where.processes.check()
        model.check()
        line = partial(times, part="loop", settings="tuned", side="by the kit", against="by hand")
        yield line(played, what=what, bar=SLOWER_AT_MOST)
        spent = _rounds({name: side.spent for name, side in sides.items()})
        yield line(spent, what="processor time of that run, but for the model's")


def _rounds(turns: Mapping[str, Sequence[float]]) -> Rounds:
    """Return what was noted of each turn, two of each side in a round, as rounds."""
    rounds = Rounds()
    for name, each in turns.items():
        rounds.first[name], rounds.second[name] = list(each[::2]), list(each[1::2])
        rounds.medians[name] = [median(pair) for pair in zip(each[::2], each[1::2], strict=True)]
    return rounds


async def _until_answers(address: str) -> None:
    async with httpx.AsyncClient() as client:
        for _ in range(300):
            try:
                await client.get(address)
            except httpx.TransportError:
                await asyncio.sleep(0.1)
            else:
                return
    raise BenchError("the model did not answer within 30 s")
