"""Writes events to Redis, off the path of whatever they tell of: bounded, in order, and lost rather than waited for.

Any thread may tell; one task of the worker writes. What is told while a write is under way goes out with the next one,
so a busy worker writes in batches. What people read as it is written goes at once, and so do a run's beginning and
end; anything else waits a moment for company, because most of the cost of an event is the way to Redis and back.
While Redis does not answer, events wait here up to a bound; beyond it the newest are dropped, and the stream is told
of the gap when Redis is back.
"""

import asyncio
import json
import logging
import threading
import uuid
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Final

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from callboard_kit.ending import cancelled
from callboard_kit.events.model import Event, Gap, Kind, stream_of
from callboard_kit.settings import Settings

logger: Final = logging.getLogger(__name__)

EVENTS_KEPT: Final = 10_000
"""Events kept per tree, about; the oldest are dropped first."""

QUEUE_LENGTH: Final = 20_000
"""Events that wait for Redis in one process, at most."""

QUEUE_BYTES: Final = 32 * 1024 * 1024
"""What they may weigh together, about."""

LARGEST: Final = 64 * 1024
"""Characters of one event's data; a larger one goes out without them."""

BATCH: Final = 500

LINGER: Final = 0.02
"""Seconds that an event which is not `AT_ONCE` waits for others, at most."""

AT_ONCE: Final[frozenset[Kind]] = frozenset({"run.started", "text.delta", "run.ended"})
"""Kinds that somebody waits for, and the one that has to be a stream's first whoever writes the second."""

ANSWER_SECONDS: Final = 2.0
"""How long Redis may take to answer a command."""

LAST_CHANCE_SECONDS: Final = 2.0
_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 1.0


def open_redis(url: str, *, alone: bool = False) -> Redis:
    """Return a client for short commands that fails at once when Redis does not answer.

    Args:
        url: Where it is, and how one is let in.
        alone: Whether one task at a time uses it, and sets each command a time limit of its own. It then keeps one
            connection, and need not look whether one that it takes from a pool is still good, which takes about as
            long as a command; nor does it make a task of each write to have a limit on that.
    """
    return Redis.from_url(  # pyright: ignore[reportUnknownMemberType] - its keyword arguments have no types
        url,
        socket_timeout=None if alone else ANSWER_SECONDS,
        socket_connect_timeout=2,
        retry=Retry(NoBackoff(), 0),
        decode_responses=True,
        single_connection_client=alone,
        # The newer version of the protocol brings nothing here, and takes longer to read.
        protocol=2,
    )


@asynccontextmanager
async def writing(settings: Settings, team: str) -> AsyncGenerator["EventWriter | None"]:
    """Write the events of this process to the Redis of `settings` while the block runs; None when it has none."""
    url = settings.redis_for(team)
    if url is None:
        yield None
        return
    redis = open_redis(url, alone=True)
    writer = EventWriter(redis)
    task = asyncio.create_task(writer.run())
    try:
        yield writer
    finally:
        await cancelled([task])
        await redis.aclose()


