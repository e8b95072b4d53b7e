"""What the observer does again and again: jobs, each on its own clock, none in the way of another."""

import asyncio
import logging
import math
import os
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from callboard_registry.observations import Observations
from callboard_registry.seen import SeenJob

logger: Final = logging.getLogger(__name__)

LONGEST_ERROR: Final = 500
"""Characters of an error that are kept."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """Something to do again and again."""

    name: str
    """One word, as it is shown to people."""

    every: timedelta
    """From the end of one round to the beginning of the next."""

    work: Callable[[], Awaitable[object]]
    """Does one round. When it raises, that is noted and the next round comes as usual."""

    noted: timedelta = timedelta(0)
    """How often it is written down at most that it goes well."""

    longest: timedelta = timedelta(minutes=5)
    """How long a round may take before it counts as failed and is cancelled."""


async def keep_doing(jobs: Sequence[Job], *, notes: Observations, stop: asyncio.Event) -> None:
    """Do every job on its own clock until told to stop, then let rounds that have begun be cancelled."""
    tasks = [asyncio.create_task(_repeat(job, _Diary(job, notes)), name=f"job {job.name}") for job in jobs]
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({stopping, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done():
                task.result()  # A job never ends by itself: this raises what ended it.
    finally:
        for task in (stopping, *tasks):
            task.cancel()
        await asyncio.gather(stopping, *tasks, return_exceptions=True)


async def _repeat(job: Job, diary: "_Diary") -> None:
    while True:
        try:
            async with asyncio.timeout(job.longest.total_seconds()):
                await job.work()
        except TimeoutError:
            await diary.failed(f"it took longer than {job.longest.total_seconds():g} s")
        except Exception as error:  # The edge of a job: what went wrong is shown, and no other job suffers.
            await diary.failed(f"{type(error).__name__}: {' '.join(str(error).split())}")
        else:
            await diary.succeeded()
        await asyncio.sleep(job.every.total_seconds())


class _Diary:
    """Writes down how the rounds of one job end. Says in the log only when that changes."""

    def __init__(self, job: Job, notes: Observations) -> None:
        self._job = job
        self._notes = notes
        self._process = f"{os.getpid()}@{socket.gethostname()}"
        self._last_success: datetime | None = None
        self._error = ""
        self._written = -math.inf

    async def succeeded(self) -> None:
        worked_before = not self._error
        if not worked_before:
            logger.info("%s: works again", self._job.name)
        self._error = ""
        self._last_success = datetime.now(UTC)
        if not worked_before or time.monotonic() - self._written >= self._job.noted.total_seconds():
            await self._write()

    async def failed(self, error: str) -> None:
        error = error[:LONGEST_ERROR]
        if error != self._error:
            logger.warning("%s: %s", self._job.name, error)
        self._error = error
        await self._write()

    async def _write(self) -> None:
        seen = SeenJob(
            process=self._process,
            every_seconds=max(self._job.every, self._job.noted).total_seconds(),
            succeeded=self._last_success,
            error=self._error,
        )
        self._written = time.monotonic()
        writing = asyncio.create_task(asyncio.to_thread(self._notes.write, SeenJob, {self._job.name: seen}))
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            # The thread goes on by itself, and needs the database until it is done.
            await asyncio.wait({writing})
            raise
        except SQLAlchemyError as error:
            # Then what is known grows old, which the registry shows by itself.
            logger.warning("%s: how it went cannot be written down: %s", self._job.name, type(error).__name__)
