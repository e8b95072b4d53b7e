"""Every event of a feed is handed over, whoever dies; what can never be handed over is kept with its reason."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from redis.asyncio import Redis

from callboard_kit.ending import cancelled
from callboard_kit.events.writing import open_redis
from callboard_kit.processing import consuming
from callboard_kit.processing.consuming import MOST_DELIVERIES, Consumer
from callboard_kit.processing.dead import bury_once, dead_letters, redrive
from callboard_kit.processing.lag import lag_of
from callboard_kit.processing.model import FeedEvent, feed_of
from callboard_kit.processing.processor import NotNowError, Outcome, PoisonError
from callboard_kit.testing.valkey import Valkey

FEED = feed_of("shop", "post")


@pytest.fixture(scope="module")
async def valkey() -> AsyncGenerator[Valkey]:
    async with Valkey.running() as server:
        yield server


@pytest.fixture(autouse=True)
def shortly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody in these tests is away for long."""
    monkeypatch.setattr(consuming, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(consuming, "LONGEST_PAUSE", 0.02)


@pytest.fixture
async def redis(valkey: Valkey) -> AsyncIterator[Redis]:
    async with open_redis(valkey.url) as redis:
        await redis.flushall()
        yield redis


def event(number: int, key: str = "a") -> FeedEvent:
    return FeedEvent(
        id=f"e-{number}",
        publisher="shop",
        number=number,
        key=key,
        kind="sold.v1",
        at=datetime.now(UTC),
        data={"what": "apple"},
    )


async def publish(redis: Redis, *events: FeedEvent) -> None:
    for each in events:
        await redis.xadd(FEED, {**each.to_fields()})


class Temporal:
    """Takes events, and does what the test says before."""

    def __init__(self) -> None:
        self.took: list[str] = []
        self.before: Callable[[FeedEvent], None] = lambda _event: None
        self.stuck: set[str] = set()

    async def take(self, event: FeedEvent) -> Outcome | None:
        self.before(event)
        if event.id in self.stuck:
            await asyncio.Event().wait()
        self.took.append(event.id)
        return "accepted"


def consumer(redis: Redis, hand_over: Callable[[FeedEvent], Awaitable[Outcome | None]], name: str = "one") -> Consumer:
    return Consumer(redis, publisher="shop", follower="post", name=name, hand_over=hand_over, lease=0.5)


@asynccontextmanager
async def running(consumer: Consumer) -> AsyncGenerator[asyncio.Task[None]]:
    task = asyncio.create_task(consumer.run())
    try:
        yield task
    finally:
        await cancelled([task])


async def until(true: Callable[[], Awaitable[object]]) -> None:
    for _ in range(3000):
        if await true():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not become true within a minute")


async def done(redis: Redis) -> bool:
    return await redis.xlen(FEED) == 0


async def test_what_temporal_has_is_taken_out_and_what_comes_later_is_read_as_well(redis: Redis):
    temporal = Temporal()
    await publish(redis, event(1), event(2, "b"))
    async with running(consumer(redis, temporal.take)):
        await until(lambda: done(redis))
        await publish(redis, event(3))
        await until(lambda: done(redis))

    assert sorted(temporal.took) == ["e-1", "e-2", "e-3"]
    lag = await lag_of(redis, "shop", "post")
    assert (lag.lag, lag.pending, lag.oldest, lag.dead, lag.reading) == (0, 0, 0.0, 0, True)


async def test_events_of_one_key_are_handed_over_one_after_the_other_and_those_of_others_meanwhile(redis: Redis):
    temporal = Temporal()
    temporal.stuck = {"e-1"}
    await publish(redis, event(1, "a"), event(2, "a"), event(3, "b"), event(4, "b"))

    async def others_are_there() -> bool:
        return temporal.took == ["e-3", "e-4"] and await redis.xlen(FEED) == 2

    async with running(consumer(redis, temporal.take)):
        await until(others_are_there)

    assert temporal.took == ["e-3", "e-4"]
    assert (await lag_of(redis, "shop", "post")).pending == 2


async def test_what_a_dead_worker_began_on_is_claimed_by_the_next_before_anything_else(redis: Redis):
    dead, alive = Temporal(), Temporal()
    dead.stuck = {"e-1"}
    await publish(redis, event(1), event(2))
    async with running(consumer(redis, dead.take)):
        await until(lambda: turned_up(redis, 2))
    await publish(redis, event(3))
    async with running(consumer(redis, alive.take, "two")):
        await until(lambda: done(redis))

    assert alive.took == ["e-1", "e-2", "e-3"]
    assert [each["name"] for each in await redis.xinfo_consumers(FEED, "post")] == ["two"]


async def turned_up(redis: Redis, count: int) -> bool:
    return await redis.exists(FEED) == 1 and (await lag_of(redis, "shop", "post")).pending == count


async def test_one_worker_reads_at_a_time_and_another_once_that_one_is_silent(redis: Redis):
    first, second = Temporal(), Temporal()
    async with running(consumer(redis, first.take)):
        await until(lambda: redis.exists("turn:shop:post"))
        async with running(consumer(redis, second.take, "two")):
            await publish(redis, event(1), event(2))
            await until(lambda: done(redis))
            assert (first.took, second.took) == (["e-1", "e-2"], [])

            # As if the first had been silent for too long: its turn is over, whatever it believes.
            await redis.delete("turn:shop:post")
            await publish(redis, *(event(number) for number in range(3, 10)))
            await until(lambda: done(redis))

    assert len({*first.took, *second.took}) == 9


async def test_an_event_that_cannot_be_handed_over_is_kept_and_those_after_it_go_on(redis: Redis):
    temporal = Temporal()

    def refuse(event: FeedEvent) -> None:
        if event.id == "e-1":
            raise PoisonError("it is no Sold: what: Field required")
        if event.id == "e-2":
            raise ValueError("nobody thought of this")

    temporal.before = refuse
    await redis.xadd(FEED, {"id": "e-0", "data": "secret"})
    await publish(redis, event(1), event(2), event(3))
    first = (await redis.xrange(FEED))[1][0]
    async with running(consumer(redis, temporal.take)):
        await until(lambda: done(redis))

    letters = {each.event: each for each in await dead_letters(redis, "shop", "post")}
    assert {name: (each.reason, each.tries) for name, each in letters.items()} == {
        "e-0": ("it is no event: its data is no JSON", 1),
        "e-1": ("it is no Sold: what: Field required", 1),
        "e-2": ("handing it over failed: ValueError: nobody thought of this", 5),
    }
    assert letters["e-1"].entry == first
    assert temporal.took == ["e-3"]


async def test_an_event_that_kills_whoever_has_it_is_kept_after_a_while_and_nobody_with_it(redis: Redis):
    await publish(redis, event(1), event(2))
    await redis.xgroup_create(FEED, "post", "0")
    await redis.xreadgroup("post", "dead", {FEED: ">"}, count=1)
    for number in range(MOST_DELIVERIES):
        await redis.xautoclaim(FEED, "post", f"dead-{number}", min_idle_time=0)
    temporal = Temporal()
    async with running(consumer(redis, temporal.take)):
        await until(lambda: done(redis))

    [letter] = await dead_letters(redis, "shop", "post")
    assert (letter.event, letter.reason) == ("e-1", f"whoever handed it over died of it, {letter.tries} times")
    assert temporal.took == ["e-2"]


async def test_while_temporal_is_away_events_wait_and_none_becomes_a_dead_letter(redis: Redis):
    temporal, attempts = Temporal(), []

    def away(event: FeedEvent) -> None:
        attempts.append(event.id)
        if len(attempts) < 8:
            raise NotNowError("connection refused")

    temporal.before = away
    await publish(redis, event(1), event(2))
    async with running(consumer(redis, temporal.take)):
        await until(lambda: done(redis))

    assert temporal.took == ["e-1", "e-2"]
    assert await dead_letters(redis, "shop", "post") == []


async def test_when_redis_is_back_without_anything_what_is_published_again_is_read(redis: Redis, valkey: Valkey):
    temporal = Temporal()
    await publish(redis, event(1))
    async with running(consumer(redis, temporal.take)):
        await until(lambda: done(redis))
        await valkey.kill()
        await valkey.start()
        await publish(redis, event(1), event(2))
        await until(lambda: turned_out(temporal))

    assert temporal.took == ["e-1", "e-1", "e-2"]


async def turned_out(temporal: Temporal) -> bool:
    return "e-2" in temporal.took


async def test_a_dead_letter_is_put_back_once_and_says_that_it_was(redis: Redis):
    await bury_once(redis, "shop", "post", event(1).to_fields(), reason="no", tries=3)
    await bury_once(redis, "shop", "post", event(1).to_fields(), reason="no", tries=3)
    [letter] = await dead_letters(redis, "shop", "post")

    assert sorted(await asyncio.gather(*(redrive(redis, "post", letter) for _ in range(4)))) == [False] * 3 + [True]
    [(_, fields)] = await redis.xrange(FEED)
    assert FeedEvent.from_fields("shop", fields, entry="1-1").redriven == 1
    assert await dead_letters(redis, "shop", "post") == []