class EventWriter:
    """Takes the events of one process to Redis."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._name = uuid.uuid4().hex[:12]
        self._queue: deque[tuple[str, dict[str, str]]] = deque()
        self._bytes = 0
        self._lost: dict[str, int] = {}
        self._gaps = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = 0
        self._wake = asyncio.Event()
        self._hurry = asyncio.Event()
        self.dropped = 0
        """How many events were lost so far."""

    def tell(self, root: str, event: Event) -> None:
        """Take an event for the stream of `root`, from any thread; never blocks and never raises."""
        # ASCII: a model may write half a surrogate pair, which is no UTF-8.
        text = json.dumps(event.data, separators=(",", ":"))
        fields = {
            "id": event.id,
            "at": event.at.isoformat(),
            "team": event.team,
            "operation": event.operation,
            "kind": event.kind,
            "data": text if len(text) <= LARGEST else "{}",
        }
        size = len(fields["data"]) + 200
        if len(self._queue) >= QUEUE_LENGTH or self._bytes + size > QUEUE_BYTES:
            self._drop(root)
            return
        self._bytes += size
        self._queue.append((root, fields))
        self._rouse(self._wake)
        if event.kind in AT_ONCE:
            self._rouse(self._hurry)

    def _rouse(self, waited_for: asyncio.Event) -> None:
        if waited_for.is_set():
            return
        if threading.get_ident() == self._thread:
            waited_for.set()
        elif self._loop is not None:
            with suppress(RuntimeError):  # The loop is closed: the process is about to end.
                self._loop.call_soon_threadsafe(waited_for.set)

    async def run(self) -> None:
        """Write what is told until cancelled, then what is left."""
        self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()
        pause = _FIRST_PAUSE
        try:
            while True:
                self._wake.clear()
                if not self._queue:
                    await self._wake.wait()
                    if not self._hurry.is_set():
                        with suppress(TimeoutError):
                            async with asyncio.timeout(LINGER):
                                await self._hurry.wait()
                    self._wake.clear()
                self._hurry.clear()
                try:
                    if await self._flush() and self._lost:
                        self._tell_of_gaps()
                    pause = _FIRST_PAUSE
                except (RedisError, OSError) as error:
                    if pause == _FIRST_PAUSE:
                        logger.warning("live events wait for Redis: %s", error)
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, _LONGEST_PAUSE)
        finally:
            with suppress(TimeoutError, RedisError, OSError):
                await asyncio.wait_for(self._flush(), timeout=LAST_CHANCE_SECONDS)

    def _drop(self, root: str) -> None:
        self.dropped += 1
        if root in self._lost or len(self._lost) < QUEUE_LENGTH:
            self._lost[root] = self._lost.get(root, 0) + 1

    async def _flush(self) -> bool:
        """Write what waits, and return whether Redis took all of it."""
        taken = True
        while self._queue:
            batch = [self._queue[place] for place in range(min(BATCH, len(self._queue)))]
            async with asyncio.timeout(ANSWER_SECONDS):
                answers = await self._write(batch)
            for (root, _), answer in zip(batch, answers, strict=True):
                if isinstance(answer, ResponseError):
                    # Redis is there and will not have it: no memory, or no right to. Trying again holds up the rest.
                    logger.warning("a live event was refused by Redis: %s", answer)
                    self._drop(root)
                    taken = False
                elif isinstance(answer, Exception):
                    raise answer
            # Only now: a batch that failed is written again. Whoever reads knows what they have seen by its id.
            for _ in batch:
                _, fields = self._queue.popleft()
                self._bytes -= len(fields["data"]) + 200
        return taken

    async def _write(self, batch: list[tuple[str, dict[str, str]]]) -> list[object]:
        """Write a batch and return what Redis says to each entry."""
        if len(batch) == 1:
            [(root, fields)] = batch
            try:
                # Its published type wants the very union of which a str is a member.
                return [await self._redis.xadd(stream_of(root), {**fields}, maxlen=EVENTS_KEPT)]
            except ResponseError as error:
                return [error]
        async with self._redis.pipeline(transaction=False) as pipe:
            for root, fields in batch:
                pipe.xadd(stream_of(root), {**fields}, maxlen=EVENTS_KEPT)
            return await pipe.execute(raise_on_error=False)

    def _tell_of_gaps(self) -> None:
        lost, self._lost = self._lost, {}
        for root, count in lost.items():
            self._gaps += 1
            detail = Gap(reason="events were dropped by the worker that had them to tell", lost=count)
            self.tell(
                root,
                Event(
                    id=f"gap:{self._name}:{self._gaps}",
                    at=datetime.now(UTC),
                    team="",
                    kind="gap",
                    data=detail.model_dump(mode="json", exclude_none=True),
                ),
            )
