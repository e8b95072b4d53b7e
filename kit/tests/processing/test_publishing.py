"""What stands in an outbox comes into every follower's feed: once, in order, and again when Redis lost it."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from redis.asyncio import Redis
from sqlalchemy import MetaData

from callboard_contracts import Message
from callboard_kit.ending import cancelled
from callboard_kit.events.writing import open_redis
from callboard_kit.processing import relay as relay_module
from callboard_kit.processing.model import FeedEvent, feed_of
from callboard_kit.processing.outbox import KEPT_FOR, Outbox, OutboxTables
from callboard_kit.processing.relay import Relay
from callboard_kit.store import Store
from callboard_kit.testing.valkey import Valkey

METADATA = MetaData()
TABLES = OutboxTables(METADATA)


class Sold(Message):
    what: str


class Shop:
    """A store with an outbox."""

    def __init__(self, url: str) -> None:
        self.store = Store(url, METADATA)
        self.outbox = Outbox(self.store, TABLES)

    def sell(self, *things: str) -> None:
        with self.store.writing() as connection:
            for thing in things:
                TABLES.add(connection, key=thing[0], kind="sold.v1", data=Sold(what=thing))


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(f"sqlite:///{tmp_path / 'shop.db'}")
    yield shop
    shop.store.close()


@pytest.fixture
async def valkey() -> AsyncGenerator[Valkey]:
    async with Valkey.running() as server:
        yield server


@pytest.fixture
async def redis(valkey: Valkey) -> AsyncIterator[Redis]:
    async with open_redis(valkey.url) as redis:
        yield redis


async def told(redis: Redis, follower: str = "post") -> list[str]:
    entries = await redis.xrange(feed_of("shop", follower))
    return [FeedEvent.from_fields("shop", fields, entry=id).read(Sold).what for id, fields in entries]


def test_an_event_is_there_exactly_when_the_write_is(shop: Shop):
    with pytest.raises(ZeroDivisionError), shop.store.writing() as connection:
        TABLES.add(connection, key="a", kind="sold.v1", data=Sold(what="apple"))
        raise ZeroDivisionError

    assert shop.outbox.after("shop", 0, limit=10) == []


async def test_every_follower_gets_every_event_once_and_in_order(shop: Shop, redis: Redis):
    relay = Relay("shop", shop.outbox, ["post", "bank"], redis)
    shop.sell("apple", "bread")
    await relay.publish()
    shop.sell("cheese")
    await relay.publish()
    await relay.publish()

    assert await told(redis) == await told(redis, "bank") == ["apple", "bread", "cheese"]


async def test_workers_that_publish_at_the_same_time_do_not_publish_twice(
    shop: Shop, redis: Redis, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(relay_module, "BATCH", 3)
    things = [f"thing {number}" for number in range(50)]
    shop.sell(*things)

    for _ in range(20):
        await asyncio.gather(*(Relay("shop", shop.outbox, ["post"], redis).publish() for _ in range(3)))

    assert await told(redis) == things


async def test_what_redis_lost_is_published_again_under_the_same_ids(shop: Shop, redis: Redis, valkey: Valkey):
    relay = Relay("shop", shop.outbox, ["post"], redis)
    shop.sell("apple", "bread")
    await relay.publish()
    before = [fields["id"] for _, fields in await redis.xrange(feed_of("shop", "post"))]
    await valkey.kill()
    await valkey.start()
    shop.sell("cheese")
    await relay.publish()

    assert [fields["id"] for _, fields in await redis.xrange(feed_of("shop", "post"))][:2] == before
    assert await told(redis) == ["apple", "bread", "cheese"]


async def test_while_redis_is_away_events_wait_and_then_come_by_themselves(shop: Shop, redis: Redis, valkey: Valkey):
    task = asyncio.create_task(Relay("shop", shop.outbox, ["post"], redis).run())
    try:
        await valkey.kill()
        shop.sell("apple")
        await valkey.start()
        for _ in range(1200):
            if await told(redis):
                break
            await asyncio.sleep(0.05)
    finally:
        await cancelled([task])

    assert await told(redis) == ["apple"]


async def test_a_store_that_was_put_back_or_filled_anew_publishes_what_it_has(shop: Shop, redis: Redis):
    relay = Relay("shop", shop.outbox, ["post"], redis)
    shop.sell("apple", "bread")
    await relay.publish()
    shop.store.replace({})
    shop.sell("cheese")
    await relay.publish()

    assert await told(redis) == ["apple", "bread", "cheese"]

    await redis.set("feed-position:shop:post", "1000:further")  # than the outbox ever was
    await relay.publish()

    assert (await told(redis))[3:] == ["cheese"]


async def test_a_feed_that_nobody_reads_has_an_end_and_the_rest_waits(
    shop: Shop, redis: Redis, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(relay_module, "LONGEST_FEED", 3)
    relay = Relay("shop", shop.outbox, ["post"], redis)
    shop.sell("apple", "bread", "cheese", "dates")
    await relay.publish()
    assert await told(redis) == ["apple", "bread", "cheese"]

    await redis.xtrim(feed_of("shop", "post"), maxlen=0)
    await relay.publish()

    assert await told(redis) == ["dates"]


def test_what_was_published_is_forgotten_after_a_day_and_its_numbers_never_come_back(shop: Shop):
    shop.sell("apple", "bread")
    now = datetime.now(UTC)
    shop.outbox.forget(2, now=now)
    assert shop.outbox.last() == 2

    shop.outbox.forget(2, now=now + KEPT_FOR + timedelta(minutes=1))
    assert [event.read(Sold).what for event in shop.outbox.after("shop", 0, limit=10)] == ["bread"]

    shop.store.replace({})
    shop.sell("cheese")
    assert shop.outbox.last() == 3
