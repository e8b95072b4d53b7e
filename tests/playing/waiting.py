"""Waits for what no event tells of: the state of another process."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

_BETWEEN_LOOKS: Final = 0.1


async def until(condition: Callable[[], Awaitable[bool]], *, within: float) -> None:
    """Return once `condition` holds.

    Raises:
        TimeoutError: It does not within so many seconds.
    """
    async with asyncio.timeout(within):
        while True:
            if await condition():
                return
            await asyncio.sleep(_BETWEEN_LOOKS)
