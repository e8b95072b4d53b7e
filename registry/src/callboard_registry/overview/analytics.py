"""What calls and stories add up to: what fails, gets stuck, is refused by people, is spent, is slow."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import BigInteger, ColumnElement, case, func, or_, select, type_coerce

from callboard_contracts import ServiceDescription
from callboard_registry.catalog import Catalog
from callboard_registry.database import Database
from callboard_registry.tables import call_totals, happenings
from callboard_registry.totals import ENDED_WELL, Totals, day_of

MOST: Final = 30
"""Rows of one table: those that matter most."""

_HINDERING: Final = ("model", "call", "activity", "lock", "trouble", "stop")
"""What may go wrong, be tried again or be waited for."""

_MICROSECOND: Final = timedelta(microseconds=1)

# As the numbers that they are kept as: the difference of two moments is none.
_AT: Final = type_coerce(happenings.c.at, BigInteger)
_ENDED: Final = type_coerce(happenings.c.ended, BigInteger)


@dataclass(frozen=True)
class Failing:
    """How the calls of one operation ended."""

    service: str
    operation: str
    calls: int
    refused: int
    unavailable: int
    failed: int

    @property
    def errors(self) -> int:
        """Calls that did not end well."""
        return self.refused + self.unavailable + self.failed


@dataclass(frozen=True)
class Stuck:
    """Something that went wrong, was tried again or was waited for."""

    team: str
    kind: str
    title: str
    times: int
    again: int
    """Attempts beyond the first."""

    wrong: int
    """Times that it failed in the end, or gave no answer."""

    waited: timedelta
    """How long it took, all times together."""


@dataclass(frozen=True)
class Answered:
    """What people said to one kind of question."""

    team: str
    title: str
    approved: int
    refused: int
    expired: int
    waiting: int
    mean: timedelta | None
    """How long those that were answered waited, on average."""


@dataclass(frozen=True)
class Latency:
    """How long an operation's good calls take, and how long they may."""

    service: str
    operation: str
    calls: int
    p50: timedelta | None
    p95: timedelta | None
    promised: timedelta | None
    """None: nobody published the operation."""

    @property
    def keeps(self) -> bool | None:
        """Whether the 95th percentile is within what is promised; None where one of the two is not known."""
        return None if self.p95 is None or self.promised is None else self.p95 <= self.promised


class Analytics:
    """Adds up. Everything blocks."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._totals = Totals(database)
        self._catalog = Catalog(database)

    def failing(self, since: datetime) -> Sequence[Failing]:
        """Return the operations whose calls fail most often, the worst first."""
        operation = (call_totals.c.service, call_totals.c.operation)
        recent = call_totals.c.day >= day_of(since)
        # Few calls end badly. They are found by their days first: added up as they lie, all the others are read too.
        wrong = (
            select(*operation, call_totals.c.outcome, call_totals.c.calls)
            .where(recent, call_totals.c.outcome.not_in(sorted(ENDED_WELL)))
            .cte("wrong")
            .prefix_with("MATERIALIZED")
        )

        def ended(name: str) -> ColumnElement[int]:
            return func.sum(case((wrong.c.outcome == name, wrong.c.calls), else_=0))

        which, errors = (wrong.c.service, wrong.c.operation), func.sum(wrong.c.calls)
        worst = (
            select(*which, ended("refused"), ended("unavailable"), ended("failed"))
            .group_by(*which)
            .having(errors > 0)
            .order_by(errors.desc(), *which)
            .limit(MOST)
        )
        with self._database.reading() as connection:
            found = connection.execute(worst).all()
            all_calls = (
                select(*operation, func.sum(call_totals.c.calls))
                .where(recent, call_totals.c.service.in_(sorted({row[0] for row in found})))
                .group_by(*operation)
            )
            called = {(row[0], row[1]): int(row[2]) for row in connection.execute(all_calls)}
        return [Failing(row[0], row[1], called[row[0], row[1]], *(int(each) for each in row[2:])) for row in found]

    def stuck(self, since: datetime) -> Sequence[Stuck]:
        """Return what went wrong, was tried again or had to wait for a lock, the most often first."""
        bad = or_(happenings.c.outcome.in_(("failed", "unavailable")), happenings.c.kind == "stop")
        wrong = func.sum(case((bad, 1), else_=0))
        again = func.sum(happenings.c.attempts - 1)
        took = func.sum(func.coalesce(_ENDED, _AT) - _AT)
        what = (happenings.c.team, happenings.c.kind, happenings.c.title)
        query = (
            select(*what, func.count(), again, wrong, took)
            .where(happenings.c.at >= since, happenings.c.kind.in_(_HINDERING))
            .where(or_(happenings.c.attempts > 1, bad, happenings.c.kind == "lock"))
            .group_by(*what)
            .order_by((wrong + again + func.count()).desc(), *what)
            .limit(MOST)
        )
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return [Stuck(*row[:3], *(int(each) for each in row[3:6]), waited=_length(row[6])) for row in rows]

    def answered(self, since: datetime) -> Sequence[Answered]:
        """Return what people were asked and said, what they refused most first."""

        def said(outcome: str) -> ColumnElement[int]:
            return func.sum(case((happenings.c.outcome == outcome, 1), else_=0))

        open_ones = func.sum(case((happenings.c.ended.is_(None), 1), else_=0))
        took = case((happenings.c.ended.is_not(None), _ENDED - _AT))
        what = (happenings.c.team, happenings.c.title)
        query = (
            select(*what, said("approved"), said("refused"), said("expired"), open_ones, func.avg(took))
            .where(happenings.c.at >= since, happenings.c.kind == "approval")
            .group_by(*what)
            .order_by(said("refused").desc(), said("expired").desc(), *what)
            .limit(MOST)
        )
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return [
            Answered(*row[:2], *(int(each) for each in row[2:6]), mean=None if row[6] is None else _length(row[6]))
            for row in rows
        ]

    def latency(self, since: datetime) -> Sequence[Latency]:
        """Return how long the busiest operations take, against what they promise; those beyond it come first."""
        operation = (call_totals.c.service, call_totals.c.operation)
        busiest = (
            select(*operation)
            .where(call_totals.c.day >= day_of(since), call_totals.c.outcome == "ok")
            .group_by(*operation)
            .order_by(func.sum(call_totals.c.calls).desc(), *operation)
            .limit(MOST)
        )
        with self._database.reading() as connection:
            names = [(row[0], row[1]) for row in connection.execute(busiest)]
        promised = {service: self._promised(service) for service in {service for service, _ in names}}
        measured = self._totals.of_operations(names, outcome="ok", since=since)
        found = [
            Latency(*name, total.calls, total.p50, total.p95, promised[name[0]].get(name[1]))
            for name, total in measured.items()
        ]
        return sorted(found, key=lambda each: (each.keeps is not False, -each.calls, each.service, each.operation))

    def _promised(self, service: str) -> dict[str, timedelta]:
        listing = self._catalog.find(service)
        if listing is None:
            return {}
        described = ServiceDescription.model_validate_json(listing.document)
        return {each.name: each.promise.latency for each in described.operations}


def _length(microseconds: object) -> timedelta:
    return float(str(microseconds)) * _MICROSECOND
