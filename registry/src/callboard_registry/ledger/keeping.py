"""Where uses of models are kept: each one once for a while, so that it is counted once, and added up for ever."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Connection, Select, and_, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from callboard_registry.database import Database
from callboard_registry.tables import model_horizon, model_totals, model_uses
from callboard_registry_api.budgets import ModelUse, Spending, SpendingDimension

_MOST: Final = 10**12
_KEY: Final = ("day", "team", "caller", "operation", "model")
_SUMS: Final = ("model_calls", "input_tokens", "output_tokens", "cost", "unpriced")


@dataclass(frozen=True, kw_only=True)
class WhichSpending:
    """Which spending; what is left empty does not matter."""

    team: str = ""
    caller: str = ""
    since: datetime | None = None
    until: datetime | None = None


class Ledger:
    """Uses of models. The same one told by a worker and found in a history counts once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, told: Iterable[tuple[str, ModelUse]]) -> int:
        """Keep uses, each with the team whose it is, and return how many were new."""
        with self._database.writing() as connection:
            horizon = connection.scalar(select(func.max(model_horizon.c.before)))
            distinct = {(team, use.key): (team, use) for team, use in told if horizon is None or use.at >= horizon}
            if not distinct:
                return 0
            insert = (sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert)(model_uses)
            rows = [{"team": team, "key": use.key, "at": use.at} for team, use in distinct.values()]
            statement = insert.on_conflict_do_nothing(index_elements=["team", "key"])
            new = connection.execute(statement.returning(model_uses.c.team, model_uses.c.key), rows).all()
            for team, key in new:
                _count(connection, *distinct[team, key])
        return len(new)

    def prune(self, before: datetime) -> int:
        """Forget which uses before then were counted; their sums stay. What comes later than that is not counted."""
        with self._database.writing() as connection:
            connection.execute(delete(model_horizon))
            connection.execute(model_horizon.insert().values(before=before))
            return connection.execute(delete(model_uses).where(model_uses.c.at < before)).rowcount

    def sums(self, which: WhichSpending, *, by: Sequence[SpendingDimension]) -> list[Spending]:
        """Return what models took, a row for each combination of `by`."""
        columns = [model_totals.c[name] for name in by]
        query = _filtered(
            select(*columns, *(func.sum(model_totals.c[name]).label(name) for name in _SUMS)), which
        ).group_by(*columns)
        with self._database.reading() as connection:
            rows = connection.execute(query).mappings().all()
        return [
            replace(
                Spending(**{name: row[name] for name in by}),
                model_calls=int(row["model_calls"]),
                input_tokens=int(row["input_tokens"]),
                output_tokens=int(row["output_tokens"]),
                cost=int(row["cost"]),
                unpriced=int(row["unpriced"]),
            )
            for row in rows
            if row["model_calls"]
        ]


def _count(connection: Connection, team: str, use: ModelUse) -> None:
    day = use.at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    row = {
        "day": day,
        "team": team,
        "caller": use.caller,
        "operation": use.operation,
        "model": use.model,
        "model_calls": 1,
        "input_tokens": _plain(use.input_tokens),
        "output_tokens": _plain(use.output_tokens),
        "cost": _plain(use.cost or 0),
        "unpriced": int(use.cost is None),
    }
    insert = (sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert)(model_totals)
    more = {name: model_totals.c[name] + insert.excluded[name] for name in _SUMS}
    connection.execute(insert.values(row).on_conflict_do_update(index_elements=list(_KEY), set_=more))


def _plain(number: int) -> int:
    return max(0, min(number, _MOST))


def _filtered(query: Select[*tuple[object, ...]], which: WhichSpending) -> Select[*tuple[object, ...]]:
    conditions = [model_totals.c[name] == getattr(which, name) for name in ("team", "caller") if getattr(which, name)]
    if which.since is not None:
        since = which.since.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        conditions.append(model_totals.c.day >= since)
    if which.until is not None:
        conditions.append(model_totals.c.day < which.until)
    return query.where(and_(True, *conditions))
