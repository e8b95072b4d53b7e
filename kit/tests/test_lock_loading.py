"""A lock whose worker was killed is loaded by another one while somebody looks at it."""

import asyncio
import sys
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from lock_keeper import Lock
from server import Temporal
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from callboard_kit.entities.lock import EntityLock
from callboard_kit.entities.messages import Claim, LockState
from callboard_kit.entities.naming import Entity, lock_id
from callboard_kit.entities.viewing import lock_of

STICKY_SECONDS = 4
"""How long Temporal offers a task to a worker that is no more; longer than a lock waits before it looks around."""


@asynccontextmanager
async def keeper(address: str, namespace: str, queue: str) -> AsyncGenerator[asyncio.subprocess.Process]:
    """Run a worker that keeps locks; it is killed at the end of the block, if not before."""
    script = Path(__file__).parent / "lock_keeper.py"
    words = (sys.executable, str(script), address, namespace, queue, str(STICKY_SECONDS))
    process = await asyncio.create_subprocess_exec(*words, stderr=asyncio.subprocess.DEVNULL)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(1200):
        if await condition():
            return
        await asyncio.sleep(0.05)
    raise TimeoutError


async def test_looking_at_a_lock_while_its_worker_is_replaced_does_not_break_it(temporal: Temporal) -> None:
    queue, entity = f"locks-{uuid.uuid4().hex}", Entity("record", uuid.uuid4().hex)
    client = await Client.connect(temporal.address, namespace="shop", data_converter=pydantic_data_converter)
    lock: WorkflowHandle[EntityLock, None] = client.get_workflow_handle_for(
        EntityLock.run, lock_id("shop", entity.name)
    )

    async def take(holder: str) -> bool:
        claim = Claim(holder=f"{holder}/run", operation="shop.v1 sell", path=(holder,))
        return (await lock.execute_update(EntityLock.take, claim)).fence > 0

    async def timer_has_fired() -> bool:
        return any(each.event_type == EventType.EVENT_TYPE_TIMER_FIRED for each in (await lock.fetch_history()).events)

    async with keeper(temporal.address, "shop", queue) as first:
        state = LockState(team="shop", name=entity.name, shown=entity.shown)
        await client.start_workflow(EntityLock.run, state, id=lock.id, task_queue=queue)
        assert [await take("ada"), await take("bob")] == [True, False]
        first.kill()
        await first.wait()
    looking = asyncio.create_task(lock_of(client, "shop", entity.kind, entity.key))
    await until(timer_has_fired)
    async with keeper(temporal.address, "shop", queue):
        # Whoever looks has been answered before the lock's own next step begins, or is not answered before it.
        await asyncio.wait({looking}, timeout=STICKY_SECONDS / 2)
        await lock.signal(EntityLock.release, "ada/run")
        await asyncio.wait({looking})

        await take("eve")
        await Replayer(workflows=[Lock], data_converter=pydantic_data_converter).replay_workflow(
            await lock.fetch_history()
        )
        await lock.terminate()
