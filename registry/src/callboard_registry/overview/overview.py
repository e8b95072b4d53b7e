"""The views together, each asked in a thread that reads."""

from collections.abc import Sequence
from datetime import datetime

from callboard_registry.database import Database
from callboard_registry.overview.edges import Edge, edges
from callboard_registry.overview.runs import RunPage, WhichRuns, runs
from callboard_registry.threads import Threads


class Overview:
    """Answers for those who look at the mesh as a whole."""

    def __init__(self, database: Database, *, threads: Threads) -> None:
        self._database = database
        self._threads = threads

    async def edges(self, since: datetime) -> Sequence[Edge]:
        """Return which team called which since the beginning of that day."""
        return await self._threads.read(lambda: edges(self._database, since))

    async def runs(self, which: WhichRuns, *, after: str = "", size: int = 50) -> RunPage:
        """Return one page of runs, the newest first.

        Raises:
            Refusal: `after` was not made for this.
        """
        return await self._threads.read(lambda: runs(self._database, which, after=after, size=size))
