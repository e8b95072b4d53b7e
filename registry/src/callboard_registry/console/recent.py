"""Keeps what costs the registry something for the few seconds in which many pages ask for it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

LONGEST_AGE: Final = 5.0
"""Seconds."""

ValueT = TypeVar("ValueT")


class Recent(Generic[ValueT]):
    """The last answer of a question; asked anew when it is older than `LONGEST_AGE`, and by one at a time."""

    def __init__(self, ask: Callable[[], Awaitable[ValueT]]) -> None:
        self._ask = ask
        self._asking = asyncio.Lock()
        self._answers: list[tuple[float, ValueT]] = []

    async def get(self) -> ValueT:
        """Return the answer."""
        async with self._asking:
            if not self._answers or time.monotonic() - self._answers[0][0] > LONGEST_AGE:
                answer = await self._ask()
                self._answers = [(time.monotonic(), answer)]
            return self._answers[0][1]
