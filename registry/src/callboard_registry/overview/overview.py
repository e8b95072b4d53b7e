"""The views together, each asked in a thread that reads."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from callboard_registry.database import Database
from callboard_registry.overview.analytics import Analytics, Answered, Failing, Latency, Stuck
from callboard_registry.overview.edges import Edge, edges
from callboard_registry.overview.runs import RunPage, WhichRuns, runs
from callboard_registry.stories.keeping import Stories
from callboard_registry.stories.model import Execution, Happening
from callboard_registry.threads import Threads


class Overview:
    """Answers for those who look at the mesh as a whole."""

    def __init__(self, database: Database, *, threads: Threads) -> None:
        self._database = database
        self._threads = threads
        self._stories = Stories(database)
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
