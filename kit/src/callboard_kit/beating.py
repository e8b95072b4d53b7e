"""Says at intervals that an activity is alive, for as long as a block of it takes."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

from temporalio import activity


@asynccontextmanager
async def beating() -> AsyncGenerator[None]:
    """Heartbeat during this block, three times within the activity's heartbeat timeout.

    That is also what lets an activity hear that its run was cancelled. What it waits for needs a time limit of its own.
    """

    async def beat() -> None:
        every = (activity.info().heartbeat_timeout or timedelta(seconds=30)) / 3
        while True:
            activity.heartbeat()
            await asyncio.sleep(every.total_seconds())

    task = asyncio.create_task(beat())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
