"""Where budgets are kept: what was set, what was reported as spent, and what workers hold in blocks.

All of it is changed by transactions that take turns, so that of what is left nobody is ever given what another has
been given at the same time.
"""

import hashlib
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, case, delete, func, select, update

from callboard_registry.budgets.tables import budget_signatures
from callboard_registry.database import Database, upsert
from callboard_registry.policies import StaleError
from callboard_registry.tables import budget_blocks, budget_spent, budgets
from callboard_registry_api.budgets import Block, BlockUse, BlockWish, Budget, Period

LIFETIME: Final = timedelta(minutes=10)
"""How long a block may be spent. What of it was not reported as spent by then is free again."""

PART: Final = 20
"""A block is one of so many parts of the tightest budget, or more where more is needed at once."""

KEPT: Final = timedelta(days=2)
"""How long a block that is over is known, for a worker that was cut off and reports late."""

MOST: Final = 10**15

_PROVES_NOTHING: Final = 3600
"""Seconds after which no token that was signed then is taken, whatever the clocks say."""

_HAS_ENDED: Final = timedelta(days=62)


@dataclass(frozen=True)
class _Room:
    """What is left of one budget. None: any amount."""

    budget: RowMapping
    tokens: int | None
    cost: int | None


class BudgetBook:
    """The budgets of one registry."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def set(
        self,
        team: str,
        caller: str,
        period: Period,
        *,
        tokens: int | None,
        cost: int | None,
        author: str,
        signed_at: int | None = None,
    ) -> Budget:
        """Set one budget; what was spent and is held stays as it is. To set it as it is already changes nothing.

        Args:
            team: Whose.
            caller: For whose calls; empty for everybody's.
            period: For how long.
            tokens: How many; None for any number.
            cost: How much, in thousand-millionths of a US dollar; None for any amount.
            author: Who says so.
            signed_at: When, by the clock of whoever signed it, in seconds since 1970. None: nobody did.

        Raises:
            StaleError: It was not signed after the last change of this budget, and says something else.
        """
        now = datetime.now(UTC)
        row = {
            "team": team,
            "caller": caller,
            "period": period,
            "tokens": tokens,
            "cost": cost,
            "author": author,
            "changed": now,
        }
        this = and_(*(budgets.c[name] == row[name] for name in ("team", "caller", "period")))
        with self._database.writing() as connection:
            before = _held(connection, this)
            if not before or (before[0]["tokens"], before[0]["cost"]) != (tokens, cost):
                _mark(connection, team, caller, period, signed_at)
                connection.execute(upsert(connection, budgets, row, key=("team", "caller", "period")))
            [held] = _held(connection, this)
            return _shown(connection, held, now)

    def remove(self, team: str, caller: str, period: Period, *, signed_at: int | None = None) -> bool:
        """Take one budget away; tell whether there was one.

        Raises:
            StaleError: It was not signed after the last change of this budget.
        """
        with self._database.writing() as connection:
            mine = and_(budgets.c.team == team, budgets.c.caller == caller, budgets.c.period == period)
            if not connection.execute(delete(budgets).where(mine)).rowcount:
                return False
            _mark(connection, team, caller, period, signed_at)
            return True

    def all(self, team: str = "") -> list[Budget]:
        """Return the budgets of one team, or of all, with what is spent and held of each now."""
        now = datetime.now(UTC)
        with self._database.reading() as connection:
            which = budgets.c.team == team if team else budgets.c.team != ""
            return [_shown(connection, row, now) for row in _held(connection, which)]

    def use(
        self,
        team: str,
        worker: str,
        uses: Sequence[BlockUse],
        wishes: Sequence[BlockWish],
        *,
        request: str = "",
        now: datetime | None = None,
    ) -> list[Block]:
        """Take down what was spent of blocks, and return the blocks that are wished for, or why there is none.

        A `request` that comes again gets the blocks that it got; one without a name gets new ones.
        """
        now = now or datetime.now(UTC)
        with self._database.writing() as connection:
            for use in uses:
                _spend(connection, team, use, now)
            names = [_block_name(team, worker, request, place) for place in range(len(wishes))]
            given = [_give(connection, team, worker, wish, now, name) for name, wish in zip(names, wishes, strict=True)]
            connection.execute(
                delete(budget_blocks).where(budget_blocks.c.team == team, budget_blocks.c.expires < now - KEPT)
            )
            old = budget_spent.c.day < now - _HAS_ENDED
            connection.execute(delete(budget_spent).where(budget_spent.c.team == team, old))
        return given


def _mark(connection: Connection, team: str, caller: str, period: Period, signed_at: int | None) -> None:
    """Take down when a change of a budget was signed, and let no other in that was signed before: somebody kept it."""
    now = int(datetime.now(UTC).timestamp())
    this = {"team": team, "caller": caller, "period": period}
    place = and_(*(budget_signatures.c[name] == value for name, value in this.items()))
    last = connection.scalar(select(budget_signatures.c.signed_at).where(place))
    # Two of the same second: which came first cannot be told.
    if signed_at is not None and last is not None and signed_at <= last:
        raise StaleError
    marked = max(now if signed_at is None else signed_at, last or 0)
    row = {**this, "signed_at": marked}
    connection.execute(upsert(connection, budget_signatures, row, key=tuple(this)))
    # What was signed so long ago proves nothing any more, so it need not be told from what came after.
    connection.execute(delete(budget_signatures).where(budget_signatures.c.signed_at < now - _PROVES_NOTHING))


def _block_name(team: str, worker: str, request: str, place: int) -> str:
    if not request:
        return uuid.uuid4().hex
    return hashlib.sha256("\0".join((team, worker, request, str(place))).encode()).hexdigest()[:32]


def _spend(connection: Connection, team: str, use: BlockUse, now: datetime) -> None:
    """Take down what a worker says it has spent of a block in all: said twice, it is the same."""
    mine = and_(budget_blocks.c.id == use.block, budget_blocks.c.team == team)
    held = connection.execute(select(budget_blocks).where(mine)).mappings().one_or_none()
    if held is None:
        return
    # Never less than before: what came late must not take back what came in between.
    tokens = max(held["used_tokens"], min(use.tokens, MOST))
    cost = max(held["used_cost"], min(use.cost, MOST))
    changed: dict[str, object] = {"used_tokens": tokens, "used_cost": cost}
    if use.closed:
        changed["expires"] = min(held["expires"], now)
    connection.execute(update(budget_blocks).where(mine).values(changed))
    more_tokens, more_cost = tokens - held["used_tokens"], cost - held["used_cost"]
    if not more_tokens and not more_cost:
        return
    key = {"team": team, "caller": held["caller"], "day": _day(now)}
    place = and_(*(budget_spent.c[name] == value for name, value in key.items()))
    add = {"tokens": budget_spent.c.tokens + more_tokens, "cost": budget_spent.c.cost + more_cost}
    if not connection.execute(update(budget_spent).where(place).values(add)).rowcount:
        connection.execute(budget_spent.insert().values(**key, tokens=more_tokens, cost=more_cost))


def _give(connection: Connection, team: str, worker: str, wish: BlockWish, now: datetime, block: str) -> Block:
    had = connection.execute(select(budget_blocks).where(budget_blocks.c.id == block)).mappings().one_or_none()
    if had is not None:
        left = max((had["expires"] - now).total_seconds(), 0.0)
        tokens, cost = had["tokens"], had["cost"]
        return Block(caller=had["caller"], limited=True, block=block, tokens=tokens, cost=cost, lasts=left)
    about = and_(budgets.c.team == team, budgets.c.caller.in_(("", wish.caller)))
    rooms = [_room(connection, row, now) for row in _held(connection, about)]
    if not rooms:
        return Block(caller=wish.caller, limited=False)
    for room in rooms:
        if short := _short(room, wish):
            return Block(caller=wish.caller, limited=True, short_of=short)
    tokens = _size(wish.tokens, [(room.tokens, room.budget["tokens"]) for room in rooms])
    cost = _size(wish.cost, [(room.cost, room.budget["cost"]) for room in rooms])
    lasts = min(LIFETIME, _day(now) + timedelta(days=1) - now)
    connection.execute(
        budget_blocks.insert().values(
            id=block,
            team=team,
            caller=wish.caller,
            worker=worker,
            tokens=tokens,
            cost=cost,
            used_tokens=0,
            used_cost=0,
            expires=now + lasts,
        )
    )
    return Block(caller=wish.caller, limited=True, block=block, tokens=tokens, cost=cost, lasts=lasts.total_seconds())


def _size(wanted: int, rooms: Iterable[tuple[int | None, int | None]]) -> int:
    """Return how large a block is: a part of the tightest budget, what is wanted, and no more than is left."""
    known = [(left, limit) for left, limit in rooms if left is not None and limit is not None]
    if not known:
        return MOST
    return min(max(wanted, min(limit for _, limit in known) // PART), min(left for left, _ in known))


def _short(room: _Room, wish: BlockWish) -> str:
    """Return which budget has less left than is wished for, in words; nothing when it has enough."""
    budget = room.budget
    whose = f"team {budget['team']!r}" + (f" for caller {budget['caller']!r}" if budget["caller"] else "")
    if room.tokens is not None and (room.tokens <= 0 or room.tokens < wish.tokens):
        left, limit = max(0, room.tokens), budget["tokens"]
        return f"the budget of {whose} by {budget['period']} has {left:,} of {limit:,} tokens left"
    if room.cost is not None and (room.cost <= 0 or room.cost < wish.cost):
        left, limit = max(0, room.cost) / 1e9, budget["cost"] / 1e9
        return f"the budget of {whose} by {budget['period']} has US$ {left:.4f} of {limit:.2f} left"
    return ""


def _room(connection: Connection, budget: RowMapping, now: datetime) -> _Room:
    spent_tokens, spent_cost, held_tokens, held_cost = _taken(connection, budget, now)
    tokens, cost = budget["tokens"], budget["cost"]
    return _Room(
        budget,
        None if tokens is None else tokens - spent_tokens - held_tokens,
        None if cost is None else cost - spent_cost - held_cost,
    )


def _taken(connection: Connection, budget: RowMapping, now: datetime) -> tuple[int, int, int, int]:
    """Return what is spent in the period that is now, and what is held in blocks: tokens and cost of each."""
    begins = _day(now) if budget["period"] == "day" else _day(now).replace(day=1)
    spent = select(func.sum(budget_spent.c.tokens), func.sum(budget_spent.c.cost)).where(
        budget_spent.c.team == budget["team"], budget_spent.c.day >= begins
    )
    held = select(
        func.sum(_at_least_nothing(budget_blocks.c.tokens - budget_blocks.c.used_tokens)),
        func.sum(_at_least_nothing(budget_blocks.c.cost - budget_blocks.c.used_cost)),
    ).where(budget_blocks.c.team == budget["team"], budget_blocks.c.expires > now)
    if budget["caller"]:
        spent = spent.where(budget_spent.c.caller == budget["caller"])
        held = held.where(budget_blocks.c.caller == budget["caller"])
    both = (*connection.execute(spent).one(), *connection.execute(held).one())
    spent_tokens, spent_cost, held_tokens, held_cost = (min(MOST, int(value or 0)) for value in both)
    return spent_tokens, spent_cost, held_tokens, held_cost


def _at_least_nothing(value: ColumnElement[int]) -> ColumnElement[int]:
    return case((value > 0, value), else_=0)


def _held(connection: Connection, which: ColumnElement[bool]) -> Sequence[RowMapping]:
    query = select(budgets).where(which).order_by(budgets.c.team, budgets.c.caller, budgets.c.period)
    return connection.execute(query).mappings().all()


def _shown(connection: Connection, row: RowMapping, now: datetime) -> Budget:
    spent_tokens, spent_cost, held_tokens, held_cost = _taken(connection, row, now)
    return Budget(
        **row,
        spent_tokens=spent_tokens,
        spent_cost=spent_cost,
        # Of what has no limit, blocks hold any amount.
        held_tokens=0 if row["tokens"] is None else held_tokens,
        held_cost=0 if row["cost"] is None else held_cost,
    )


def _day(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
