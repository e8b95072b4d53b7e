"""Call records, as the teams reported them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import RowMapping, select
from sqlalchemy.dialects import postgresql, sqlite

from callboard_registry.database import Database
from callboard_registry.tables import calls
from callboard_registry_api.model import CallRecord

_MICROSECOND: Final = timedelta(microseconds=1)


class Calls:
    """What happened, in the order in which it became known."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, reporter: str, records: Sequence[CallRecord]) -> int:
        """Keep what `reporter` saw, and return how many records were new: a batch sent again adds nothing."""
        if not records:
            return 0
        with self._database.writing() as connection:
            # Both databases know "on conflict do nothing", and SQLAlchemy has it with each of them.
            insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
            statement = insert(calls).on_conflict_do_nothing().returning(calls.c.sequence)
            kept = connection.scalars(statement, [_columns(reporter, record) for record in records])
            return len(kept.all())

    def page(self, *, root: str, after: int, limit: int) -> tuple[list[CallRecord], int]:
        """Return records of one tree or all that came behind position `after`, and the position of the last."""
        query = select(calls).where(calls.c.sequence > after).order_by(calls.c.sequence).limit(limit)
        if root:
            query = query.where(calls.c.root == root)
        with self._database.reading() as connection:
            rows = connection.execute(query).mappings().all()
        return [_record(row) for row in rows], rows[-1][calls.c.sequence] if rows else after

    def callers(self, service: str, revision: str, *, since: datetime) -> list[str]:
        """Return the teams that called this revision since then, in order."""
        query = (
            select(calls.c.caller)
            .where(calls.c.service == service, calls.c.revision == revision, calls.c.start >= since)
            .where(calls.c.caller != "", calls.c.outcome != "refused")
            .distinct()
            .order_by(calls.c.caller)
        )
        with self._database.reading() as connection:
            return list(connection.scalars(query))


def _columns(reporter: str, record: CallRecord) -> dict[str, object]:
    return {
        "reporter": reporter,
        "root": record.root,
        "token_id": record.token_id or None,
        "caller": record.caller,
        "person": record.person,
        "endpoint": record.endpoint,
        "service": record.service,
        "operation": record.operation,
        "revision": record.revision,
        "build": record.build,
        "entity": record.entity,
        "start": record.start,
        "duration": None if record.duration is None else record.duration // _MICROSECOND,
        "outcome": record.outcome,
        "reason": record.reason,
        "input_tokens": record.input_tokens,
        "output_tokens": record.output_tokens,
        "cost_usd": record.cost_usd,
    }


def _record(row: RowMapping) -> CallRecord:
    duration = row[calls.c.duration]
    return CallRecord(
        root=row[calls.c.root],
        token_id=row[calls.c.token_id] or "",
        caller=row[calls.c.caller],
        endpoint=row[calls.c.endpoint],
        service=row[calls.c.service],
        operation=row[calls.c.operation],
        start=row[calls.c.start],
        outcome=row[calls.c.outcome],
        duration=None if duration is None else duration * _MICROSECOND,
        person=row[calls.c.person],
        revision=row[calls.c.revision],
        build=row[calls.c.build],
        entity=row[calls.c.entity],
        reason=row[calls.c.reason],
        input_tokens=row[calls.c.input_tokens],
        output_tokens=row[calls.c.output_tokens],
        cost_usd=row[calls.c.cost_usd],
        reporter=row[calls.c.reporter],
    )
