"""How tasks of this process are ended."""

import asyncio
from collections.abc import Iterable
from typing import Any, Final

_SAID_AGAIN_SECONDS: Final = 15.0
"""Longer than anything here takes to clean up after itself, which a second word would interrupt."""


async def cancelled(tasks: Iterable[asyncio.Task[Any]]) -> None:  # Any: what they return is of no interest
    """Cancel tasks and wait until they are over, whatever comes of them.

    A cancellation that arrives together with an answer of Redis can get lost in the client: so it is said again.
    """
    told = left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=_SAID_AGAIN_SECONDS)
    for task in told:
        if not task.cancelled():
            task.exception()
