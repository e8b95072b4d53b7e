"""A worker that keeps locks, in a process of its own: `python lock_keeper.py ADDRESS NAMESPACE QUEUE SECONDS`."""

import asyncio
import sys
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Worker

from callboard_kit.entities.lock import GONE, LOCK, EntityLock
from callboard_kit.entities.messages import LockState


@workflow.defn(name=LOCK)
class Lock(EntityLock):
    """The lock, on a worker without versions."""

    @workflow.init
    def __init__(self, state: LockState) -> None:
        super().__init__(state)

    @workflow.run
    async def run(self, state: LockState) -> None:
        await super().run(state)


@activity.defn(name=GONE)
async def nobody_is_gone(holders: list[str]) -> list[str]:
    return []


async def keep(address: str, namespace: str, queue: str, sticky: str) -> None:
    client = await Client.connect(address, namespace=namespace, data_converter=pydantic_data_converter)
    await Worker(
        client,
        task_queue=queue,
        workflows=[Lock],
        activities=[nobody_is_gone],
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=float(sticky)),
    ).run()


if __name__ == "__main__":
    # Temporal's sandbox imports the module of a workflow by its name.
    from lock_keeper import keep as keep_locks

    asyncio.run(keep_locks(*sys.argv[1:]))
