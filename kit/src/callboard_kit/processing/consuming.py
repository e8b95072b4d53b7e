"""Reads one feed, hands each event to Temporal, and takes it out of the feed once Temporal has it.

One consumer of the follower's group reads at a time (`turns`). It first claims what the one before it had begun on,
oldest first, then reads on. Events of one key are handed over one after the other, those of different keys side by
side. An event that can never be handed over becomes a dead letter and does not keep those after it; while Temporal does
not answer, all wait.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from redis.exceptions import RedisError, ResponseError

from callboard_kit.ending import cancelled
from callboard_kit.processing.dead import bury
from callboard_kit.processing.lag import LagMeter, lag_of
from callboard_kit.processing.model import FeedEvent, UnreadableEventError, feed_of, turn_of
from callboard_kit.processing.processor import NotNowError, Outcome, PoisonError
from callboard_kit.processing.turns import LEASE, Turn

if TYPE_CHECKING:
    from redis.asyncio import Redis

logger: Final = logging.getLogger(__name__)

BATCH: Final = 64
AT_ONCE: Final = 16
"""Events that are handed over at the same time."""

MOST_DELIVERIES: Final = 10
"""Deliveries after which an event is believed to end whoever hands it over. From half of them on it is alone."""

TRIES: Final = 5
"""How often handing over may fail for a reason nobody knows."""

_BLOCK_MILLISECONDS: Final = 1000
FIRST_PAUSE: Final = 0.1
"""Seconds before an event is tried again; twice as many each time, up to `LONGEST_PAUSE`."""

LONGEST_PAUSE: Final = 5.0
_MEASURE_EVERY: Final = 5.0

Entry = tuple[str, Mapping[str, str]]
HandOver = Callable[[FeedEvent], Awaitable[Outcome | None]]
"""Gives an event to Temporal; None when it is of a kind that is not wanted. Raises `PoisonError` or `NotNowError`."""


@dataclass(frozen=True)
class _Feed:
    publisher: str
    follower: str

    @property
    def stream(self) -> str:
        return feed_of(self.publisher, self.follower)


class Consumer:
    """One worker's side of one feed. Run `run` beside the worker.

    Args:
        redis: Where the feed is, as the follower's own user.
        publisher: Whose events.
        follower: The team this worker is of, which is also the name of its consumer group.
        name: What tells this worker from the team's others.
        hand_over: See `HandOver`.
        meter: Told how things stand while this worker has the turn.
        lease: See `Turn`.
    """

    def __init__(
        self,
        redis: "Redis",
        *,
        publisher: str,
        follower: str,
        name: str,
        hand_over: HandOver,
        meter: LagMeter | None = None,
        lease: float = LEASE,
    ) -> None:
        self._redis = redis
        self._feed = _Feed(publisher, follower)
        self._name = name
        self._hand_over = hand_over
        self._meter = meter
        self._turn = Turn(redis, turn_of(publisher, follower), name, lease=lease)
        self._lease = lease
        self._trouble = ""

    async def run(self) -> None:
        """Consume whenever it is this worker's turn, until cancelled."""
        while True:
            try:
                if await self._turn.take():
                    await self._while_it_lasts()
                self._well()
            except (RedisError, OSError) as error:
                self._ill(f"the feed of {self._feed.publisher!r} is out of reach: {error}")
            await asyncio.sleep(self._lease / 5)

    async def _while_it_lasts(self) -> None:
        logger.info("reading the feed of %r", self._feed.publisher)
        tasks = [asyncio.create_task(each) for each in (self._turn.kept(), self._consume(), self._measure())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await cancelled(tasks)
            # Out of reach, it ends by itself.
            with suppress(RedisError, OSError):
                await self._turn.give_back()
        for task in done:
            task.result()

    async def _consume(self) -> None:
        await self._join_group()
        # From the beginning each time: what the worker before began on, and what this one failed to take out.
        while left := await self._claim():
            entries, deliveries = left
            await self._deal_with(entries, deliveries)
        await self._forget_others()
        while True:
            if fresh := await self._read():
                await self._deal_with(fresh, {})

    async def _join_group(self) -> None:
        try:
            await self._redis.xgroup_create(self._feed.stream, self._feed.follower, "0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    async def _read(self) -> Sequence[Entry]:
        answer = cast(
            "list[tuple[str, list[Entry]]] | None",
            await self._redis.xreadgroup(
                self._feed.follower, self._name, {self._feed.stream: ">"}, count=BATCH, block=_BLOCK_MILLISECONDS
            ),
        )
        return answer[0][1] if answer else []

    async def _claim(self) -> tuple[Sequence[Entry], Mapping[str, int]] | None:
        stream, group = self._feed.stream, self._feed.follower
        answer = cast(
            "tuple[str, list[Entry], list[str]]",
            await self._redis.xautoclaim(stream, group, self._name, min_idle_time=0, count=BATCH),
        )
        entries = answer[1]
        if not entries:
            return None
        pending = cast(
            "list[dict[str, str | int]]",
            await self._redis.xpending_range(stream, group, min=entries[0][0], max=entries[-1][0], count=BATCH),
        )
        return entries, {str(each["message_id"]): int(each["times_delivered"]) for each in pending}

    async def _forget_others(self) -> None:
        others = cast(
            "list[dict[str, str | int]]", await self._redis.xinfo_consumers(self._feed.stream, self._feed.follower)
        )
        for other in others:
            if other["name"] != self._name and not other["pending"]:
                await self._redis.xgroup_delconsumer(self._feed.stream, self._feed.follower, str(other["name"]))

    async def _deal_with(self, entries: Sequence[Entry], deliveries: Mapping[str, int]) -> None:
        """Deal with all entries: those of one key in their order."""
        # Where one of them may end the process, the others are not to be counted with it.
        wary = any(count * 2 > MOST_DELIVERIES for count in deliveries.values())
        limit = asyncio.Semaphore(1 if wary else AT_ONCE)
        lines: dict[str, list[Entry]] = {}
        for entry in entries:
            lines.setdefault("" if wary else entry[1].get("key", ""), []).append(entry)

        async def one_line(line: Sequence[Entry]) -> None:
            for entry in line:
                async with limit:
                    await self._deal_with_one(entry, deliveries.get(entry[0], 1))

        tasks = [asyncio.create_task(one_line(line)) for line in lines.values()]
        try:
            await asyncio.gather(*tasks)
        finally:
            await cancelled(tasks)

    async def _deal_with_one(self, entry: Entry, deliveries: int) -> None:
        id, fields = entry
        if deliveries > MOST_DELIVERIES:
            await self._bury(entry, f"whoever handed it over died of it, {deliveries - 1} times", deliveries - 1)
            return
        try:
            event = FeedEvent.from_fields(self._feed.publisher, fields, entry=id)
        except UnreadableEventError as error:
            await self._bury(entry, f"it is no event: {error}", deliveries)
            return
        pause, tries = FIRST_PAUSE, 0
        while True:
            try:
                outcome = await self._hand_over(event)
            except PoisonError as error:
                await self._bury(entry, str(error), max(deliveries, tries + 1))
                return
            except NotNowError as error:
                self._ill(f"events of {self._feed.publisher!r} wait for Temporal: {error}")
            except Exception as error:  # Whatever else an event brings about is told in its dead letter.
                tries += 1
                logger.warning("event %r cannot be handed over", event.id, exc_info=error)
                if tries >= TRIES:
                    await self._bury(entry, f"handing it over failed: {type(error).__name__}: {error}", tries)
                    return
            else:
                break
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        self._well()
        await self._take_out(id)
        self._count(outcome or "passed over")

    async def _take_out(self, id: str) -> None:
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.xack(self._feed.stream, self._feed.follower, id)
            pipe.xdel(self._feed.stream, id)
            await pipe.execute()

    async def _bury(self, entry: Entry, reason: str, tries: int) -> None:
        id, fields = entry
        async with self._redis.pipeline(transaction=True) as pipe:
            kept = {**fields, "entry": fields.get("entry") or id}
            bury(pipe, self._feed.publisher, self._feed.follower, kept, reason=reason, tries=tries)
            pipe.xack(self._feed.stream, self._feed.follower, id)
            pipe.xdel(self._feed.stream, id)
            await pipe.execute()
        logger.warning("an event of %r is a dead letter now: %s", self._feed.publisher, reason)
        self._count("dead")

    async def _measure(self) -> None:
        if self._meter is None:
            await asyncio.Event().wait()
            return
        while True:
            self._meter.tell(await lag_of(self._redis, self._feed.publisher, self._feed.follower))
            await asyncio.sleep(_MEASURE_EVERY)

    def _count(self, outcome: str) -> None:
        if self._meter is not None:
            self._meter.count(outcome)

    def _ill(self, trouble: str) -> None:
        if not self._trouble:
            logger.warning("%s", trouble)
        self._trouble = trouble

    def _well(self) -> None:
        if self._trouble:
            logger.info("events of %r go on", self._feed.publisher)
        self._trouble = ""
