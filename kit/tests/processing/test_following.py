"""Events become work on a real server: each once, in order, and what nobody can handle is kept until somebody can."""

import asyncio
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from processing_flows import BY_EVENT, BY_KEY, FollowEvent, FollowKey, Notes
from redis.asyncio import Redis

from callboard_kit.ending import cancelled
from callboard_kit.events.writing import open_redis
from callboard_kit.processing import FeedEvent, following
from callboard_kit.processing.dead import dead_letters, redrive
from callboard_kit.processing.model import feed_of
from callboard_kit.processing.processor import PoisonError
from callboard_kit.processing.serving import Feeds
from callboard_kit.settings import Settings
from callboard_kit.testing import LocalMesh
from callboard_kit.testing.valkey import Valkey

TEAM = "post"


@dataclass
class Post:
    """A team that follows the shop by key and the stall by event."""

    redis: Redis
    notes: Notes
    mesh: LocalMesh
    key: str = field(default_factory=lambda: uuid.uuid4().hex[:8])

    def event(self, number: int, what: str, *, publisher: str = "shop", kind: str = "sold.v1") -> FeedEvent:
        return FeedEvent(
            id=f"{what}-{uuid.uuid4().hex[:8]}",
            publisher=publisher,
            number=number,
            key=self.key,
            kind=kind,
            at=datetime.now(UTC),
            data={"what": what},
        )

    async def publish(self, publisher: str, *events: FeedEvent) -> None:
        for each in events:
            await self.redis.xadd(feed_of(publisher, TEAM), {**each.to_fields()})

    async def dead(self, publisher: str = "shop") -> list[tuple[str, str, int]]:
        return [(each.event, each.reason, each.redriven) for each in await dead_letters(self.redis, publisher, TEAM)]

    @asynccontextmanager
    async def at_work(self, url: str) -> AsyncGenerator[None]:
        feeds = Feeds(TEAM, url, processors=[BY_KEY, BY_EVENT], lease=1.0)
        activities = [self.notes.note, *feeds.activities]
        async with AsyncExitStack() as stack:
            # Ended after the worker, whose activities need the same Redis, as a team's own process does it.
            following: list[asyncio.Task[None]] = []
            stack.push_async_callback(cancelled, following)
            client = await stack.enter_async_context(
                self.mesh.member(TEAM, workflows=[FollowKey, FollowEvent], activities=activities)
            )
            following.append(asyncio.create_task(feeds.run(client)))
            yield


@pytest.fixture(scope="module")
async def valkey() -> AsyncGenerator[Valkey]:
    async with Valkey.running() as server:
        yield server


@pytest.fixture
async def post(local_mesh: LocalMesh, valkey: Valkey, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Post]:
    monkeypatch.setattr(following, "FIRST_PAUSE", timedelta(milliseconds=1))
    await local_mesh.provision([TEAM])
    async with open_redis(valkey.url) as redis:
        await redis.flushall()
        post = Post(redis, Notes(), local_mesh)
        async with post.at_work(valkey.url):
            yield post


async def until(true: Callable[[], Awaitable[object] | object]) -> None:
    for _ in range(3000):
        answer = true()
        if await answer if isinstance(answer, Awaitable) else answer:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not become true within a minute")


async def test_events_of_one_key_are_handled_once_and_in_order_however_often_they_are_delivered(post: Post):
    things = [post.event(number, f"thing {number}") for number in range(1, 7)]
    await post.publish("shop", *things, *things[2:4])
    await until(lambda: len(post.notes.noted) >= 6)
    await until(lambda: idle(post, f"{TEAM}-follow-shop-{post.key}"))
    assert post.notes.noted == [f"thing {number}" for number in range(1, 7)]


async def idle(post: Post, workflow_id: str) -> bool:
    client = await post.mesh.bare_client(TEAM)
    described = await client.get_workflow_handle(workflow_id).describe()
    return described.close_time is not None and await post.redis.xlen(feed_of("shop", TEAM)) == 0


async def test_an_event_that_starts_a_workflow_of_its_own_starts_it_once(post: Post):
    apple, bread = post.event(1, "apple", publisher="stall"), post.event(2, "bread", publisher="stall")
    await post.publish("stall", apple, apple, bread, apple)
    await until(lambda: len(post.notes.noted) >= 2)
    await until(lambda: emptied(post, "stall"))

    assert sorted(post.notes.noted) == ["apple", "bread"]


async def emptied(post: Post, publisher: str) -> bool:
    return await post.redis.xlen(feed_of(publisher, TEAM)) == 0


async def buried(post: Post, publisher: str, count: int) -> bool:
    return len(await post.dead(publisher)) == count


@pytest.mark.parametrize("publisher", ["shop", "stall"])
async def test_what_is_refused_is_kept_with_its_reason_and_handled_once_it_is_put_back(post: Post, publisher: str):
    bad, good = post.event(1, "bad", publisher=publisher), post.event(2, "good", publisher=publisher)
    post.notes.refused = {"bad"}
    await post.publish(publisher, bad, good)
    await until(lambda: buried(post, publisher, 1))
    await until(lambda: post.notes.noted)

    assert await post.dead(publisher) == [(bad.id, "nobody wants 'bad'", 0)]
    assert post.notes.noted == ["good"]

    [letter] = await dead_letters(post.redis, publisher, TEAM)
    await redrive(post.redis, TEAM, letter)
    await until(lambda: buried(post, publisher, 1))
    await until(lambda: came_back(post, publisher))

    post.notes.refused = set()
    [letter] = await dead_letters(post.redis, publisher, TEAM)
    await redrive(post.redis, TEAM, letter)
    await until(lambda: post.notes.noted == ["good", "bad"])
    assert await post.dead(publisher) == []


async def came_back(post: Post, publisher: str) -> bool:
    return [redriven for _, _, redriven in await post.dead(publisher)] == [1]


async def test_what_is_needed_and_away_for_a_moment_is_waited_for(post: Post):
    post.notes.away = 1
    await post.publish("shop", post.event(1, "apple"))
    await until(lambda: post.notes.noted)

    assert post.notes.noted == ["apple"]
    assert await post.dead() == []


async def test_kinds_that_nobody_asked_for_are_passed_over_and_data_that_is_none_is_kept(post: Post):
    strange = post.event(1, "x").model_copy(update={"data": {"who": "secret"}})
    await post.publish("shop", post.event(1, "apple", kind="bought.v1"), strange)
    await until(lambda: emptied(post, "shop"))

    assert await post.dead() == [(strange.id, "it is no Sold: what: Field required", 0)]
    assert post.notes.noted == []


async def test_what_temporal_will_never_take_is_poison(post: Post):
    client, huge = await post.mesh.client(TEAM), {"what": "x" * 3_000_000}

    with pytest.raises(PoisonError, match="Temporal does not take it"):
        await BY_KEY.hand_over(client, post.event(1, "x").model_copy(update={"data": huge}), team=TEAM, task_queue=TEAM)


@pytest.mark.parametrize("told", [{"instance": "mine"}, {"canary": True}])
async def test_a_copy_or_a_canary_leaves_the_feed_to_the_teams_other_workers(
    local_mesh: LocalMesh, valkey: Valkey, told: dict[str, Any]
):
    await local_mesh.provision([TEAM])
    settings = Settings(redis_url=valkey.url, **told)
    feeds = Feeds.of(TEAM, settings, processors=[BY_KEY], outbox=None, followers=())

    async with asyncio.timeout(60):
        await feeds.run(await local_mesh.client(TEAM))  # returns at once: there is nothing for it to do
    assert feeds.activities
