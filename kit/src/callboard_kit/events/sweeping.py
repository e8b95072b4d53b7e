"""Takes away streams that nobody has added to for long. Done by the gateway: the teams have no right to."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Final, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from callboard_kit.events.model import stream_of
from callboard_kit.events.positions import order

logger: Final = logging.getLogger(__name__)

LIFETIME: Final = timedelta(days=7)
"""How long a tree's events stay after the last of them."""

INTERVAL: Final = timedelta(hours=1)


async def sweep(redis: Redis, *, lifetime: timedelta = LIFETIME) -> int:
    """Take away every stream whose last event is older than `lifetime`, and return how many there were."""
    oldest = (time.time() - lifetime.total_seconds()) * 1000
    gone = 0
    # The client's own iterator has no types.
    streams = cast("AsyncIterator[str]", redis.scan_iter(match=stream_of("*"), count=500))  # pyright: ignore[reportUnknownMemberType] - see above
    async for name in streams:
        newest = await redis.xrevrange(name, count=1)
        if not newest or order(str(newest[0][0]))[0] < oldest:
            gone += await redis.unlink(name)
    return gone


async def keep_sweeping(redis: Redis) -> None:
    """Sweep again and again until cancelled."""
    while True:
        try:
            if gone := await sweep(redis):
                logger.info("%d old event streams were taken away", gone)
        except (RedisError, OSError) as error:
            logger.warning("old event streams cannot be taken away at present: %s", error)
        await asyncio.sleep(INTERVAL.total_seconds())
