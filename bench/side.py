"""One side of a comparison: a crew in a place, and the ways in which it is put to work."""

import asyncio
import uuid
from datetime import timedelta
from time import perf_counter
from typing import Literal

from temporalio.client import Client

from bench.place import SERVERS, Crew, Place
from bench.processes import processor_seconds
from bench.work import LONGEST_CALL, Errand, LookUp, RunErrand

Operation = Literal["look", "settle", "settle_alone"]
"""A sync operation, a workflow-backed one, and the same with an entity that it acts on."""

LookUpKind = Literal["offered", "search"]
"""Everything that is offered, or what fits a few words."""

PATIENCE = timedelta(minutes=5)
"""How long those wait who wait in line."""

WARM_UP = 3
"""Calls of each kind before anything is measured."""


class Side:
    """Puts one crew to work and says how long it took."""

    def __init__(self, crew: Crew, client: Client, where: Place) -> None:
        self._crew = crew
        self._client = client
        # What works when this side works, and no other side's workers.
        self._processes = [where.ids[name] for name in (*SERVERS, crew.asker, crew.answerer)]

    @classmethod
    async def ready(cls, crew: Crew, where: Place) -> "Side":
        """Return a side that has warmed up: its workers run and every path has been taken."""
        side = cls(crew, await where.client(crew), where)
        async with asyncio.timeout(120):
            # The first errand waits for the workers to come up.
            for operation in ("look", "settle"):
                await side.one_after_another(operation, WARM_UP)
        where.processes.check()
        return side

    async def one_after_another(self, operation: Operation, calls: int, *, first: int = 0) -> list[float]:
        """Return the seconds of each of `calls` calls that one workflow makes in a row."""
        return await self._run(operation, calls, first=first)

    async def in_line(self, first: int, *, hold: bool) -> None:
        """Have one workflow settle a parcel and, where it is to, hold it; it waits its turn for as long as it takes."""
        await self._run("settle_alone", 1, first=first, hold=hold, patience=PATIENCE)

    async def from_scratch(self, operation: Operation, times: int) -> list[float]:
        """Return the seconds from starting a workflow that makes one call to having its result, `times` times."""
        seconds: list[float] = []
        for _ in range(times):
            began = perf_counter()
            await self._run(operation, 1)
            seconds.append(perf_counter() - began)
        return seconds

    async def in_flight(self, operation: Operation, workflows: int, calls: int) -> list[float]:
        """Return the seconds per call when `workflows` workflows at once make `calls` calls each, as one number."""
        began = perf_counter()
        await asyncio.gather(*(self._run(operation, calls) for _ in range(workflows)))
        return [(perf_counter() - began) / (workflows * calls)]

    async def processor_time(self, operation: Operation, calls: int) -> list[float]:
        """Return the seconds of processor time per call, of servers and workers together, as one number."""
        before = processor_seconds(self._processes)
        await self._run(operation, calls)
        return [(processor_seconds(self._processes) - before) / calls]

    async def look_up(self, activity: LookUpKind, times: int) -> list[float]:
        """Return the seconds of each of `times` look-ups in the catalog that one workflow makes in a row."""
        return await self._client.execute_workflow(
            LookUp.run, args=[activity, times], id=f"look-up-{uuid.uuid4().hex}", task_queue=self._crew.asker
        )

    async def _run(
        self,
        operation: Operation,
        calls: int,
        *,
        first: int = 0,
        hold: bool = False,
        patience: timedelta = LONGEST_CALL,
    ) -> list[float]:
        team = self._crew.answerer
        errand = Errand(
            team=team, endpoint=team, operation=operation, calls=calls, first=first, hold=hold, patience=patience
        )
        return await self._client.execute_workflow(
            RunErrand.run, errand, id=f"errand-{uuid.uuid4().hex}", task_queue=self._crew.asker
        )
