"""What teams may spend, what workers hold of it, and what was spent.

The classes have the fields of their messages in `v1/registry.proto`, which says what they mean. Costs are in
thousand-millionths of a US dollar, so that they add up.
"""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal, TypeVar

from callboard_registry_api.connection import Connection
from callboard_registry_api.v1 import registry_pb2 as pb

Period = Literal["day", "month"]
"""For how long a budget is."""

PERIODS: Final[tuple[Period, ...]] = ("day", "month")

SpendingDimension = Literal["team", "caller", "operation", "model", "day"]
"""What spending can be told apart by."""

SPENDING_DIMENSIONS: Final[tuple[SpendingDimension, ...]] = ("team", "caller", "operation", "model", "day")

DOLLAR: Final = 1_000_000_000

_AT_ONCE: Final = 500

_Item = TypeVar("_Item")


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What a team may spend in a day or a month, be it for whoever calls or for one caller."""

    team: str
    caller: str
    period: str
    tokens: int | None
    cost: int | None
    author: str
    changed: datetime
    spent_tokens: int = 0
    spent_cost: int = 0
    held_tokens: int = 0
    held_cost: int = 0

    @classmethod
    def from_message(cls, message: pb.Budget) -> "Budget":
        """Read a budget off the wire."""
        return cls(
            team=message.team,
            caller=message.caller,
            period=message.period,
            tokens=message.tokens if message.HasField("tokens") else None,
            cost=message.cost if message.HasField("cost") else None,
            author=message.author,
            changed=message.changed.ToDatetime(tzinfo=UTC),
            spent_tokens=message.spent_tokens,
            spent_cost=message.spent_cost,
            held_tokens=message.held_tokens,
            held_cost=message.held_cost,
        )

    def to_message(self) -> pb.Budget:
        """Return the budget as it goes over the wire."""
        return pb.Budget(**vars(self))


@dataclass(frozen=True, kw_only=True)
class BlockUse:
    """What was spent of a block in all."""

    block: str
    tokens: int
    cost: int
    closed: bool = False


@dataclass(frozen=True, kw_only=True)
class BlockWish:
    """A block that a worker would like to have: for whom, and how much it must hold at least."""

    caller: str
    tokens: int = 0
    cost: int = 0


@dataclass(frozen=True, kw_only=True)
class Block:
    """What a worker may spend; or that there is no budget, or why there is no block."""

    caller: str
    limited: bool
    block: str = ""
    tokens: int = 0
    cost: int = 0
    lasts: float = 0.0
    short_of: str = ""

    @classmethod
    def from_message(cls, message: pb.Block) -> "Block":
        """Read a block off the wire."""
        return cls(
            caller=message.caller,
            limited=message.limited,
            block=message.block,
            tokens=message.tokens,
            cost=message.cost,
            lasts=message.lasts,
            short_of=message.short_of,
        )

    def to_message(self) -> pb.Block:
        """Return the block as it goes over the wire."""
        return pb.Block(**vars(self))


@dataclass(frozen=True, kw_only=True)
class ModelUse:
    """One call of a model."""

    key: str
    root: str
    caller: str
    operation: str
    model: str
    at: datetime
    input_tokens: int
    output_tokens: int
    cost: int | None

    @classmethod
    def from_message(cls, message: pb.ModelUse) -> "ModelUse":
        """Read it off the wire."""
        return cls(
            key=message.key,
            root=message.root,
            caller=message.caller,
            operation=message.operation,
            model=message.model,
            at=message.at.ToDatetime(tzinfo=UTC),
            input_tokens=message.input_tokens,
            output_tokens=message.output_tokens,
            cost=message.cost if message.HasField("cost") else None,
        )

    def to_message(self) -> pb.ModelUse:
        """Return it as it goes over the wire."""
        return pb.ModelUse(**vars(self))


@dataclass(frozen=True, kw_only=True)
class Spending:
    """What was spent, added up."""

    team: str = ""
    caller: str = ""
    operation: str = ""
    model: str = ""
    day: datetime | None = None
    calls: int = 0
    errors: int = 0
    model_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: int = 0
    unpriced: int = 0

    @property
    def cost_usd(self) -> float | None:
        """US dollars; None where models were asked and nobody knows the price of any of it."""
        return None if self.unpriced and self.unpriced == self.model_calls else self.cost / DOLLAR

    @classmethod
    def from_message(cls, message: pb.Spending) -> "Spending":
        """Read it off the wire."""
        return cls(
            team=message.team,
            caller=message.caller,
            operation=message.operation,
            model=message.model,
            day=message.day.ToDatetime(tzinfo=UTC) if message.HasField("day") else None,
            calls=message.calls,
            errors=message.errors,
            model_calls=message.model_calls,
            input_tokens=message.input_tokens,
            output_tokens=message.output_tokens,
            cost=message.cost,
            unpriced=message.unpriced,
        )

    def to_message(self) -> pb.Spending:
        """Return it as it goes over the wire."""
        return pb.Spending(**vars(self))


class BudgetsClient:
    """Budgets and spending of one registry."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def set(
        self, team: str, *, caller: str = "", period: Period, tokens: int | None = None, cost: int | None = None
    ) -> Budget:
        """Set a budget: as the administrator with their token, else as the team that signs."""
        message = await self._set(
            pb.SetBudgetRequest(team=team, caller=caller, period=period, tokens=tokens, cost=cost)
        )
        return Budget.from_message(message.budget)

    async def remove(self, team: str, *, caller: str = "", period: Period) -> None:
        """Take a budget away.

        Raises:
            RegistryNotFoundError: There is none.
        """
        await self._set(pb.SetBudgetRequest(team=team, caller=caller, period=period, remove=True))

    async def _set(self, request: pb.SetBudgetRequest) -> pb.SetBudgetResponse:
        if self._connection.signs_as_team:
            signed = request.SerializeToString()
            request, token = pb.SetBudgetRequest(signed=signed), self._connection.signed("SetBudget", signed)
        else:
            token = self._connection.administrator("SetBudget")
        return await self._connection.call("SetBudget", request, pb.SetBudgetResponse, token=token)

    async def list(self, team: str = "") -> tuple[Budget, ...]:
        """Return the budgets of one team, or of all."""
        response = await self._connection.call("ListBudgets", pb.ListBudgetsRequest(team=team), pb.ListBudgetsResponse)
        return tuple(Budget.from_message(each) for each in response.budgets)

    async def use(
        self, worker: str, *, uses: Sequence[BlockUse] = (), wishes: Sequence[BlockWish] = ()
    ) -> Sequence[Block]:
        """Say what was spent of blocks and take new ones, as the team that signs."""
        signed = pb.BudgetUse(
            worker=worker,
            uses=[pb.BlockUse(**vars(each)) for each in uses],
            wishes=[pb.BlockWish(**vars(each)) for each in wishes],
            # So whoever sends the request again, having overheard it or in doubt, takes nothing more.
            request=uuid.uuid4().hex,
        ).SerializeToString()
        response = await self._connection.call(
            "UseBudgets",
            pb.UseBudgetsRequest(signed=signed),
            pb.UseBudgetsResponse,
            token=self._connection.signed("UseBudgets", signed),
        )
        return tuple(Block.from_message(each) for each in response.blocks)

    async def report(self, uses: Sequence[ModelUse]) -> int:
        """Report what models were asked, as the team that signs; returns how many were new."""
        kept = 0
        for some in _parts(uses):
            batch = pb.ModelUses(uses=[each.to_message() for each in some]).SerializeToString()
            response = await self._connection.call(
                "ReportUsage",
                pb.ReportUsageRequest(batch=batch),
                pb.ReportUsageResponse,
                token=self._connection.signed("ReportUsage", batch),
            )
            kept += response.kept
        return kept

    async def spending(
        self,
        by: Iterable[SpendingDimension],
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        team: str = "",
        caller: str = "",
    ) -> tuple[Spending, ...]:
        """Return what was spent, a row for each combination of `by`; days are whole."""
        request = pb.SumSpendingRequest(by=list(by), since=since, until=until, team=team, caller=caller)
        response = await self._connection.call("SumSpending", request, pb.SumSpendingResponse)
        return tuple(Spending.from_message(each) for each in response.rows)


def _parts(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    for start in range(0, len(items), _AT_ONCE):
        yield items[start : start + _AT_ONCE]
