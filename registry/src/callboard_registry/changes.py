"""Everything that happened to what the registry holds, in the order in which it became visible."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from sqlalchemy import Connection, RowMapping, func, select

from callboard_registry.database import Database, upsert
from callboard_registry.tables import changes, horizons
from callboard_registry_api.model import ChangeKind, State

ADMINISTRATOR: Final = "administrator"

_ABOUT: Final = "changes"
_HORIZON: Final = select(horizons.c.position).where(horizons.c.about == _ABOUT)


@dataclass(frozen=True, kw_only=True)
class Change:
    """One thing that happened."""

    kind: ChangeKind
    team: str
    """Whose: the team that owns the service, policy or key."""

    subject: str
    """The service or the key that changed; the team for a policy."""

    detail: str = ""
    """Which revision or version."""

    state: State | Literal[""] = ""
    """What a revision is now."""

    author: str
    """Who did it: a team, the administrator or the registry itself."""

    reason: str = ""


@dataclass(frozen=True)
class Happened:
    """A change with its place among the others."""

    position: int
    at: datetime
    change: Change


class Changes:
    """Every change. Writers take turns, so none appears behind a later one that was seen already."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, *, team: str, after: int, limit: int) -> list[Happened]:
        """Return changes of one team's things or all that came behind position `after`, in order."""
        query = select(changes).where(changes.c.sequence > after).order_by(changes.c.sequence).limit(limit)
        if team:
            query = query.where(changes.c.team == team)
        with self._database.reading() as connection:
            return [_happened(row) for row in connection.execute(query).mappings()]

    def horizon(self) -> int:
        """Return the position behind which every change is kept."""
        with self._database.reading() as connection:
            return connection.scalar(_HORIZON) or 0

    def prune(self, *, before: datetime | None, keep: int | None) -> int:
        """Forget what happened before a moment or lies behind the newest `keep`; returns how many changes that was."""
        last = [
            query
            for query in (
                None if before is None else select(func.max(changes.c.sequence)).where(changes.c.at < before),
                None
                if keep is None
                else select(changes.c.sequence).order_by(changes.c.sequence.desc()).offset(keep).limit(1),
            )
            if query is not None
        ]
        with self._database.writing() as connection:
            horizon = max((connection.scalar(query) or 0 for query in last), default=0)
            if horizon <= (connection.scalar(_HORIZON) or 0):
                return 0
            forgotten = connection.execute(changes.delete().where(changes.c.sequence <= horizon)).rowcount
            row = {"about": _ABOUT, "position": horizon}
            connection.execute(upsert(connection, horizons, row, key=["about"]))
        return forgotten

    def last(self) -> int:
        """Return the position of the last change; 0 when nothing has happened yet."""
        with self._database.reading() as connection:
            return connection.scalar(select(func.max(changes.c.sequence))) or 0


def note(connection: Connection, change: Change) -> None:
    """Write a change down in the transaction that makes it."""
    note_all(connection, [change])


def note_all(connection: Connection, these: Sequence[Change]) -> None:
    """Write changes down in the transaction that makes them, in this order."""
    at = datetime.now(UTC)
    connection.execute(changes.insert(), [{"at": at, **vars(change)} for change in these])


def _happened(row: RowMapping) -> Happened:
    change = Change(
        kind=row[changes.c.kind],
        team=row[changes.c.team],
        subject=row[changes.c.subject],
        detail=row[changes.c.detail],
        state=row[changes.c.state],
        author=row[changes.c.author],
        reason=row[changes.c.reason],
    )
    return Happened(position=row[changes.c.sequence], at=row[changes.c.at], change=change)
