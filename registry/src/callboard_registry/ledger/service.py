"""What the registry answers about spending: who spent what, on whose behalf, on what, with which model, and when."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

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
_NO_MODELS: Final = (0,) * (len(_COUNTS) - 2)


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

    async def spending(self, which: WhichSpending, *, by: Sequence[str], models_only: bool = False) -> list[Spending]:
        """Return what was spent and how many calls were made, the most expensive first, or day by day.

        With `models_only` there is no row of calls for which no model was asked.
        """
        dimensions = _dimensions(by)
        return await self._threads.read(lambda: self._sum(which, dimensions, models_only=models_only))

    def _sum(
        self, which: WhichSpending, by: tuple[SpendingDimension, ...], *, models_only: bool = False
    ) -> list[Spending]:
        # An operation's name is only its own together with its team's.
        finest: tuple[SpendingDimension, ...] = (*by, "team") if "operation" in by and "team" not in by else by
        spent = self._ledger.sums(which, by=finest)
        called = [] if "model" in by else self._calls(which, by)
        full: Mapping[tuple[str, str], str] = _full_names(called) if "operation" in by else {}
        sums: dict[tuple[object, ...], list[int]] = {}
        for each in spent:
            name = full.get((each.team, each.operation), "") or f"{each.team}.{each.operation}"
            key = tuple(name if dimension == "operation" else getattr(each, dimension) for dimension in by)
            _add(sums, key, [getattr(each, count) for count in _COUNTS])
        for one in called:
            key = tuple(one.told[dimension] for dimension in by)
            if key in sums or not models_only:
                _add(sums, key, [one.calls, one.errors, *_NO_MODELS])
        rows = [
            Spending(**dict(zip(by, key, strict=True)), **dict(zip(_COUNTS, counts, strict=True)))  # pyright: ignore[reportArgumentType] - dimensions as they were read
            for key, counts in sums.items()
        ]
        if "day" in by:
            return sorted(rows, key=lambda row: (row.day or datetime.min.replace(tzinfo=UTC), *_weight(row)))
        return sorted(rows, key=_weight)

    def _calls(self, which: WhichSpending, by: tuple[SpendingDimension, ...]) -> "list[_Called]":
        # A service is called `<team>.v<number>`. Only who asks for teams or operations pays for telling services apart.
        names = [
            *(["service"] if "team" in by or "operation" in by else []),
            *(name for name in ("caller", "operation", "day") if name in by),
        ]
        columns = [call_totals.c[name] for name in names]
        wrong = case((call_totals.c.outcome.in_(sorted(ENDED_WELL)), 0), else_=call_totals.c.calls)
        query = select(*columns, func.sum(call_totals.c.calls).label("calls"), func.sum(wrong).label("errors"))
        if which.team:
            # What follows the dot in the order of characters: every service of the team lies between the two.
            query = query.where(call_totals.c.service >= f"{which.team}.", call_totals.c.service < f"{which.team}/")
        if which.caller:
            query = query.where(call_totals.c.caller == which.caller)
        if which.since is not None:
            query = query.where(call_totals.c.day >= day_of(which.since))
        if which.until is not None:
            query = query.where(call_totals.c.day < which.until)
        with self._database.reading() as connection:
            found = [
                tuple[Any, ...](row) for row in connection.execute(query.group_by(*columns))
            ]  # Any: as the table has it
        called: list[_Called] = []
        for row in found:
            calls, errors = int(row[-2] or 0), int(row[-1] or 0)  # Sums of nothing at all are NULL.
            if not calls:
                continue
            told: dict[str, object] = dict(zip(names, row[:-2], strict=True))
            if "service" in told:
                service, operation = str(told["service"]), str(told.get("operation", ""))
                told |= {"team": service.partition(".")[0], "operation": f"{service}.{operation}", "own": operation}
            called.append(_Called(told, calls, errors))
        return called


@dataclass(frozen=True)
class _Called:
    told: Mapping[str, object]
    """By dimension; `operation` with its service, and `own` without."""

    calls: int
    errors: int


def _full_names(called: "Sequence[_Called]") -> Mapping[tuple[str, str], str]:
    """Return the full name of each operation by its team and own name, where one service of the team has it."""
    full: dict[tuple[str, str], set[str]] = defaultdict(set)
    for one in called:
        full[str(one.told["team"]), str(one.told["own"])].add(str(one.told["operation"]))
    return {key: next(iter(names)) for key, names in full.items() if len(names) == 1}


def _add(sums: dict[tuple[object, ...], list[int]], key: tuple[object, ...], more: Sequence[int]) -> None:
    held = sums.get(key)
    sums[key] = list(more) if held is None else [one + other for one, other in zip(held, more, strict=True)]


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


def _weight(row: Spending) -> tuple[int, int, int, str]:
    name = "/".join((row.team, row.caller, row.operation, row.model))
    return -row.cost, -(row.input_tokens + row.output_tokens), -row.calls, name
