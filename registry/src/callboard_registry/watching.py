"""What clients who follow the registry are told, how many may follow, and how far back they can go."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from callboard_registry.changes import Changes, Happened
from callboard_registry.database import Database
from callboard_registry.paging import page_size, position_of, token_at
from callboard_registry.refusals import Refusal
from callboard_registry.threads import Threads
from callboard_registry_api.model import Change

_BATCH: Final = 200
_POLL: Final = timedelta(seconds=1)
_AGAIN: Final = 5.0
"""Seconds after which a watcher for whom there was no place may ask again."""


@dataclass(frozen=True)
class Retention:
    """Which changes are kept. What is older than the one or beyond the other goes, oldest first."""

    age: timedelta | None = None
    """None: of any age."""

    number: int | None = None
    """The newest so many. None: all."""


class Watching:
    """Tells of changes, in the order in which they became visible.

    A place in that order is a cursor. Whoever goes on from one misses nothing and sees nothing twice; one that is so
    old that what came behind it is not kept any more is refused.
    """

    def __init__(
        self, database: Database, threads: Threads, *, most: int = 1000, retention: Retention | None = None
    ) -> None:
        self._changes = Changes(database)
        self._threads = threads
        self._most = most
        self._most_of_one = max(1, most // 10)
        self._watchers: Counter[str] = Counter()
        self._retention = retention or Retention()
        self._changed = asyncio.Event()
        self._closing = False

    @property
    def closing(self) -> bool:
        """Whether nobody is told anything any more."""
        return self._closing

    async def page(self, *, team: str = "", after: str = "", size: int = 0) -> tuple[list[Change], str]:
        """Return changes, and a cursor to go on with."""
        limit = page_size(size, default=_BATCH, most=1000)
        position = await self._position(team, after)
        happened = await self._threads.read(lambda: self._changes.page(team=team, after=position, limit=limit))
        last = happened[-1].position if happened else position
        return [_told(each, team) for each in happened], _cursor(last, team)

    async def watch(
        self, *, team: str = "", after: str = "", only_new: bool = False
    ) -> AsyncGenerator[tuple[list[Change], str]]:
        """Yield changes as they become visible, with a cursor to go on from, until the registry is about to close."""
        if after and only_new:
            raise Refusal("invalid", "only_new", "only_new and after contradict each other; send one of them")
        position = await (self._threads.read(self._changes.last) if only_new else self._position(team, after))
        yield [], _cursor(position, team)
        while not self._closing:
            changed, since = self._changed, position
            happened = await self._threads.read(
                lambda since=since: self._changes.page(team=team, after=since, limit=_BATCH)
            )
            if happened:
                position = happened[-1].position
                yield [_told(each, team) for each in happened], _cursor(position, team)
                continue
            # What another process changes is not told to this one.
            with suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), _POLL.total_seconds())

    @contextmanager
    def place_for(self, client: str) -> Generator[None]:
        """Hold one of the places for watchers for as long as the block runs.

        Raises:
            Refusal: There is none left, or `client` has its share.
        """
        if self._watchers[client] >= self._most_of_one:
            why = f"{client!r} watches {self._most_of_one} times already; let its processes share one stream"
            raise Refusal("exhausted", "", why, retry_after=_AGAIN)
        if self._watchers.total() >= self._most:
            raise Refusal("exhausted", "", f"{self._most} clients watch already", retry_after=_AGAIN)
        self._watchers[client] += 1
        try:
            yield
        finally:
            self._watchers -= Counter([client])

    def tell(self) -> None:
        """Have every `watch` look for changes."""
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def stop(self) -> None:
        """Let every `watch` end: the process is about to."""
        self._closing = True
        self.tell()

    async def prune(self) -> int:
        """Forget what is not to be kept any more, and tell how many changes that was."""
        oldest = None if self._retention.age is None else datetime.now(UTC) - self._retention.age
        number = self._retention.number
        if oldest is None and number is None:
            return 0
        return await self._threads.write(lambda: self._changes.prune(before=oldest, keep=number))

    async def _position(self, team: str, after: str) -> int:
        horizon = await self._threads.read(self._changes.horizon)
        if not after:
            return horizon
        position = int(position_of(after, like=(0,), filters=["changes", team], field="after")[0])
        if position < horizon:
            raise Refusal(
                "gone",
                "after",
                "after is so old that changes behind it are not kept any more; list what there is now, and go on from"
                " the cursor of a new stream",
            )
        return position


def _cursor(position: int, team: str) -> str:
    return token_at((position,), filters=["changes", team])


def _told(happened: Happened, team: str) -> Change:
    about = happened.change
    return Change(
        kind=about.kind,
        at=happened.at,
        team=about.team,
        subject=about.subject,
        detail=about.detail,
        state=about.state or None,
        author=about.author,
        reason=about.reason,
        cursor=_cursor(happened.position, team),
    )
