"""Calls added up, day by day: what stays when the single records are gone.

How long calls took is kept as counts of fixed buckets, so that any rows can be added to any others: half a power of two
each, from a millisecond on, which tells a median or a 95th percentile within a fifth.
"""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, time, timedelta
from typing import Final

from sqlalchemy import Connection, RowMapping, Select, Table, case, func, select
from sqlalchemy.dialects import postgresql, sqlite

from callboard_registry.database import Database
from callboard_registry.tables import call_durations, call_totals
from callboard_registry_api.audit import CallTotal, Dimension
from callboard_registry_api.model import CallRecord, Outcome

ENDED_WELL: Final = frozenset[Outcome]({"ok", "cancelled"})
"""The outcomes that are no error: a call that its caller took back is none either."""

_MICROSECOND: Final = timedelta(microseconds=1)
_MILLISECOND: Final = 1_000
_DOLLAR: Final = 1_000_000_000
_LONGEST: Final = timedelta(days=3650) // _MICROSECOND
_MOST: Final = 10**12
"""Tokens of one call, and thousand-millionths of a dollar: sums of what anybody may report must not run over."""

_KEY: Final = ("day", "caller", "service", "operation", "revision", "outcome")


@dataclass(frozen=True)
class _Sums:
    calls: int
    timed: int
    duration: int
    input_tokens: int
    output_tokens: int
    cost: int

    def plus(self, other: "_Sums") -> "_Sums":
        return _Sums(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))


_Key = tuple[datetime, str, str, str, str, str]


@dataclass(frozen=True, kw_only=True)
class Which:
    """Which calls to add up; what is left empty does not matter."""

    caller: str = ""
    service: str = ""
    operation: str = ""
    revision: str = ""
    outcomes: Collection[Outcome] = ()
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Took:
    """How long calls took, of those whose duration is known."""

    calls: int
    p50: timedelta | None
    p95: timedelta | None


