"""The calls of one tree as they happen, read from its live event stream."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast

from redis.asyncio import Redis

from callboard_kit.events import stream_of

_WAIT_MILLISECONDS: Final = 200
_QUIET_READS: Final = 2
"""Workers tell at once: after so long nothing more is on its way."""


@dataclass(frozen=True, kw_only=True)
class SeenCall:
    """One call between two namespaces, once it has ended."""

    caller: str
    team: str
    operation: str
    outcome: str
    reason: str
    seconds: float | None


class CallWatch:
    """Follows the event stream of one tree of calls and remembers the calls in it.

    Lossy by design, as the stream is: what counts for the books is in Temporal's histories.
    """

    def __init__(self, redis: Redis, root: str, *, show: Callable[[SeenCall], None]) -> None:
        self._redis = redis
        self._stream = stream_of(root)
        self._show = show
        self._last = "0"
        self._open: set[str] = set()
        self._settled = False
        self.ended: dict[str, SeenCall] = {}
        """By token id: a call that was delivered twice is one call."""

    async def follow(self) -> None:
        """Show each call when it ends, until `settled` is said."""
        # Asked to stop rather than cancelled: a client that is cancelled while an answer comes in may swallow it.
        while not self._settled:
            await self._read(block=_WAIT_MILLISECONDS)

    def settled(self) -> None:
        """Let `follow` come to its end, within a moment."""
        self._settled = True

    async def finish(self, *, at_least: int, patience: float = 5) -> None:
        """Read on until no call is open, `at_least` are known and nothing more comes; at most `patience` seconds."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + patience
        quiet = 0
        while loop.time() < deadline and (quiet < _QUIET_READS or self._open or len(self.ended) < at_least):
            quiet = 0 if await self._read(block=_WAIT_MILLISECONDS) else quiet + 1

    async def _read(self, *, block: int) -> int:
        # The published types leave open which of the protocol's two shapes comes back; this client asks for the older.
        answer = cast(
            list[tuple[str, list[tuple[str, dict[str, str]]]]],
            await self._redis.xread({self._stream: self._last}, block=block, count=100),
        )
        events = [event for _, events in answer for event in events]
        for identity, fields in events:
            self._last = identity
            self._take(fields)
        return len(events)

    def _take(self, event: dict[str, str]) -> None:
        if event.get("kind") not in ("call.started", "call.ended"):
            return
        data = cast(dict[str, object], json.loads(event["data"]))
        token_id = str(data["call"])
        if event["kind"] == "call.started":
            if token_id not in self.ended:
                self._open.add(token_id)
            return
        self._open.discard(token_id)
        if token_id in self.ended:
            return
        seconds = data.get("seconds")
        self.ended[token_id] = call = SeenCall(
            caller=str(data["caller"]),
            team=event["team"],
            operation=event["operation"],
            outcome=str(data["outcome"]),
            reason=str(data.get("reason") or ""),
            seconds=seconds if isinstance(seconds, float | int) else None,
        )
        self._show(call)
