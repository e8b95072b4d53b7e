"""Follows the events of trees: one reader of Redis for each tree, however many listen.

Whoever listens gets what is kept since their position, then what happens, then the end. What cannot be had any more
is told as a `gap`. The end comes for certain: when the stream is silent or Redis is gone, `ended` is asked.
"""

import asyncio
import json
import logging
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, cast

from pydantic import ValidationError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from callboard_kit.events.model import Event, Gap, RunEnded, kind_of, stream_of
from callboard_kit.events.positions import BEGINNING, order, position
from callboard_kit.events.writing import ANSWER_SECONDS, open_redis

logger: Final = logging.getLogger(__name__)

SILENCE_SECONDS: Final = 5.0
"""How long a stream may be silent before it is asked elsewhere whether the run is over."""

GRACE_SECONDS: Final = 1.0
"""How long, after that, the end may still come by the stream."""

LATE_SECONDS: Final = 10.0
"""The same for an end that some worker tells, from a Redis that answers: a worker that is busy tells late."""

PAGE: Final = 500
BACKLOG: Final = 2_000
"""Events that wait for one slow listener; who falls further behind reads them from Redis again."""

REMEMBERED: Final = 4_096
"""Names of events that a listener remembers, to leave out what was written twice."""

_BLOCK_MILLISECONDS: Final = 1_000
_PAUSE_SECONDS: Final = 0.2

UNTOLD: Final = frozenset({"terminated", "timed_out"})
"""Ends that nobody tells of."""

Ended = Callable[[], Awaitable[RunEnded | None]]
"""Asks, where it is known for certain, whether a run is over and how it ended."""

Entry = tuple[str, dict[str, str]]
"""An entry of a stream: its position and its fields."""


@dataclass(frozen=True)
class Told:
    """An event as a listener gets it."""

    event: Event
    position: str | None
    """Where it stands in the stream, to go on from. None: nobody goes on from it, because it is not in the stream (the
    listener was told by us), or stands behind the end of its run there."""


class EventHub:
    """Reads streams for all listeners of this process. Close it when it is needed no more."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._redis = open_redis(url)
        self._sources: dict[str, _Source] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._asking: set[asyncio.Task[object]] = set()

    async def follow(self, root: str, *, ended: Ended, after: str = BEGINNING) -> AsyncGenerator[Told]:
        """Yield what happened in a tree since a position, and what happens, up to its end.

        Args:
            root: The tree.
            ended: Asks whether it is over.
            after: The position of the last event that is known already.

        Raises:
            InvalidPositionError: `after` is no position.
        """
        async with aclosing(self.watch(root, ended=ended, after=after)) as events:
            async for told in events:
                if told is not None:
                    yield told

    async def watch(self, root: str, *, ended: Ended, after: str = BEGINNING) -> AsyncGenerator[Told | None]:
        """Yield what `follow` yields, and None when nothing happened for `SILENCE_SECONDS`."""
        listener = _Listener(self._redis, root, position(after), ended, self._asking)
        async with self._listening(root, listener):
            async for told in listener.listen():
                yield told

    async def close(self) -> None:
        """Stop reading."""
        for source in self._sources.values():
            source.stop()
        for task in [*(source.task for source in self._sources.values()), *self._closing, *self._asking]:
            await asyncio.wait({task})
        self._sources.clear()
        await self._redis.aclose()

    @asynccontextmanager
    async def _listening(self, root: str, listener: "_Listener") -> AsyncGenerator[None]:
        source = self._sources.get(root)
        if source is None:
            source = self._sources[root] = _Source(self._url, root)
        source.listeners.add(listener)
        listener.source = source
        try:
            yield
        finally:
            source.listeners.discard(listener)
            if not source.listeners and self._sources.get(root) is source:
                # Asked to stop, not cancelled: a read that is cancelled while its answer comes in goes on for ever.
                del self._sources[root]
                source.stop()
                self._closing.add(source.task)
                source.task.add_done_callback(self._closing.discard)


class _Source:
    """The one reader of a tree's stream."""

    def __init__(self, url: str, root: str) -> None:
        self._stream = stream_of(root)
        self._redis = open_redis(url, alone=True)
        self._stopped = False
        self.listeners: set[_Listener] = set()
        self.reading = asyncio.Event()
        """Set while everything that is written from now on reaches the listeners."""

        self.task = asyncio.create_task(self._run(), name=f"reading {self._stream}")

    def stop(self) -> None:
        self._stopped = True

    async def _run(self) -> None:
        try:
            while not self._stopped:
                try:
                    await self._read()
                except (RedisError, OSError) as error:
                    if self.reading.is_set():
                        logger.warning("the stream %s cannot be read at present: %s", self._stream, error)
                    self.reading.clear()
                    for listener in self.listeners:
                        listener.look_again()
                    await asyncio.sleep(_PAUSE_SECONDS)
        finally:
            await self._redis.aclose()

    async def _read(self) -> None:
        async with asyncio.timeout(ANSWER_SECONDS):
            newest = _entries(await self._redis.xrevrange(self._stream, count=1))
        last = newest[0][0] if newest else BEGINNING
        self.reading.set()
        while not self._stopped:
            async with asyncio.timeout(_BLOCK_MILLISECONDS / 1_000 + ANSWER_SECONDS):
                answer = await self._redis.xread({self._stream: last}, block=_BLOCK_MILLISECONDS, count=PAGE)
            for entry in _entries_of_one(answer):
                last = entry[0]
                for listener in self.listeners:
                    listener.take(entry)
            # What has come is passed on before more is asked for.
            await asyncio.sleep(0)


