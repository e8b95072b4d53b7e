"""Waits for what becomes true by itself, where there is no event to wait on."""

import asyncio
from collections.abc import Callable


async def until(true: Callable[[], object], *, seconds: float = 5) -> None:
    """Return as soon as `true()`; fail when it does not become so in time."""
    for _ in range(int(seconds / 0.01)):
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{true} did not become true within {seconds} s")
