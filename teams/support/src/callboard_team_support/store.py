"""The cases that people of support have to take over."""

from datetime import UTC, datetime

from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, Text, insert, select

from callboard_contracts import Nothing
from callboard_contracts.support import v1 as support
from callboard_kit.store import Store, asked_text

_METADATA = MetaData()
_HANDOVERS = Table(
    "handovers",
    _METADATA,
    Column("id", Integer, primary_key=True),
    Column("summary", Text, nullable=False),
    Column("at", String, nullable=False),
)


class HandoverStore:
    """Handovers, oldest first; each is kept once per key."""

    def __init__(self, url: str) -> None:
        self._store = Store(url, _METADATA)

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    def put(self, handover: support.Handover, *, key: str) -> None:
        """Keep a case, once per key.

        Raises:
            RefusedError: The key was used for another case.
        """

        def effect(connection: Connection) -> Nothing:
            now = datetime.now(UTC).isoformat(timespec="milliseconds")
            connection.execute(insert(_HANDOVERS).values(summary=handover.summary, at=now))
            return Nothing()

        self._store.once(key, asked_text(handover), Nothing, effect)

    def all(self) -> tuple[support.Handover, ...]:
        """Return every case that waits for a person, oldest first."""
        with self._store.reading() as connection:
            rows = connection.execute(select(_HANDOVERS.c.summary).order_by(_HANDOVERS.c.id)).scalars().all()
        return tuple(support.Handover(summary=summary) for summary in rows)

    def clear(self) -> None:
        """Forget every case."""
        self._store.replace({})
