"""Server-sent events: how a stream of the mesh's events goes over HTTP."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from callboard_kit.events.following import Told

PING: Final = ": ping\n\n"
"""A comment that keeps proxies from taking the connection for dead, and shows who is gone."""

HEADERS: Final = {"cache-control": "no-store", "x-accel-buffering": "no"}
"""Tell whoever stands between not to keep the stream back."""


def frame(told: Told) -> str:
    """Return an event as it is sent; without an id where it is not in the stream, so that the last one stays good."""
    id = "" if told.position is None else f"id: {told.position}\n"
    return f"{id}event: {told.event.kind}\ndata: {told.event.model_dump_json()}\n\n"


async def frames(stream: AsyncGenerator[Told | None]) -> AsyncGenerator[str]:
    """Yield what is sent for `stream`, with pings while nothing happens."""
    async with aclosing(stream):
        yield "retry: 1000\n\n"
        async for told in stream:
            yield PING if told is None else frame(told)
