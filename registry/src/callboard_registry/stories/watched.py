"""Which runs somebody looks at: the console notes them, and the observer looks at those sooner."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import delete, select

from callboard_registry.database import Database, upsert
from callboard_registry.stories.tables import watched_runs
from callboard_registry.tables import calls, executions, happenings

LASTS: Final = timedelta(seconds=15)
"""How long somebody who was seen to look is taken to look on."""

MOST: Final = 20
"""Runs that are followed at once: those that were looked at last."""


class Watched:
    """Notes who is looked at. Everything blocks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, root: str, *, now: datetime | None = None) -> None:
        """Somebody looks at this run."""
        now = now or datetime.now(UTC)
        with self._database.writing() as connection:
            connection.execute(delete(watched_runs).where(watched_runs.c.until < now))
            row = {"root": root, "until": now + LASTS}
            connection.execute(upsert(connection, watched_runs, row, key=("root",)))

    def roots(self, *, now: datetime | None = None) -> list[str]:
        """Return what is looked at, the last first."""
        query = select(watched_runs.c.root).where(watched_runs.c.until >= (now or datetime.now(UTC)))
        with self._database.asking() as connection:
            return list(connection.scalars(query.order_by(watched_runs.c.until.desc()).limit(MOST)))

    def teams(self, root: str) -> Sequence[str]:
        """Return the names of those who take part in a run, as far as is known: teams, and endpoints."""
        told = (
            select(executions.c.team).where(executions.c.root == root),
            select(calls.c.caller).where(calls.c.root == root),
            select(calls.c.endpoint).where(calls.c.root == root),
        )
        called = select(happenings.c.title).where(happenings.c.root == root, happenings.c.kind == "call")
        with self._database.reading() as connection:
            names = {name for query in told for name in connection.scalars(query.distinct())}
            # What is called is known by its service's name before anything of the other side is.
            names |= {title.partition(".")[0] for title in connection.scalars(called.distinct())}
        return sorted(names)
