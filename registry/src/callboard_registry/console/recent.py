"""Keeps what costs the registry something for the few seconds in which many pages ask for it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

FRESH: Final = 5.0
"""Seconds for which an answer is given again at most; what is quick to ask is asked again sooner."""

LONGEST_AGE: Final = 30.0
"""Seconds for which an answer that took long is given while it is asked anew, so that no page waits for it."""

_TIMES: Final = 20
_QUICK: Final = 0.05

ValueT = TypeVar("ValueT")


@dataclass(frozen=True)
class _Answer(Generic[ValueT]):
    value: ValueT
    at: float
    took: float


class Recent(Generic[ValueT]):
    """The last answer of a question; asked anew when it is not fresh any more, and by one at a time.

    An answer is fresh for twenty times as long as it took: pages that ask for it spend a twentieth of the time on it.
    """

    def __init__(self, ask: Callable[[], Awaitable[ValueT]]) -> None:
        self._ask = ask
        self._asking = asyncio.Lock()
        self._answer: _Answer[ValueT] | None = None
        self._renewing: asyncio.Task[ValueT] | None = None

    async def get(self) -> ValueT:
        """Return the answer."""
        answer = self._answer
        if answer is None:
            return await self._renewed()
        age = time.monotonic() - answer.at
        if age <= min(FRESH, _TIMES * answer.took):
            return answer.value
        if age > LONGEST_AGE or answer.took < _QUICK:
            return await self._renewed()
        if self._renewing is None or self._renewing.done():
            self._renewing = asyncio.create_task(self._renewed())
            # Whoever asks when the answer is too old meets the same error, and tells it.
            self._renewing.add_done_callback(lambda task: task.cancelled() or task.exception())
        return answer.value

    async def _renewed(self) -> ValueT:
        before = self._answer
        async with self._asking:
            # Somebody else may have asked while this waited.
            if self._answer is before:
                began = time.monotonic()
                value = await self._ask()
                self._answer = _Answer(value, began, time.monotonic() - began)
            assert self._answer is not None, "it was asked just now"
            return self._answer.value
