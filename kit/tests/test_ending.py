"""Tasks are ended, also one that misses the first word."""

import asyncio

import pytest

from callboard_kit import ending


async def test_a_cancellation_that_got_lost_is_said_again(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ending, "_SAID_AGAIN_SECONDS", 0.05)
    begun, heard = asyncio.Event(), list[str]()

    async def hard_of_hearing() -> None:
        for _ in range(2):
            try:
                begun.set()
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                heard.append("cancel")

    task = asyncio.create_task(hard_of_hearing())
    await begun.wait()
    await ending.cancelled([task])

    assert heard == ["cancel", "cancel"]
    assert task.done()


async def test_what_a_cancelled_task_ends_with_is_nobody_s_concern():
    begun = asyncio.Event()

    async def angry() -> None:
        try:
            begun.set()
            await asyncio.Event().wait()
        finally:
            raise ValueError

    task = asyncio.create_task(angry())
    await begun.wait()
    await ending.cancelled([task])

    assert task.done()