class _Listener:
    """One who listens to a tree, at their own pace."""

    def __init__(self, redis: Redis, root: str, after: str, ended: Ended, asking: set[asyncio.Task[object]]) -> None:
        self._redis = redis
        self._asking = asking
        self._stream = stream_of(root)
        self._root = root
        self._cursor = after
        self._ended = ended
        self._waiting: asyncio.Queue[Entry | None] = asyncio.Queue()
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._missed: str | None = None
        self._caught = False
        self._end: Told | None = None
        self._gaps = 0
        self.source: _Source | None = None

    def take(self, entry: Entry) -> None:
        if self._waiting.qsize() >= BACKLOG:
            self.look_again()
        else:
            self._waiting.put_nowait(entry)

    def look_again(self) -> None:
        """Have what is waiting read from Redis instead."""
        while not self._waiting.empty():
            self._waiting.get_nowait()
        self._waiting.put_nowait(None)

    async def listen(self) -> AsyncGenerator[Told | None]:
        end: RunEnded | None = None
        late = 0.0
        while True:
            async for told in self._caught_up():
                yield told
                if told.event.kind == "run.ended":
                    return
            if end is not None:
                if not self._caught or self._missed is not None or time.monotonic() >= late:
                    break
                await asyncio.sleep(GRACE_SECONDS)
                continue
            # Not before all that is kept has been seen: what comes in would hide what is missing before it.
            if self._caught:
                async for told in self._live():
                    if told.event.kind != "run.ended":
                        yield told
                        continue
                    async for late in self._caught_up():
                        yield replace(late, position=None)
                    yield told
                    return
            yield None
            end = await self._ended()
            if end is not None:
                # What was told last may still be on its way.
                late = time.monotonic() + (0 if end.outcome in UNTOLD else LATE_SECONDS)
                await asyncio.sleep(GRACE_SECONDS)
        if end.outcome not in UNTOLD and self._missed is None:
            # Some worker told of the end; who terminates a run tells nobody.
            yield self._gap("the end of this run was told, but is not in the stream")
        yield Told(self._event("ended", end), None)

    async def _caught_up(self) -> AsyncGenerator[Told]:
        """Yield what is kept and not yet known; `_caught` says afterwards whether that was all of it.

        The end of the run comes last, though other teams may have told of something after it. That has no position, so
        that whoever goes on from the last one they have gets the end.
        """
        assert self.source is not None, "whoever listens has a source"
        self._caught = False
        try:
            async with asyncio.timeout(SILENCE_SECONDS):
                await self.source.reading.wait()
            if await self._is_missing_some():
                yield self._gap("what was told before can no longer be had")
            while page := await self._kept(f"({self._cursor}", most=PAGE):
                for entry in page:
                    told = self._told(entry)
                    if told is None:
                        continue
                    if told.event.kind != "run.ended":
                        yield told if self._end is None else replace(told, position=None)
                    elif not await self._went_on():
                        self._end = told
            self._caught = True
            if self._end is not None:
                yield self._end
        except (RedisError, OSError):
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _went_on(self) -> bool:
        """Tell whether the run was reset after the end that was just read: then that end is none."""
        since = self._cursor
        while page := await self._kept(f"({since}", most=PAGE):
            if any(fields.get("kind") == "run.reset" for _, fields in page):
                return True
            since = page[-1][0]
        return False

    async def _live(self) -> AsyncGenerator[Told]:
        """Yield what comes in, until there is a reason to look again."""
        assert self.source is not None, "whoever listens has a source"
        while self.source.reading.is_set():
            try:
                async with asyncio.timeout(SILENCE_SECONDS):
                    entry = await self._waiting.get()
            except TimeoutError:
                return
            if entry is None:
                return
            if order(entry[0]) > order(self._cursor) and (told := self._told(entry)) is not None:
                yield told

    async def _is_missing_some(self) -> bool:
        """Tell whether something between the cursor and the oldest event that is kept was lost; once for each loss."""
        if self._missed == self._cursor:
            return False
        if self._cursor == BEGINNING:
            page = await self._kept("-", most=PAGE)
            # A stream that was cut or lost lacks the beginning; other teams' first events may come before it.
            missing = bool(page) and all(fields.get("kind") != "run.started" for _, fields in page)
        else:
            missing = not await self._kept(self._cursor, self._cursor, most=1)
        if missing:
            self._missed = self._cursor
        return missing

    async def _kept(self, first: str, last: str = "+", *, most: int) -> list[Entry]:
        return _entries(await self._undisturbed(self._redis.xrange(self._stream, first, last, count=most)))

    async def _undisturbed(self, asked: Awaitable[object]) -> object:
        """Await an answer of Redis; when the one who waits is cancelled, the answer is still taken off the connection.

        The hub waits for it when it closes, so that no connection is opened after that.
        """

        async def ask() -> object:
            return await asked

        task = asyncio.create_task(ask())
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(task)

    def _told(self, entry: Entry) -> Told | None:
        self._cursor, fields = entry
        try:
            event = Event.model_validate({**fields, "data": _json(fields.get("data", "{}"))})
            _ = event.detail
        except ValidationError:
            logger.warning("an entry of %s is no event and is left out", self._stream)
            return None
        if event.id in self._seen:
            return None
        self._seen[event.id] = None
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return Told(event, self._cursor)

    def _gap(self, reason: str) -> Told:
        self._gaps += 1
        return Told(self._event(f"gap:{self._gaps}", Gap(reason=reason)), None)

    def _event(self, name: str, detail: RunEnded | Gap) -> Event:
        return Event(
            id=f"{self._root}:{name}:{self._cursor}",
            at=datetime.now(UTC),
            team="",
            kind=kind_of(detail),
            data=detail.model_dump(mode="json", exclude_none=True),
        )


# The client's types are a union over its protocol's versions and over bytes and text, hence `object` and the casts.
def _entries(answer: object) -> list[Entry]:
    return [(position, dict(fields)) for position, fields in cast("list[Entry] | None", answer) or []]


def _entries_of_one(answer: object) -> list[Entry]:
    if isinstance(answer, dict):  # The newer version: a map, with one list more around the entries.
        pages = [page for pages in cast("dict[str, list[list[Entry]]]", answer).values() for page in pages]
    else:
        pages = [page for _, page in cast("list[tuple[str, list[Entry]]] | None", answer) or []]
    return [entry for page in pages for entry in _entries(page)]


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None
