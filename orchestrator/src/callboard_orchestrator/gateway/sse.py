"""Server-sent events: how a stream of the mesh's events goes over HTTP."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Final, TypeVar

from callboard_kit.events.following import Told

PING: Final = ": ping\n\n"
"""A comment that keeps proxies from taking the connection for dead."""

PING_SECONDS: Final = 15.0

HEADERS: Final = {"cache-control": "no-store", "x-accel-buffering": "no"}
"""Tell whoever stands between not to keep the stream back."""

ItemT = TypeVar("ItemT")


def frame(told: Told) -> str:
    """Return an event as it is sent; without an id where it is not in the stream, so that the last one stays good."""
    id = "" if told.position is None else f"id: {told.position}\n"
    return f"{id}event: {told.event.kind}\ndata: {told.event.model_dump_json()}\n\n"


async def frames(stream: AsyncGenerator[Told]) -> AsyncGenerator[str]:
    """Yield what is sent for `stream`, with pings while nothing happens."""
    async with aclosing(stream):
        yield "retry: 1000\n\n"
        async for told in with_pauses(stream, PING_SECONDS):
            yield PING if told is None else frame(told)


async def with_pauses(stream: AsyncIterator[ItemT], seconds: float) -> AsyncGenerator[ItemT | None]:
    """Yield what `stream` yields, and None whenever it yields nothing for so long."""
    coming: asyncio.Future[ItemT] | None = None
    try:
        while True:
            coming = coming or asyncio.ensure_future(anext(stream))
            done, _ = await asyncio.wait({coming}, timeout=seconds)
            if not done:
                yield None
                continue
            arrived, coming = coming, None
            try:
                yield arrived.result()
            except StopAsyncIteration:
                return
    finally:
        if coming is not None:
            coming.cancel()
            await asyncio.wait({coming})
