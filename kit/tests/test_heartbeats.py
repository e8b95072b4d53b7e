"""A worker says that it is there, again and again, and when it stops; whether or not anybody hears it."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from parts import Shop

from callboard_contracts import describe
from callboard_kit.heartbeats import LAST_WORD, Heartbeats
from callboard_kit.teams import Team
from callboard_registry_api.errors import RegistryUnavailableError
from callboard_registry_api.health import Heartbeat, ServedRevision

TEAM = Team(name="shop", owner="Shop team", contact="#shop", description="x" * 3000)


class Ear:
    """Hears heartbeats, or not."""

    def __init__(self) -> None:
        self.heard: list[Heartbeat] = []
        self.deaf = False
        self.slow = False
        self._came = asyncio.Condition()

    async def __call__(self, heartbeat: Heartbeat) -> None:
        async with self._came:
            self.heard.append(heartbeat)
            self._came.notify_all()
        if self.slow:
            await asyncio.Event().wait()
        if self.deaf:
            raise RegistryUnavailableError("the registry is away")

    async def hears(self, count: int) -> None:
        async with asyncio.timeout(60), self._came:
            await self._came.wait_for(lambda: len(self.heard) >= count)


@asynccontextmanager
async def beating(ear: Ear) -> AsyncGenerator[None]:
    heartbeats = Heartbeats(
        team=TEAM,
        serves=[describe(Shop)],
        beat=ear,
        namespace="staging-shop",
        task_queue="staging-shop",
        identity="7@here",
        build="b1",
        every=timedelta(milliseconds=10),
    )
    task = asyncio.create_task(heartbeats.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_it_says_at_once_and_again_what_it_serves_and_at_the_end_that_it_stops() -> None:
    ear = Ear()

    async with beating(ear):
        await ear.hears(3)

    first, *_, last = ear.heard
    assert first.serves == (ServedRevision("shop.v1", describe(Shop).digest),)
    assert (first.namespace, first.identity, first.build) == ("staging-shop", "7@here", "b1")
    assert (first.owner, first.contact, len(first.description)) == ("Shop team", "#shop", 2000)
    assert first.sdk_version and first.kit_version
    assert len({each.worker for each in ear.heard}) == 1
    assert [each.sent for each in ear.heard] == sorted({each.sent for each in ear.heard})
    assert [each.stopping for each in ear.heard] == [False] * (len(ear.heard) - 1) + [True]
    assert last.stopping


async def test_a_registry_that_is_away_is_told_of_once_and_hears_the_next_one(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, logger="callboard_kit.heartbeats")
    ear = Ear()
    ear.deaf = True

    async with beating(ear):
        await ear.hears(3)
        ear.deaf = False
        await ear.hears(len(ear.heard) + 2)

    said = [record.message for record in caplog.records]
    assert said == ["heartbeats do not arrive: the registry is away", "heartbeats arrive again"]


async def test_a_worker_that_stops_does_not_wait_for_a_registry_that_does_not_answer() -> None:
    ear = Ear()
    loop = asyncio.get_running_loop()

    async with beating(ear):
        await ear.hears(1)
        ear.slow = True
        before = loop.time()

    assert ear.heard[-1].stopping
    assert loop.time() - before < 2 * LAST_WORD.total_seconds()
