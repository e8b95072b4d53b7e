"""What a team publishes, kept in its own store by the transaction that it tells of.

An event is there exactly when the write is. It stays for a day after it was published: when Redis loses what stood in
it, everything since is published again, and the event's id makes that harmless.
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from pydantic import JsonValue, TypeAdapter
from sqlalchemy import JSON, Column, Connection, Float, Integer, MetaData, String, Table, delete, func, insert, select

from callboard_contracts import Message
from callboard_kit import mesh
from callboard_kit.processing.model import FeedEvent
from callboard_kit.store import Store

KEPT_FOR: Final = timedelta(days=1)
"""How long an event is kept at least, once all followers' feeds have it."""

_DATA: Final[TypeAdapter[Mapping[str, JsonValue]]] = TypeAdapter(Mapping[str, JsonValue])


class OutboxTables:
    """The tables of an outbox, among a room's own."""

    def __init__(self, metadata: MetaData) -> None:
        self.events = Table(
            "outbox",
            metadata,
            Column("number", Integer, primary_key=True, autoincrement=True),
            Column("id", String(100), nullable=False, unique=True),
            Column("key", String, nullable=False),
            Column("kind", String, nullable=False),
            Column("at", Float, nullable=False),
            Column("data", JSON, nullable=False),
            Column("root", String, nullable=False),
            # A number is never used again, whatever was deleted.
            sqlite_autoincrement=True,
        )

    def add(self, connection: Connection, *, key: str, kind: str, data: Message) -> None:
        """Publish something that becomes of the record `key` in the transaction of this connection."""
        call = mesh.maybe_current()
        connection.execute(
            insert(self.events).values(
                id=uuid.uuid4().hex,
                key=key,
                kind=kind,
                at=datetime.now(UTC).timestamp(),
                data=data.model_dump(mode="json"),
                root="" if call is None else call.root,
            )
        )


class Outbox:
    """The events of a team that are on their way."""

    def __init__(self, store: Store, tables: OutboxTables) -> None:
        self._store = store
        self._tables = tables

    def holds(self, number: int, id: str) -> bool:
        """Return whether an event is here; it is not when the store was put back to what it was before, or emptied."""
        events = self._tables.events
        wanted = select(events.c.number).where(events.c.number == number, events.c.id == id)
        with self._store.reading() as connection:
            return connection.execute(wanted).first() is not None

    def last(self) -> int:
        """Return the number of the newest event that is kept; 0 when none is."""
        with self._store.reading() as connection:
            return connection.execute(select(func.max(self._tables.events.c.number))).scalar_one() or 0

    def after(self, team: str, number: int, *, limit: int) -> Sequence[FeedEvent]:
        """Return the events of `team` that come after a number, oldest first."""
        events = self._tables.events
        wanted = select(events).where(events.c.number > number).order_by(events.c.number).limit(limit)
        with self._store.reading() as connection:
            rows = connection.execute(wanted).mappings().all()
        return [
            FeedEvent(
                id=row["id"],
                publisher=team,
                number=row["number"],
                key=row["key"],
                kind=row["kind"],
                at=datetime.fromtimestamp(row["at"], UTC),
                data=_DATA.validate_python(row["data"]),
                root=row["root"],
            )
            for row in rows
        ]

    def forget(self, before: int, *, now: datetime) -> None:
        """Forget events with a smaller number that are older than `KEPT_FOR`."""
        events = self._tables.events
        old = (now - KEPT_FOR).timestamp()
        with self._store.writing() as connection:
            connection.execute(delete(events).where(events.c.number < before, events.c.at < old))
