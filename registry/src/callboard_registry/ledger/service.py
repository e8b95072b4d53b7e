"""What the registry answers about spending: who spent what, on whose behalf, on what, with which model, and when."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, cast

from google.protobuf.message import DecodeError
from sqlalchemy import case, func, select

from callboard_registry.access import Proving
from callboard_registry.database import Database
from callboard_registry.ledger.keeping import Ledger, WhichSpending
from callboard_registry.refusals import Refusal
from callboard_registry.tables import call_totals
from callboard_registry.threads import Threads
from callboard_registry.totals import ENDED_WELL, day_of
from callboard_registry_api.budgets import SPENDING_DIMENSIONS, ModelUse, Spending, SpendingDimension
from callboard_registry_api.v1 import registry_pb2 as pb

MOST_AT_ONCE: Final = 1000
LONGEST: Final = 300
_MOST: Final = 2**53
_AHEAD: Final = timedelta(days=1)
_COUNTS: Final = ("calls", "errors", "model_calls", "input_tokens", "output_tokens", "cost", "unpriced")


class SpendingService:
    """Takes reports of what models were asked, and adds up. Methods raise `Refusal` for what is not granted."""

    def __init__(self, database: Database, *, proving: Proving, threads: Threads) -> None:
        self._database = database
        self._proving = proving
        self._threads = threads
        self._ledger = Ledger(database)

    async def report(self, batch: bytes, *, token: str | None) -> int:
        """Keep what the team that signed the batch asked of models; returns how many uses were new."""

        def checked() -> list[tuple[str, ModelUse]]:
            team = self._proving.team(token, "ReportUsage", batch).team
            return [(team, use) for use in read_uses(batch)]

        told = await self._threads.read(checked)
        return await self._threads.write(lambda: self._ledger.add(told))

    async def spending(self, which: WhichSpending, *, by: Sequence[str]) -> list[Spending]:
        """Return what was spent and how many calls were made, the most expensive first, or day by day."""
        dimensions = _dimensions(by)
        return await self._threads.read(lambda: self._sum(which, dimensions))

    def _sum(self, which: WhichSpending, by: tuple[SpendingDimension, ...]) -> list[Spending]:
        finest: tuple[SpendingDimension, ...] = (*by, "team") if "team" not in by else by
        spent = self._ledger.sums(which, by=finest)
        called = [] if "model" in by else self._calls(which, by)
        if "operation" in by:
            spent = _with_services(spent, called)
        rows: dict[tuple[object, ...], Spending] = {}
        for each in (*spent, *(one.spending for one in called)):
            key = tuple(getattr(each, name) for name in by)
            told = replace(each, **{name: _nothing(name) for name in SPENDING_DIMENSIONS if name not in by})
            rows[key] = _plus(rows[key], told) if key in rows else told
        if "day" in by:
            return sorted(rows.values(), key=lambda row: (row.day or datetime.min.replace(tzinfo=UTC), *_weight(row)))
        return sorted(rows.values(), key=_weight)

    def _calls(self, which: WhichSpending, by: tuple[SpendingDimension, ...]) -> "list[_Called]":
        names = ["service", *(name for name in ("caller", "operation", "day") if name in by)]
        columns = [call_totals.c[name] for name in names]
        wrong = case((call_totals.c.outcome.in_(sorted(ENDED_WELL)), 0), else_=call_totals.c.calls)
        query = select(*columns, func.sum(call_totals.c.calls).label("calls"), func.sum(wrong).label("errors"))
        if which.caller:
            query = query.where(call_totals.c.caller == which.caller)
        if which.since is not None:
            query = query.where(call_totals.c.day >= day_of(which.since))
        if which.until is not None:
            query = query.where(call_totals.c.day < which.until)
        with self._database.reading() as connection:
            found = connection.execute(query.group_by(*columns)).mappings().all()
        called: list[_Called] = []
        for row in found:
            # A service is called `<team>.v<number>`.
            team = str(row["service"]).partition(".")[0]
            if not row["calls"] or (which.team and team != which.team):
                continue
            operation = f"{row['service']}.{row['operation']}" if "operation" in row else ""
            spending = Spending(
                team=team,
                caller=row.get("caller", ""),
                operation=operation,
                day=row.get("day"),
                calls=int(row["calls"]),
                errors=int(row["errors"]),
            )
            called.append(_Called(str(row.get("operation", "")), spending))
        return called


@dataclass(frozen=True)
class _Called:
    operation: str
    """Its name without the service."""

    spending: Spending


def read_uses(batch: bytes) -> list[ModelUse]:
    """Return the uses of models in a batch.

    Raises:
        Refusal: It is none, too large, or holds what cannot be counted.
    """
    try:
        message = pb.ModelUses.FromString(batch)
    except DecodeError as error:
        raise Refusal("invalid", "batch", "batch is no serialized ModelUses") from error
    if len(message.uses) > MOST_AT_ONCE:
        raise Refusal("invalid", "batch", f"a batch holds at most {MOST_AT_ONCE} uses, not {len(message.uses)}")
    return [_read(each, number) for number, each in enumerate(message.uses)]


def _read(message: pb.ModelUse, number: int) -> ModelUse:
    try:
        use = ModelUse.from_message(message)
    except (ValueError, OverflowError) as error:
        raise Refusal("invalid", f"uses[{number}].at", "at is no time between the years 1 and 9999") from error
    if use.at > datetime.now(UTC) + _AHEAD:
        raise Refusal("invalid", f"uses[{number}].at", "at lies in the future; compare the two machines' clocks")
    for name in ("key", "caller", "operation", "model", "root"):
        text = getattr(use, name)
        if len(text) > LONGEST or "\x00" in text or (name == "key" and not text):
            raise Refusal(
                "invalid", f"uses[{number}].{name}", f"{name} has 1 to {LONGEST} characters, none of them NUL"
            )
    for name in ("input_tokens", "output_tokens", "cost"):
        if not 0 <= (getattr(use, name) or 0) <= _MOST:
            raise Refusal("invalid", f"uses[{number}].{name}", f"{name} is a number from 0 on, not larger than 2**53")
    return use


def _dimensions(by: Sequence[str]) -> tuple[SpendingDimension, ...]:
    if unknown := [name for name in by if name not in SPENDING_DIMENSIONS]:
        raise Refusal("invalid", "by", f"{unknown[0]!r} is none of {', '.join(SPENDING_DIMENSIONS)}")
    if len(set(by)) != len(by):
        raise Refusal("invalid", "by", f"{list(by)!r} says something twice; say each once")
    return cast("tuple[SpendingDimension, ...]", tuple(by))


def _with_services(spent: Sequence[Spending], called: "Sequence[_Called]") -> list[Spending]:
    """Give uses of models the operation's full name, where one service of the team has it, else the team's name."""
    full: dict[tuple[str, str], set[str]] = defaultdict(set)
    for each in called:
        full[each.spending.team, each.operation].add(each.spending.operation)
    return [
        replace(each, operation=next(iter(names)) if len(names := full[each.team, each.operation]) == 1 else _own(each))
        for each in spent
    ]


def _own(spending: Spending) -> str:
    return f"{spending.team}.{spending.operation}"


def _nothing(name: SpendingDimension) -> object:
    return None if name == "day" else ""


def _plus(one: Spending, other: Spending) -> Spending:
    return replace(one, **{name: getattr(one, name) + getattr(other, name) for name in _COUNTS})


def _weight(row: Spending) -> tuple[int, int, int, str]:
    name = "/".join((row.team, row.caller, row.operation, row.model))
    return -row.cost, -(row.input_tokens + row.output_tokens), -row.calls, name
