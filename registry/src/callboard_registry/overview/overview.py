"""The views together, each asked in a thread that reads."""

import logging
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy.exc import OperationalError

from callboard_registry.database import Database
from callboard_registry.overview.analytics import Analytics, Answered, Failing, Latency, Stuck
from callboard_registry.overview.edges import Edge, edges
from callboard_registry.overview.runs import RunPage, WhichRuns, runs
from callboard_registry.stories.keeping import Stories
from callboard_registry.stories.model import Execution, Happening
from callboard_registry.stories.watched import LASTS, Watched
from callboard_registry.threads import Threads

log: Final = logging.getLogger(__name__)

_AGAIN: Final = LASTS.total_seconds() / 3
"""Seconds after which it is noted again that somebody looks."""


class Overview:
    """Answers for those who look at the mesh as a whole."""

    def __init__(self, database: Database, *, threads: Threads) -> None:
        self._database = database
        self._threads = threads
        self._stories = Stories(database)
        self._watched = Watched(database)
        self._noted: dict[str, float] = {}
        self._analytics = Analytics(database)

    async def edges(self, since: datetime) -> Sequence[Edge]:
        """Return which team called which since the beginning of that day."""
        return await self._threads.read(lambda: edges(self._database, since))

    async def runs(self, which: WhichRuns, *, after: str = "", size: int = 50) -> RunPage:
        """Return one page of runs, the newest first.

        Raises:
            Refusal: `after` was not made for this.
        """
        return await self._threads.read(lambda: runs(self._database, which, after=after, size=size))

    async def story(self, root: str, *, most: int) -> tuple[list[Execution], Mapping[str, list[Happening]], bool]:
        """Return the runs of a tree, what happened in each by its run id, and whether that is all of it."""
        return await self._threads.read(lambda: self._stories.of(root, most=most))

    async def story_state(self, root: str) -> str:
        """Return a text that is another one when something else is known of a tree than before."""
        return await self._threads.read(lambda: self._stories.state(root))

    async def watch(self, root: str) -> None:
        """Somebody looks at this run: have the observer look at it sooner. Said often, it is noted now and then."""
        now = time.monotonic()
        if self._noted.get(root, -_AGAIN) > now - _AGAIN:
            return
        self._noted = {each: at for each, at in self._noted.items() if at > now - _AGAIN}
        self._noted[root] = now
        try:
            await self._threads.write(lambda: self._watched.note(root))
        except OperationalError as error:
            # Then it is looked at in its turn; what is known of it is shown all the same.
            log.warning("nobody is told that somebody looks at a run: %s", type(error.orig).__name__)

    async def failing(self, since: datetime) -> Sequence[Failing]:
        """Return the operations whose calls fail most often."""
        return await self._threads.read(lambda: self._analytics.failing(since))

    async def stuck(self, since: datetime) -> Sequence[Stuck]:
        """Return what went wrong, was tried again or had to wait."""
        return await self._threads.read(lambda: self._analytics.stuck(since))

    async def answered(self, since: datetime) -> Sequence[Answered]:
        """Return what people were asked and said."""
        return await self._threads.read(lambda: self._analytics.answered(since))

    async def latency(self, since: datetime) -> Sequence[Latency]:
        """Return how long the busiest operations take, against what they promise."""
        return await self._threads.read(lambda: self._analytics.latency(since))
