"""Whose turn it is to read a feed: one worker's of the follower at a time, so that events stay in their order.

Reading is no work, it only hands over to Temporal, which spreads the runs over all workers. The turn is a key in Redis
that its holder renews; when the holder dies, the next worker has it a few seconds later and first takes what was left.
"""

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from redis.exceptions import RedisError, WatchError

if TYPE_CHECKING:
    from redis.asyncio import Redis

logger: Final = logging.getLogger(__name__)

LEASE: Final = 5.0
"""Seconds after which a turn that was not renewed is somebody else's."""

RENEW_EVERY: Final = 1.0


class Turn:
    """The right to read one feed, as one worker sees it."""

    def __init__(self, redis: "Redis", key: str, who: str, *, lease: float = LEASE) -> None:
        self._redis = redis
        self._key = key
        self._who = who
        self._lease = lease

    async def take(self) -> bool:
        """Take the turn if nobody has it.

        Raises:
            RedisError: Redis does not answer.
        """
        milliseconds = int(self._lease * 1000)
        return bool(await self._redis.set(self._key, self._who, nx=True, px=milliseconds))

    async def kept(self) -> None:
        """Renew the turn, and return when it is lost or can no longer be believed in."""
        clock = asyncio.get_running_loop().time
        until = clock() + self._lease
        while clock() < until:
            await asyncio.sleep(min(RENEW_EVERY, self._lease / 3))
            try:
                asked = clock()
                if not await self._mine(renew=True):
                    return
                until = asked + self._lease
            except (RedisError, OSError) as error:
                logger.debug("a turn cannot be renewed just now: %s", error)

    async def give_back(self) -> None:
        """Let the next one have it at once.

        Raises:
            RedisError: Redis does not answer.
        """
        await self._mine(renew=False)

    async def _mine(self, *, renew: bool) -> bool:
        async with self._redis.pipeline(transaction=True) as pipe:
            try:
                await pipe.watch(self._key)
                if await pipe.get(self._key) != self._who:
                    return False
                pipe.multi()
                if renew:
                    pipe.pexpire(self._key, int(self._lease * 1000))
                else:
                    pipe.delete(self._key)
                await pipe.execute()
            except WatchError:
                return False
            return True
