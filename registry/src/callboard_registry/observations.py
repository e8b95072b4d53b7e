"""What the observer last saw, one note a thing: written by its process, read by the registry."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, cast

from sqlalchemy import delete, select

from callboard_registry.database import Database, upsert
from callboard_registry.tables import observations

About = Literal["endpoint", "queue", "job"]
"""What kind of thing a note is about."""


@dataclass(frozen=True)
class Note:
    """What was seen of one thing."""

    subject: str
    """Which one: an endpoint's name, `<namespace>/<task queue>`, a job's name."""

    at: datetime
    """When it was looked at."""

    seen: Mapping[str, object]
    """JSON; what is in it is the business of whoever writes this kind of note."""


class Observations:
    """The notes. There is one for each thing, and it is replaced as a whole."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self, about: About) -> list[Note]:
        """Return every note of a kind, ordered by subject."""
        query = select(observations).where(observations.c.about == about).order_by(observations.c.subject)
        with self._database.reading() as connection:
            return [
                Note(
                    subject=row[observations.c.subject],
                    at=row[observations.c.at],
                    seen=cast("dict[str, object]", json.loads(row[observations.c.seen])),
                )
                for row in connection.execute(query).mappings()
            ]

    def write(self, about: About, seen: Mapping[str, Mapping[str, object]], *, only_these: bool = False) -> None:
        """Keep what was seen now, by subject; with `only_these`, whatever was not seen is forgotten."""
        now = datetime.now(UTC)
        with self._database.writing() as connection:
            if only_these:
                gone = delete(observations).where(observations.c.about == about)
                connection.execute(gone.where(observations.c.subject.not_in(list(seen))))
            for subject, what in seen.items():
                row = {"about": about, "subject": subject, "at": now, "seen": json.dumps(what)}
                connection.execute(upsert(connection, observations, row, key=("about", "subject")))
