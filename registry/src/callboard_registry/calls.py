"""Call records: what teams reported, and what was derived where they did not."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final, TypeVar

from sqlalchemy import Connection, RowMapping, Select, and_, delete, not_, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from callboard_registry.database import Database
from callboard_registry.tables import call_horizon, calls
from callboard_registry.totals import Totals
from callboard_registry_api.audit import CallFilter
from callboard_registry_api.model import CallRecord

_MICROSECOND: Final = timedelta(microseconds=1)
_PRUNED_AT_ONCE: Final = 5000
_ASKED_AT_ONCE: Final = 500
_CANARY: Final = "-canary"

_IDENTITY: Final = ("reporter", "token_id", "endpoint", "operation", "outcome")
"""What makes two records the same: the token, who tells of it, and what is told."""

_Value = TypeVar("_Value")


class Calls:
    """What happened, in the order in which it became known.

    Of the records of one call, one that tells of its end is part of the sums: what the team that was called reported,
    before what was derived, before what the caller says.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, reporter: str, records: Sequence[CallRecord]) -> int:
        """Keep what `reporter` saw, and return how many records were new: a batch sent again adds nothing."""
        return self._keep([(reporter, record) for record in records], derived=False)

    def derive(self, records: Sequence[tuple[str, CallRecord]]) -> int:
        """Keep what the histories say and nobody reported; each record comes with the side that it is seen from."""
        return self._keep(records, derived=True)

    def page(
        self, which: CallFilter, *, after: int, limit: int, newest_first: bool = False
    ) -> tuple[list[CallRecord], int]:
        """Return records behind position `after` (0: from the start), and the position of the last."""
        order = calls.c.sequence.desc() if newest_first else calls.c.sequence
        query = _filtered(select(calls), which).order_by(order).limit(limit)
        if after:
            query = query.where(calls.c.sequence < after if newest_first else calls.c.sequence > after)
        with self._database.reading() as connection:
            rows = connection.execute(query).mappings().all()
        return [_record(row) for row in rows], rows[-1][calls.c.sequence] if rows else after

    def callers(self, service: str, revision: str, *, since: datetime) -> list[str]:
        """Return the teams that called this revision since then, or one that is not known, in order."""
        query = (
            select(calls.c.caller)
            .where(calls.c.service == service, calls.c.revision.in_((revision, "")), calls.c.start >= since)
            .where(calls.c.caller != "", calls.c.outcome != "refused")
            .distinct()
            .order_by(calls.c.caller)
        )
        with self._database.reading() as connection:
            return list(connection.scalars(query))

    def prune(self, before: datetime) -> int:
        """Drop the records of calls that were over before then, and return how many; their sums stay."""
        with self._database.writing() as connection:
            held = connection.scalar(select(call_horizon.c.before))
            # Never back: what is known to be counted would be counted again.
            horizon = before if held is None else max(held, before)
            connection.execute(delete(call_horizon))
            connection.execute(call_horizon.insert().values(before=horizon))
        pruned = 0
        while True:
            # In parts, so that reports of live calls get their turn in between.
            with self._database.writing() as connection:
                old = select(calls.c.sequence).where(calls.c.ended < horizon).limit(_PRUNED_AT_ONCE)
                gone = connection.execute(delete(calls).where(calls.c.sequence.in_(old))).rowcount
            pruned += gone
            if gone < _PRUNED_AT_ONCE:
                return pruned

    def _keep(self, told: Iterable[tuple[str, CallRecord]], *, derived: bool) -> int:
        with self._database.writing() as connection:
            horizon = connection.scalar(select(call_horizon.c.before))
            fresh = _distinct(each for each in told if horizon is None or _end(each[1]) >= horizon)
            if not fresh:
                return 0
            rows = [_columns(reporter, record, derived=derived) for reporter, record in fresh]
            tokens = sorted({record.token_id for _, record in fresh if record.token_id})
            before = _ends(connection, tokens)
            # Both databases know "on conflict do update", and SQLAlchemy has it with each of them.
            insert = (sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert)(calls)
            # A record that was derived gives way to the same one as it was reported, which knows more.
            new = {name: insert.excluded[name] for name in rows[0] if name not in (*_IDENTITY, "counted")}
            better = and_(calls.c.derived, not_(insert.excluded.derived))
            statement = insert.on_conflict_do_update(index_elements=list(_IDENTITY), set_=new, where=better)
            kept = len(connection.scalars(statement.returning(calls.c.sequence), rows).all())
            if kept:
                # Without a token there is nothing to tell by that two are of one call.
                alone = [record for _, record in fresh if not record.token_id and record.outcome != "started"]
                _count(connection, before, _ends(connection, tokens), alone)
            return kept


