"""Answers that were just given, for those who ask the same right after."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Generic, Protocol, TypeVar

LONGEST: Final = timedelta(seconds=1)
"""How long an answer is given again, and so how late this process may notice what another one has changed."""

_MOST: Final = 256
_LARGEST: Final = 256 * 1024
"""Bytes of an answer that is kept; with `_MOST` of them, memory stays within bounds."""


class Sized(Protocol):
    """A message."""

    def ByteSize(self) -> int:  # noqa: N802 - protobuf's own name
        """Return how many bytes it has on the wire."""
        ...


Answer = TypeVar("Answer", bound=Sized)


@dataclass
class _Kept(Generic[Answer]):
    answering: asyncio.Future[Answer]
    until: float


class Answers(Generic[Answer]):
    """Keeps answers until something changes here, and for `LONGEST` at most. Belongs to one event loop.

    Everybody who asks while an answer is being worked out waits for that one. Nobody gets an answer that was begun
    before a change that had been acknowledged when they asked.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[bytes, _Kept[Answer]] = OrderedDict()

    def forget(self) -> None:
        """Give nobody an answer from before: something has changed."""
        self._kept = OrderedDict()

    async def to(self, question: bytes, work: Callable[[], Awaitable[Answer]]) -> Answer:
        """Return the answer to a question; `work` works it out where there is none."""
        now = time.monotonic()
        kept = self._kept.get(question)
        if kept is None or now >= kept.until:
            kept = _Kept(asyncio.ensure_future(work()), now + LONGEST.total_seconds())
            self._keep(question, kept)
        if kept.answering.done():
            return kept.answering.result()
        # Whoever goes away must not take the answer from the others who wait for it.
        return await asyncio.shield(kept.answering)

    def _keep(self, question: bytes, kept: _Kept[Answer]) -> None:
        held = self._kept
        held[question] = kept
        held.move_to_end(question)
        while len(held) > _MOST:
            held.popitem(last=False)

        def not_for_long(answering: asyncio.Future[Answer]) -> None:
            # A refusal is for whoever waits for it now, and a long answer for nobody else.
            failed = answering.cancelled() or answering.exception() is not None
            if (failed or answering.result().ByteSize() > _LARGEST) and held.get(question) is kept:
                del held[question]

        kept.answering.add_done_callback(not_for_long)