class Totals:
    """The sums. Whatever is counted can be taken back, as long as it is known what it was."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, which: Which, *, by: Sequence[Dimension], offset: int, limit: int) -> tuple[list[CallTotal], bool]:
        """Return rows for each combination of `by`, in order, and whether there are more."""
        columns = [call_totals.c[name] for name in by]
        wrong = case((call_totals.c.outcome.in_(sorted(ENDED_WELL)), 0), else_=call_totals.c.calls)
        sums = [
            *(
                func.sum(call_totals.c[name]).label(name)
                for name in ("calls", "timed", "duration", "input_tokens", "output_tokens", "cost")
            ),
            func.sum(wrong).label("errors"),
            func.max(call_totals.c.last).label("last"),
        ]
        query = _filtered(select(*columns, *sums), call_totals, which).having(func.sum(call_totals.c.calls) > 0)
        query = query.group_by(*columns).order_by(*columns).offset(offset).limit(limit + 1)
        with self._database.reading() as connection:
            rows = connection.execute(query).mappings().all()
            shown = rows[:limit]
            buckets = _buckets(connection, which, by, shown)
        return [_total(row, by, buckets[tuple(row[name] for name in by)]) for row in shown], len(rows) > limit

    def of_operations(
        self, names: Collection[tuple[str, str]], *, outcome: Outcome, since: datetime
    ) -> dict[tuple[str, str], Took]:
        """Return how many calls of each service and operation ended so, and about how long they took."""
        columns = (call_durations.c.service, call_durations.c.operation, call_durations.c.bucket)
        query = (
            select(*columns, func.sum(call_durations.c.calls))
            .where(
                call_durations.c.day >= day_of(since),
                call_durations.c.outcome == outcome,
                call_durations.c.service.in_(sorted({service for service, _ in names})),
            )
            .group_by(*columns)
        )
        buckets: dict[tuple[str, str], dict[int, int]] = {name: {} for name in names}
        with self._database.reading() as connection:
            for service, operation, bucket, calls in connection.execute(query):
                if (service, operation) in buckets:
                    buckets[service, operation][bucket] = int(calls)
        return {
            name: Took(sum(counts.values()), percentile(counts, 0.5), percentile(counts, 0.95))
            for name, counts in buckets.items()
        }

    @staticmethod
    def change(connection: Connection, more: Iterable[CallRecord], less: Iterable[CallRecord]) -> None:
        """Count `more` and take `less` back, within a transaction that writes."""
        sums: dict[_Key, _Sums] = {}
        last: dict[_Key, datetime] = {}
        buckets: Counter[tuple[_Key, int]] = Counter()
        for sign, records in ((1, more), (-1, less)):
            for record in records:
                key = _key(record)
                each = _sums(record, sign)
                sums[key] = sums[key].plus(each) if key in sums else each
                last[key] = max(last.get(key, record.start), record.start)
                if record.duration is not None:
                    buckets[key, bucket_of(record.duration)] += sign
        # In order, so that a row changed here is found where a reader of the code looks for it: there is one writer.
        rows = [
            {**dict(zip(_KEY, key, strict=True)), **vars(each), "last": last[key]} for key, each in sorted(sums.items())
        ]
        _add(connection, call_totals, rows, key=_KEY)
        counts = [
            {**dict(zip(_KEY, key, strict=True)), "bucket": bucket, "calls": calls}
            for (key, bucket), calls in sorted(buckets.items())
            if calls
        ]
        _add(connection, call_durations, counts, key=(*_KEY, "bucket"))


def bucket_of(duration: timedelta) -> int:
    """Return the bucket in which a call that took `duration` is counted."""
    microseconds = min(duration // _MICROSECOND, _LONGEST)
    return 0 if microseconds < _MILLISECOND else 1 + math.floor(2 * math.log2(microseconds / _MILLISECOND))


def percentile(buckets: Mapping[int, int], share: float) -> timedelta | None:
    """Return about how long the call took that is slower than `share` of all; None when there are none."""
    rank = math.ceil(share * sum(buckets.values()))
    for bucket, calls in sorted(buckets.items()):
        rank -= calls
        if rank <= 0 and calls > 0:
            # The middle of a bucket, as ratios go: at most the fourth root of two off.
            return timedelta(milliseconds=0.7 if bucket == 0 else 2 ** ((bucket - 1) / 2 + 0.25))
    return None


def _buckets(
    connection: Connection, which: Which, by: Sequence[Dimension], rows: Sequence[RowMapping]
) -> dict[tuple[object, ...], dict[int, int]]:
    found: dict[tuple[object, ...], dict[int, int]] = {tuple(row[name] for name in by): {} for row in rows}
    columns = [call_durations.c[name] for name in by]
    query = select(*columns, call_durations.c.bucket, func.sum(call_durations.c.calls).label("calls"))
    query = _filtered(query, call_durations, which).group_by(*columns, call_durations.c.bucket)
    if columns and rows:
        # Rows are ordered by the first of them, so this is all that can matter to this page.
        query = query.where(columns[0] >= rows[0][by[0]], columns[0] <= rows[-1][by[0]])
    for row in connection.execute(query).mappings():
        key = tuple(row[name] for name in by)
        if key in found:
            found[key][row["bucket"]] = int(row["calls"])
    return found


def _filtered(query: Select[*tuple[object, ...]], table: Table, which: Which) -> Select[*tuple[object, ...]]:
    for name in ("caller", "service", "operation", "revision"):
        if value := getattr(which, name):
            query = query.where(table.c[name] == value)
    if which.outcomes:
        query = query.where(table.c.outcome.in_(sorted(which.outcomes)))
    if which.since is not None:
        query = query.where(table.c.day >= day_of(which.since))
    if which.until is not None:
        query = query.where(table.c.day <= day_of(which.until))
    return query


def day_of(moment: datetime) -> datetime:
    """Return the beginning of the day, in UTC, that holds `moment`."""
    return datetime.combine(moment.astimezone(UTC).date(), time(), UTC)


def _add(connection: Connection, table: Table, rows: Sequence[Mapping[str, object]], *, key: Sequence[str]) -> None:
    if not rows:
        return
    # Both databases know "on conflict do update", and SQLAlchemy has it with each of them.
    insert = (sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert)(table)
    changed: dict[str, object] = {}
    for column in table.columns:
        name, new = column.name, insert.excluded[column.name]
        if name == "last":
            changed[name] = case((new > column, new), else_=column)
        elif name not in key:
            changed[name] = column + new
    connection.execute(insert.on_conflict_do_update(index_elements=list(key), set_=changed), rows)


def _key(record: CallRecord) -> _Key:
    return (
        day_of(record.start),
        record.caller,
        record.service,
        record.operation,
        record.revision,
        record.outcome,
    )


def _sums(record: CallRecord, sign: int) -> _Sums:
    cost = 0.0 if record.cost_usd is None or not math.isfinite(record.cost_usd) else record.cost_usd
    timed = record.duration is not None
    return _Sums(
        calls=sign,
        timed=sign if timed else 0,
        duration=0 if record.duration is None else sign * min(record.duration // _MICROSECOND, _LONGEST),
        input_tokens=sign * min(record.input_tokens, _MOST),
        output_tokens=sign * min(record.output_tokens, _MOST),
        cost=sign * max(0, min(round(cost * _DOLLAR), _MOST * 1000)),
    )


def _total(row: RowMapping, by: Sequence[Dimension], buckets: Mapping[int, int]) -> CallTotal:
    told = {name: row[name] for name in by}
    timed = int(row["timed"])
    return CallTotal(
        **told,
        calls=int(row["calls"]),
        errors=int(row["errors"]),
        duration=int(row["duration"]) * _MICROSECOND if timed else None,
        p50=percentile(buckets, 0.5),
        p95=percentile(buckets, 0.95),
        input_tokens=int(row["input_tokens"]),
        output_tokens=int(row["output_tokens"]),
        cost_usd=int(row["cost"]) / _DOLLAR,
        last=row["last"],
    )
