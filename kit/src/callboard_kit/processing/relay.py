"""Takes what a team publishes from its outbox to the feeds of its followers: in order, and again when Redis lost it.

How far a feed is stands in Redis beside it and is written in the same transaction as the events, so the two are never
apart: whoever reads the position knows what the feed was given, however the worker or Redis died. Of several workers
that publish at the same time, one comes through and the others look again.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, cast

from redis.exceptions import RedisError, WatchError
from sqlalchemy.exc import OperationalError

from callboard_kit.processing.model import feed_of, position_of
from callboard_kit.processing.outbox import Outbox

if TYPE_CHECKING:
    from redis.asyncio import Redis

logger: Final = logging.getLogger(__name__)

BATCH: Final = 200
LONGEST_FEED: Final = 100_000
"""Events that wait in one feed, at most; those after them wait in the outbox."""

LOOK_EVERY: Final = 0.2
"""Seconds between two looks at an outbox in which there was nothing new."""

ASK_EVERY: Final = 2.0
"""Seconds after which Redis is asked how far the feeds are although nothing is new: it may have lost them."""

FORGET_EVERY: Final = 600.0


class Relay:
    """Publishes the events of one team. Run `run` beside its worker."""

    def __init__(self, team: str, outbox: Outbox, followers: Sequence[str], redis: "Redis") -> None:
        self._team = team
        self._outbox = outbox
        self._followers = tuple(followers)
        self._redis = redis

    async def run(self) -> None:
        """Publish until cancelled; while Redis is away, what is to be published waits in the store."""
        seen, asked, forgot, trouble = -1, 0.0, 0.0, ""
        clock = asyncio.get_running_loop().time
        while True:
            try:
                last = await asyncio.to_thread(self._outbox.last)
                if last != seen or clock() - asked >= ASK_EVERY:
                    reached = await self.publish()
                    # What did not fit is tried with the next question.
                    seen, asked = last, clock()
                    if clock() - forgot >= FORGET_EVERY:
                        everybody, forgot = min(reached.values(), default=last), clock()
                        await asyncio.to_thread(self._outbox.forget, everybody, now=datetime.now(UTC))
                if trouble:
                    logger.info("events are published again")
                trouble = ""
            except (RedisError, OSError, OperationalError) as error:
                if not trouble:
                    logger.warning("events wait in the outbox: %s", error)
                trouble = str(error)
            await asyncio.sleep(1.0 if trouble else LOOK_EVERY)

    async def publish(self) -> Mapping[str, int]:
        """Publish what is there, and return how far each follower's feed is then.

        Raises:
            RedisError: Redis does not answer.
        """
        return {follower: await self._fill(follower) for follower in self._followers}

    async def _fill(self, follower: str) -> int:
        feed, place = feed_of(self._team, follower), position_of(self._team, follower)
        while True:
            async with self._redis.pipeline(transaction=True) as pipe:
                try:
                    await pipe.watch(place)
                    position = await self._position(cast("str | None", await pipe.get(place)))
                    room = LONGEST_FEED - int(await pipe.xlen(feed))
                    if room <= 0:
                        return position
                    events = await asyncio.to_thread(self._outbox.after, self._team, position, limit=min(BATCH, room))
                    if not events:
                        return position
                    pipe.multi()
                    for event in events:
                        pipe.xadd(feed, {**event.to_fields()})
                    pipe.set(place, f"{events[-1].number}:{events[-1].id}")
                    await pipe.execute()
                except WatchError:
                    continue

    async def _position(self, kept: str | None) -> int:
        """Return up to which event a feed is published; 0 where that says nothing about this outbox."""
        number, _, id = (kept or "").partition(":")
        if not number.isdigit() or not await asyncio.to_thread(self._outbox.holds, int(number), id):
            return 0
        return int(number)
