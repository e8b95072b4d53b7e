"""What the observer last saw, one note a thing: written by its process, read by the registry."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Generic, TypeVar

from sqlalchemy import delete, select

from callboard_registry.database import Database, upsert
from callboard_registry.seen import Seen, SeenEndpoint, SeenJob, SeenQueue
from callboard_registry.tables import observations

_ABOUT: Final[Mapping[type[Seen], str]] = {SeenEndpoint: "endpoint", SeenQueue: "queue", SeenJob: "job"}

_FEW: Final = 100
"""Names that are looked for one by one; where there are more, all are read."""

Kind = TypeVar("Kind", bound=Seen)


@dataclass(frozen=True)
class Note(Generic[Kind]):
    """What was seen of one thing, and when."""

    at: datetime
    seen: Kind


class Observations:
    """The notes. There is one for each thing, and it is replaced as a whole."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self, kind: type[Kind], *, subjects: Collection[str] | None = None) -> dict[str, Note[Kind]]:
        """Return the notes of a kind by their subject (an endpoint's name, a queue's, a job's), in order.

        Args:
            kind: What they are about.
            subjects: Only these, where there are few.
        """
        query = select(observations).where(observations.c.about == _ABOUT[kind]).order_by(observations.c.subject)
        if subjects is not None and len(subjects) <= _FEW:
            query = query.where(observations.c.subject.in_(subjects))
        with self._database.reading() as connection:
            rows = connection.execute(query).mappings().all()
        return {
            row[observations.c.subject]: Note(
                row[observations.c.at], kind.model_validate_json(row[observations.c.seen])
            )
            for row in rows
        }

    def write(self, kind: type[Kind], seen: Mapping[str, Kind], *, only_these: bool = False) -> None:
        """Keep what was seen now, by subject; with `only_these`, whatever was not seen is forgotten."""
        about, now = _ABOUT[kind], datetime.now(UTC)
        with self._database.writing() as connection:
            if only_these:
                gone = delete(observations).where(observations.c.about == about)
                connection.execute(gone.where(observations.c.subject.not_in(list(seen))))
            for subject, what in seen.items():
                row = {"about": about, "subject": subject, "at": now, "seen": what.model_dump_json()}
                connection.execute(upsert(connection, observations, row, key=("about", "subject")))
