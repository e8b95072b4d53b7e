"""Who called whom, team by team, from the sums of calls."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, case, func, select

from callboard_registry.database import Database
from callboard_registry.tables import call_totals
from callboard_registry.totals import ENDED_WELL, day_of


@dataclass(frozen=True)
class Edge:
    """Calls of one team to another."""

    caller: str
    team: str
    calls: int
    errors: int


def edges(database: Database, since: datetime) -> Sequence[Edge]:
    """Return who called whom since the beginning of the day of `since`, in order."""
    with database.reading() as connection:
        called = _team(connection.dialect.name)
        wrong = case((call_totals.c.outcome.in_(sorted(ENDED_WELL)), 0), else_=call_totals.c.calls)
        query = (
            select(call_totals.c.caller, called, func.sum(call_totals.c.calls), func.sum(wrong))
            .where(call_totals.c.day >= day_of(since), call_totals.c.caller != "")
            .group_by(call_totals.c.caller, called)
            .having(func.sum(call_totals.c.calls) > 0)
            .order_by(call_totals.c.caller, called)
        )
        return [
            Edge(caller, team, int(calls), int(errors)) for caller, team, calls, errors in connection.execute(query)
        ]


def _team(dialect: str) -> ColumnElement[str]:
    """Return the part of a service's name that is its team's."""
    service = call_totals.c.service
    if dialect == "sqlite":
        return func.substr(service, 1, func.instr(service.concat("."), ".") - 1)
    return func.split_part(service, ".", 1)