def _count(
    connection: Connection, before: Sequence[RowMapping], after: Sequence[RowMapping], alone: Sequence[CallRecord]
) -> None:
    """Have the sums say what `after` holds where they said what `before` held, and add what stands `alone`."""
    of_one_call: dict[object, list[RowMapping]] = defaultdict(list)
    for row in after:
        of_one_call[row["token_id"], row["endpoint"], row["operation"]].append(row)
    ends = [max(rows, key=_rank) for rows in of_one_call.values()]
    was: dict[int, CallRecord] = {row["sequence"]: _record(row) for row in before if row["counted"]}
    now: dict[int, CallRecord] = {row["sequence"]: _record(row) for row in ends}
    for counted, changed in ((True, now.keys() - was.keys()), (False, was.keys() - now.keys())):
        for some in _parts(sorted(changed)):
            connection.execute(update(calls).where(calls.c.sequence.in_(some)).values(counted=counted))
    more = [record for sequence, record in now.items() if was.get(sequence) != record]
    less = [record for sequence, record in was.items() if now.get(sequence) != record]
    Totals.change(connection, [*more, *alone], less)


def _rank(row: RowMapping) -> tuple[int, int]:
    by_provider = row["reporter"] == str(row["endpoint"]).removesuffix(_CANARY)
    # What came first stays: a call that is delivered again is refused, although its work was done.
    return 2 * by_provider + (not row["derived"]), -row["sequence"]


def _ends(connection: Connection, tokens: Sequence[str]) -> list[RowMapping]:
    query = select(calls).where(calls.c.outcome != "started")
    return [
        row for some in _parts(tokens) for row in connection.execute(query.where(calls.c.token_id.in_(some))).mappings()
    ]


def _parts(values: Sequence[_Value]) -> Iterator[Sequence[_Value]]:
    for start in range(0, len(values), _ASKED_AT_ONCE):
        yield values[start : start + _ASKED_AT_ONCE]


def _distinct(told: Iterable[tuple[str, CallRecord]]) -> list[tuple[str, CallRecord]]:
    """Return what is told without what is told again: one statement cannot change a row twice."""
    found: dict[object, tuple[str, CallRecord]] = {}
    for number, (reporter, record) in enumerate(told):
        identity = (reporter, record.token_id, record.endpoint, record.operation, record.outcome)
        found.setdefault(identity if record.token_id else number, (reporter, record))
    return list(found.values())


def _filtered(query: Select[*tuple[object, ...]], which: CallFilter) -> Select[*tuple[object, ...]]:
    for name in ("root", "caller", "service", "operation", "entity"):
        if value := getattr(which, name):
            query = query.where(calls.c[name] == value)
    if which.team:
        mine = or_(calls.c.caller == which.team, calls.c.endpoint.in_((which.team, which.team + _CANARY)))
        query = query.where(mine)
    if which.outcomes:
        query = query.where(calls.c.outcome.in_(sorted(which.outcomes)))
    if which.since is not None:
        query = query.where(calls.c.start >= which.since)
    if which.until is not None:
        query = query.where(calls.c.start < which.until)
    return query


def _columns(reporter: str, record: CallRecord, *, derived: bool) -> dict[str, object]:
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
        "derived": derived,
        "counted": not record.token_id and record.outcome != "started",
        "ended": _end(record),
    }


def _end(record: CallRecord) -> datetime:
    try:
        return record.start + (record.duration or timedelta(0))
    except OverflowError:
        return record.start


def _record(row: RowMapping) -> CallRecord:
    duration = row["duration"]
    return CallRecord(
        root=row["root"],
        token_id=row["token_id"] or "",
        caller=row["caller"],
        endpoint=row["endpoint"],
        service=row["service"],
        operation=row["operation"],
        start=row["start"],
        outcome=row["outcome"],
        duration=None if duration is None else duration * _MICROSECOND,
        person=row["person"],
        revision=row["revision"],
        build=row["build"],
        entity=row["entity"],
        reason=row["reason"],
        input_tokens=row["input_tokens"],
        output_tokens=row["output_tokens"],
        cost_usd=row["cost_usd"],
        reporter=row["reporter"],
        derived=row["derived"],
    )
