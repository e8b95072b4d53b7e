"""How far the audit has read: a moment per namespace, and a place in each run that is under way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import delete, func, select

from callboard_registry.database import Database, upsert
from callboard_registry.tables import audit_positions, audit_runs, executions
from callboard_registry_api.audit import AuditPosition


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where reading a run, or a standalone operation, stopped."""

    last_event: int
    """What was read last; nothing new is there when it is still the last."""

    first_open: int
    """The first event that belongs to something that was under way. Reading goes on from here."""

    closed: datetime | None = None
    """When it was over; None while it is under way."""


class Positions:
    """What was read, kept where the records are: whoever goes on, in this process or another, goes on from there."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[AuditPosition]:
        """Return the position of every namespace, in order."""
        opened = (
            select(audit_runs.c.namespace, func.count().label("open"))
            .where(audit_runs.c.closed.is_(None))
            .group_by(audit_runs.c.namespace)
            .subquery()
        )
        query = (
            select(audit_positions, func.coalesce(opened.c.open, 0).label("open"))
            .join(opened, opened.c.namespace == audit_positions.c.namespace, isouter=True)
            .order_by(audit_positions.c.namespace)
        )
        with self._database.reading() as connection:
            return [AuditPosition(**row) for row in connection.execute(query).mappings()]

    def read_until(self, namespace: str) -> datetime | None:
        """Return the moment up to which everything that is over has been read; None for a namespace that is new."""
        query = select(audit_positions.c.read_until).where(audit_positions.c.namespace == namespace)
        with self._database.reading() as connection:
            return connection.scalar(query)

    def places(self, namespace: str, *, root: str = "") -> dict[str, Place]:
        """Return where reading stopped in each run that has to be read on or is listed again, or in those of a tree."""
        query = select(audit_runs).where(audit_runs.c.namespace == namespace)
        if root:
            query = query.where(audit_runs.c.run_id.in_(select(executions.c.run_id).where(executions.c.root == root)))
        with self._database.reading() as connection:
            rows = connection.execute(query).mappings().all()
        return {
            row["run_id"]: Place(last_event=row["last_event"], first_open=row["first_open"], closed=row["closed"])
            for row in rows
        }

    def keep(self, namespace: str, places: Mapping[str, Place]) -> None:
        """Note where reading some runs stopped."""
        with self._database.writing() as connection:
            for run_id, place in places.items():
                row = {"namespace": namespace, "run_id": run_id, **vars(place)}
                connection.execute(upsert(connection, audit_runs, row, key=("namespace", "run_id")))

    def note(
        self,
        namespace: str,
        team: str,
        *,
        problem: str = "",
        read_until: datetime | None = None,
        forget: Sequence[str] = (),
    ) -> None:
        """Note that a namespace was looked at: with what problem, or up to when, and which runs come no more."""
        row: dict[str, object] = {
            "namespace": namespace,
            "team": team,
            "looked": datetime.now(UTC),
            "problem": problem,
        }
        if read_until is not None:
            row["read_until"] = read_until
        with self._database.writing() as connection:
            connection.execute(upsert(connection, audit_positions, row, key=("namespace",)))
            for run_id in forget:
                gone = delete(audit_runs).where(audit_runs.c.namespace == namespace, audit_runs.c.run_id == run_id)
                connection.execute(gone)
