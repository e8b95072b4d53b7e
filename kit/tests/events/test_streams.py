"""Events written by one process are read by others: all of them, in order, and from any position on."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisDown
from redis.exceptions import ResponseError

from callboard_kit.ending import cancelled
from callboard_kit.events import Event, RunEnded, RunReset, RunStarted, StepStarted, stream_of
from callboard_kit.events import writing as writing_module
from callboard_kit.events.following import EventHub, Told
from callboard_kit.events.model import Detail, kind_of
from callboard_kit.events.positions import InvalidPositionError, position
from callboard_kit.events.writing import EventWriter, open_redis
from callboard_kit.testing.valkey import Valkey

ROOT = "a-tree"


def event(name: str, detail: Detail) -> Event:
    data = detail.model_dump(mode="json", exclude_none=True)
    return Event(id=name, at=datetime.now(UTC), team="shop", operation="sell", kind=kind_of(detail), data=data)


STARTED = event("1", RunStarted(workflow_id="w"))
ENDED = event("9", RunEnded(outcome="ok"))


def step(number: int) -> Event:
    return event(f"step-{number}", StepStarted(step=f"s/{number}", number=number))


async def still_running() -> RunEnded | None:
    return None


async def over() -> RunEnded | None:
    return RunEnded(outcome="terminated")


@pytest.fixture
async def valkey() -> AsyncGenerator[Valkey]:
    async with Valkey.running() as server:
        yield server


@pytest.fixture
async def writer(valkey: Valkey) -> AsyncIterator[EventWriter]:
    redis = open_redis(valkey.url, alone=True)
    writer = EventWriter(redis)
    task = asyncio.create_task(writer.run())
    yield writer
    await cancelled([task])
    await redis.aclose()


@pytest.fixture
async def hub(valkey: Valkey) -> AsyncIterator[EventHub]:
    hub = EventHub(valkey.url)
    yield hub
    await hub.close()


@pytest.fixture
async def redis(valkey: Valkey) -> AsyncIterator[Redis]:
    async with open_redis(valkey.url) as redis:
        yield redis


async def heard(hub: EventHub, *, after: str = "0-0", ended=still_running) -> list[Told]:
    async with asyncio.timeout(60), contextlib.aclosing(hub.follow(ROOT, ended=ended, after=after)) as stream:
        return [told async for told in stream]


async def has(redis: Redis, count: int) -> bool:
    """Tell whether so many events have been added to the stream."""
    try:
        return (await redis.xinfo_stream(stream_of(ROOT)))["entries-added"] >= count
    except ResponseError:
        return False


async def until_async(true: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(500):
        if await true():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not become true within 10 s")


def names(heard: list[Told]) -> list[str]:
    return [told.event.id for told in heard]


async def test_what_was_told_before_and_while_listening_comes_in_order_to_everyone(
    writer: EventWriter, hub: EventHub
) -> None:
    for each in (STARTED, step(1), step(2)):
        writer.tell(ROOT, each)
    listening = [asyncio.create_task(heard(hub)) for _ in range(3)]
    for number in range(3, 400):
        writer.tell(ROOT, step(number))
        if number % 50 == 0:
            await asyncio.sleep(0.005)
    writer.tell(ROOT, ENDED)

    expected = ["1", *(f"step-{number}" for number in range(1, 400)), "9"]
    assert [names(each) for each in await asyncio.gather(*listening)] == [expected] * 3


async def test_an_event_comes_back_as_it_was_told(writer: EventWriter, hub: EventHub) -> None:
    told = event("2", StepStarted(step="half a pair: \ud83d, a whole one: \U0001f3ad", number=1))
    for each in (STARTED, told, ENDED):
        writer.tell(ROOT, each)

    assert [each.event for each in await heard(hub)] == [STARTED, told, ENDED]


async def test_reading_goes_on_after_the_position_given(writer: EventWriter, hub: EventHub) -> None:
    for each in (STARTED, step(1), step(2), ENDED):
        writer.tell(ROOT, each)
    first = await heard(hub)

    assert first[1].position is not None
    assert names(await heard(hub, after=first[1].position)) == ["step-2", "9"]


async def test_an_event_that_was_written_twice_is_told_once(writer: EventWriter, hub: EventHub) -> None:
    for each in (STARTED, step(1), step(1), STARTED, ENDED):
        writer.tell(ROOT, each)

    assert names(await heard(hub)) == ["1", "step-1", "9"]


async def test_what_is_no_event_is_left_out(writer: EventWriter, hub: EventHub, redis: Redis) -> None:
    writer.tell(ROOT, STARTED)
    task = asyncio.create_task(heard(hub))
    bad = {"id": "x", "at": "2026-01-01T00:00:00Z", "team": "t", "operation": "", "kind": "step.started"}
    for fields in ({"a": "b"}, {**bad, "data": "{"}, {**bad, "data": "{}"}, {**bad, "kind": "dance", "data": "{}"}):
        await redis.xadd(stream_of(ROOT), fields)
    writer.tell(ROOT, ENDED)

    assert names(await task) == ["1", "9"]


async def test_a_stream_whose_beginning_was_cut_off_says_so(writer: EventWriter, hub: EventHub, redis: Redis) -> None:
    for each in (STARTED, step(1), step(2), ENDED):
        writer.tell(ROOT, each)
    first = await heard(hub)
    await redis.xtrim(stream_of(ROOT), maxlen=2, approximate=False)

    assert [each.event.kind for each in await heard(hub)] == ["gap", "step.started", "run.ended"]
    assert first[0].position is not None
    again = await heard(hub, after=first[0].position)
    assert [each.event.kind for each in again] == ["gap", "step.started", "run.ended"]
    assert first[2].position is not None
    assert names(await heard(hub, after=first[2].position)) == ["9"]


async def test_a_stream_that_says_nothing_of_the_end_is_ended_by_asking(
    writer: EventWriter, hub: EventHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callboard_kit.events.following.SILENCE_SECONDS", 0.2)
    monkeypatch.setattr("callboard_kit.events.following.GRACE_SECONDS", 0.1)
    monkeypatch.setattr("callboard_kit.events.following.LATE_SECONDS", 0.3)
    writer.tell(ROOT, STARTED)

    told = await heard(hub, ended=over)

    assert [(each.event.kind, each.position is None) for each in told] == [("run.started", False), ("run.ended", True)]
    assert told[1].event.detail == RunEnded(outcome="terminated")


async def test_what_a_busy_worker_tells_after_the_end_is_known_is_heard(
    writer: EventWriter, hub: EventHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callboard_kit.events.following.SILENCE_SECONDS", 0.2)
    monkeypatch.setattr("callboard_kit.events.following.GRACE_SECONDS", 0.1)
    known = asyncio.Event()

    async def is_over() -> RunEnded:
        known.set()
        return RunEnded(outcome="ok")

    writer.tell(ROOT, STARTED)
    listening = asyncio.create_task(heard(hub, ended=is_over))
    await known.wait()
    # Longer than the grace: the worker is busy.
    await asyncio.sleep(0.4)
    writer.tell(ROOT, step(1))
    writer.tell(ROOT, ENDED)
    told = await listening

    assert [each.event.kind for each in told] == ["run.started", "step.started", "run.ended"]
    assert told[-1].position is not None


async def test_redis_killed_and_back_is_a_gap_and_what_comes_later_is_heard(
    valkey: Valkey, writer: EventWriter, hub: EventHub
) -> None:
    kinds: list[str] = []
    some, lost = asyncio.Event(), asyncio.Event()

    async def listen() -> None:
        async with contextlib.aclosing(hub.follow(ROOT, ended=still_running)) as stream:
            async for told in stream:
                kinds.append(told.event.kind)
                some.set()
                if told.event.kind == "gap":
                    lost.set()

    listening = asyncio.create_task(listen())
    async with asyncio.timeout(60):
        writer.tell(ROOT, STARTED)
        await some.wait()
        await valkey.kill()
        writer.tell(ROOT, step(1))
        await valkey.start()
        await lost.wait()
        writer.tell(ROOT, step(2))
        writer.tell(ROOT, ENDED)
        await listening

    assert kinds == ["run.started", "gap", "step.started", "step.started", "run.ended"]
    assert writer.dropped == 0


async def test_a_redis_that_hangs_keeps_what_is_told_waiting_and_loses_none_of_it(
    valkey: Valkey,
    writer: EventWriter,
    hub: EventHub,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(writing_module, "ANSWER_SECONDS", 0.2)
    monkeypatch.setattr("callboard_kit.events.following.ANSWER_SECONDS", 0.2)
    listening = asyncio.create_task(heard(hub))
    writer.tell(ROOT, STARTED)
    valkey.hang()
    writer.tell(ROOT, step(1))
    await until_async(lambda: looked(lambda: "live events wait for Redis" in caplog.text))
    writer.tell(ROOT, step(2))
    valkey.go_on()
    writer.tell(ROOT, ENDED)

    assert names(await listening) == ["1", "step-1", "step-2", "9"]
    assert writer.dropped == 0


async def test_a_loss_is_told_even_when_the_first_looks_afterwards_fail(
    valkey: Valkey, writer: EventWriter, hub: EventHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds: list[str] = []
    some = asyncio.Event()

    async def listen() -> None:
        async with contextlib.aclosing(hub.follow(ROOT, ended=still_running)) as stream:
            async for told in stream:
                kinds.append(told.event.kind)
                some.set()

    listening = asyncio.create_task(listen())
    look, looks = hub._redis.xrange, 0

    async def failing_first(*arguments: object, **more: object) -> object:
        nonlocal looks
        looks += 1
        if looks == 2:
            for number in (1, 2):
                writer.tell(ROOT, step(number))
        if looks <= 2:
            raise RedisDown("a connection from before")
        return await look(*arguments, **more)

    async with asyncio.timeout(60):
        writer.tell(ROOT, STARTED)
        await some.wait()
        await valkey.kill()
        monkeypatch.setattr(hub._redis, "xrange", failing_first)
        await valkey.start()
        await until_async(lambda: looked(lambda: looks > 1))
        writer.tell(ROOT, ENDED)
        await listening

    assert kinds == ["run.started", "gap", "step.started", "step.started", "run.ended"]


async def looked(true: Callable[[], bool]) -> bool:
    return true()


async def test_the_end_is_told_while_redis_is_gone(
    valkey: Valkey, hub: EventHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callboard_kit.events.following.SILENCE_SECONDS", 0.2)
    monkeypatch.setattr("callboard_kit.events.following.GRACE_SECONDS", 0.1)
    monkeypatch.setattr("callboard_kit.events.following.LATE_SECONDS", 0.3)
    await valkey.kill()

    assert [each.event.kind for each in await heard(hub, ended=over)] == ["run.ended"]


async def test_what_does_not_fit_while_redis_is_gone_is_dropped_and_told_as_a_gap(
    valkey: Valkey, writer: EventWriter, hub: EventHub, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing_module, "QUEUE_LENGTH", 3)
    await valkey.kill()
    for each in (STARTED, step(1), step(2), step(3), step(4)):
        writer.tell(ROOT, each)
    await valkey.start()
    listening = asyncio.create_task(heard(hub))
    await until_async(lambda: has(redis, 4))
    writer.tell(ROOT, ENDED)

    told = await listening
    assert [each.event.kind for each in told] == ["run.started", "step.started", "step.started", "gap", "run.ended"]
    assert told[3].event.data["lost"] == 2
    assert writer.dropped == 2


async def test_a_stream_is_capped(writer: EventWriter, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing_module, "EVENTS_KEPT", 200)
    for number in range(1_000):
        writer.tell(ROOT, step(number))
    await until_async(lambda: has(redis, 1_000))

    assert await redis.xlen(stream_of(ROOT)) < 400


@pytest.mark.parametrize(
    "text", ["", "x", "1", "1-", "-1", "1-1-1", "1-x", "1 -1", "9" * 40 + "-1", "99999999999999-0"]
)
async def test_what_is_no_position_is_refused(hub: EventHub, text: str) -> None:
    with pytest.raises(InvalidPositionError):
        position(text)
    with pytest.raises(InvalidPositionError):
        await heard(hub, after=text)


async def test_the_end_of_a_run_that_was_reset_is_none(hub, writer, redis):
    reset = event("10", RunReset(of="w1", step=1, by="ada"))
    for each in (STARTED, step(1), ENDED, reset, step(2), event("11", RunEnded(outcome="refused"))):
        writer.tell(ROOT, each)
    await until_async(lambda: has(redis, 6))

    told = await heard(hub)

    assert [each.event.kind for each in told] == [
        "run.started",
        "step.started",
        "run.reset",
        "step.started",
        "run.ended",
    ]


async def test_what_another_team_told_behind_the_end_is_heard_before_it(hub, writer, redis):
    for each in (STARTED, step(1), ENDED, step(2), step(3)):
        writer.tell(ROOT, each)
    await until_async(lambda: has(redis, 5))

    told = await heard(hub)
    after_the_first = await heard(hub, after=told[0].position)

    assert names(told) == ["1", "step-1", "step-2", "step-3", "9"]
    assert [each.position is None for each in told] == [False, False, True, True, False]
    assert names(after_the_first) == ["step-1", "step-2", "step-3", "9"]


async def test_what_stands_behind_the_end_when_it_comes_in_is_heard_live(hub, redis, writer):
    def fields(event: Event) -> dict[str, str]:
        return {**event.model_dump(mode="json"), "data": json.dumps(event.data)}

    writer.tell(ROOT, STARTED)
    told: list[Told] = []
    async with asyncio.timeout(60), contextlib.aclosing(hub.follow(ROOT, ended=still_running)) as stream:
        async for each in stream:
            if not told:
                async with redis.pipeline(transaction=True) as pipe:
                    for event in (step(1), ENDED, step(2)):
                        pipe.xadd(stream_of(ROOT), fields(event))
                    await pipe.execute()
            told.append(each)

    assert names(told) == ["1", "step-1", "step-2", "9"]
