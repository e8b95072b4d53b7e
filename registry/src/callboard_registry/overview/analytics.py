"""What calls and stories add up to: what fails, gets stuck, is refused by people, is spent, is slow."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from sqlalchemy import BigInteger, ColumnElement, and_, case, func, or_, select, type_coerce

from callboard_contracts import ServiceDescription
from callboard_registry.catalog import Catalog
from callboard_registry.database import Database
from callboard_registry.tables import call_totals, executions, happenings
from callboard_registry.totals import ENDED_WELL, Totals, Which, day_of

MOST: Final = 30
"""Rows of one table: those that matter most."""

_MICROSECOND: Final = timedelta(microseconds=1)
_DAY: Final = timedelta(days=1) // _MICROSECOND

# As the numbers that they are kept as: the difference of two moments is none.
_AT: Final = type_coerce(happenings.c.at, BigInteger)
_ENDED: Final = type_coerce(happenings.c.ended, BigInteger)

By = Literal["team", "caller", "model", "day"]


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
class Spent:
    """What models took."""

    name: str
    calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: float


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
        calls = call_totals.c.calls

        def ended(outcome: str) -> ColumnElement[int]:
            return func.sum(case((call_totals.c.outcome == outcome, calls), else_=0))

        errors = func.sum(case((call_totals.c.outcome.in_(sorted(ENDED_WELL)), 0), else_=calls))
        operation = (call_totals.c.service, call_totals.c.operation)
        query = (
            select(*operation, func.sum(calls), ended("refused"), ended("unavailable"), ended("failed"))
            .where(call_totals.c.day >= day_of(since))
            .group_by(*operation)
            .having(errors > 0)
            .order_by(errors.desc(), *operation)
            .limit(MOST)
        )
        with self._database.reading() as connection:
            return [Failing(row[0], row[1], *(int(each) for each in row[2:])) for row in connection.execute(query)]

    def stuck(self, since: datetime) -> Sequence[Stuck]:
        """Return what went wrong, was tried again or had to wait for a lock, the most often first."""
        wrong = func.sum(case((happenings.c.outcome.in_(("failed", "unavailable")), 1), else_=0))
        again = func.sum(happenings.c.attempts - 1)
        took = func.sum(func.coalesce(_ENDED, _AT) - _AT)
        what = (happenings.c.team, happenings.c.kind, happenings.c.title)
        query = (
            select(*what, func.count(), again, wrong, took)
            .where(happenings.c.at >= since, happenings.c.kind.in_(("model", "call", "activity", "lock", "trouble")))
            .where(
                or_(
                    happenings.c.attempts > 1,
                    happenings.c.outcome.in_(("failed", "unavailable")),
                    happenings.c.kind == "lock",
                )
            )
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

    def spent(self, since: datetime, by: By) -> Sequence[Spent]:
        """Return what models took: by the team whose agent asked, by who called that team, by model, or by day."""
        # Division of whole numbers is a whole number in both databases.
        day = _AT.op("/")(_DAY).label("day")
        name = {"team": happenings.c.team, "caller": executions.c.caller, "model": happenings.c.model, "day": day}[by]
        cost = func.sum(func.coalesce(happenings.c.cost_usd, 0.0))
        tokens = (func.sum(happenings.c.input_tokens), func.sum(happenings.c.output_tokens))
        query = select(name, func.count(), *tokens, cost).where(happenings.c.kind == "model", happenings.c.at >= since)
        if by == "caller":
            is_run = and_(executions.c.namespace == happenings.c.namespace, executions.c.run_id == happenings.c.run_id)
            query = query.join(executions, is_run)
        order = name if by == "day" else cost.desc()
        with self._database.reading() as connection:
            rows = connection.execute(query.group_by(name).order_by(order, name).limit(MOST + 1)).all()
        return [Spent(_named(row[0], by), int(row[1]), int(row[2]), int(row[3]), float(row[4])) for row in rows]

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
        found: list[Latency] = []
        promised = {service: self._promised(service) for service in {service for service, _ in names}}
        for service, name in names:
            which = Which(service=service, operation=name, outcomes=("ok",), since=since)
            rows, _ = self._totals.page(which, by=(), offset=0, limit=1)
            if rows:
                total = rows[0]
                found.append(Latency(service, name, total.calls, total.p50, total.p95, promised[service].get(name)))
        return sorted(found, key=lambda each: (each.keeps is not False, -each.calls, each.service, each.operation))

    def _promised(self, service: str) -> dict[str, timedelta]:
        listing = self._catalog.find(service)
        if listing is None:
            return {}
        described = ServiceDescription.model_validate_json(listing.document)
        return {each.name: each.promise.latency for each in described.operations}


def _length(microseconds: object) -> timedelta:
    return float(str(microseconds)) * _MICROSECOND


def _named(value: object, by: By) -> str:
    if by == "day":
        return f"{datetime.fromtimestamp(int(str(value)) * 86_400, UTC):%Y-%m-%d}"
    return str(value) or ("whoever began the run" if by == "caller" else "not told")
