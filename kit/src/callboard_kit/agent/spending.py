"""What one run of an agent may spend, looked at before each model call with the worst that it can cost."""

from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Final, Literal

from temporalio import workflow

from callboard_contracts import Usage
from callboard_kit import mesh
from callboard_kit.agent.estimating import LONGEST_ANSWER, SHORTEST_ANSWER, tokens_read
from callboard_kit.agent.messages import ModelRequest
from callboard_kit.agent.outcome import Limits
from callboard_kit.budgets.granting import AskForMore, Granting
from callboard_kit.budgets.sharing import Amount, Loan, Purse, nanos, purse
from callboard_kit.limits import NEVER

Short = Literal["max_tokens", "max_cost", "max_time"]
"""What there is not enough of."""

_NO_LIMIT: Final = 10**15


@dataclass(frozen=True)
class Paid:
    """A model call that may be made, and what it may take."""

    request: ModelRequest
    loan: Loan


class Spending:
    """The purse of one agent. Enter it for as long as the agent works."""

    def __init__(self, limits: Limits, *, more: AskForMore | None, name: str) -> None:
        self._run = purse()
        self._limits = limits
        cost = _NO_LIMIT if limits.max_cost_usd is None else nanos(limits.max_cost_usd)
        self.purse = Purse(Amount(limits.max_tokens, cost, _NO_LIMIT), above=self._run)
        self._granting = Granting(more, agent=name, own=self.purse, run=self._run)
        self.tight: Short = "max_cost"
        """What the last model call could have too little of."""

        self.waiting = 0
        """How many calls of the step at hand have not begun."""

    def __enter__(self) -> "Spending":
        if self._run is not None:
            self._run.agents += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._run is not None:
            self._run.agents -= 1

    @property
    def parts(self) -> int:
        """Of how many parts the call that begins now gets one: as many as may go on at the same time."""
        return max(1, self.waiting) * max(1, 1 if self._run is None else self._run.agents)

    def short_of(self, request: ModelRequest) -> Short | None:
        """Return what there is too little of for the shortest answer to `request`; None when there is enough."""
        if seconds_left() <= 0:
            return "max_time"
        free = self.purse.free
        if free.tokens < tokens_read(request) + SHORTEST_ANSWER:
            return "max_tokens"
        # What a token costs is known where the model is asked; that nothing is left is known here.
        return "max_cost" if self._limits.max_cost_usd is not None and free.nanos <= 0 else None

    async def more(self, short: Short, words: str) -> bool:
        """Ask a person for more, where the agent may; tell whether there is some now."""
        return short != "max_time" and await self._granting.ask(short, words)

    def pay(self, request: ModelRequest) -> Paid:
        """Lend a model call the worst that it can cost."""
        worst = tokens_read(request) + LONGEST_ANSWER
        agents = max(1, 1 if self._run is None else self._run.agents)
        loan = self.purse.lend(Amount(worst, self.purse.free.nanos // agents, 0))
        told: dict[str, object] = {}
        self.tight = "max_tokens" if loan.given.tokens < worst else "max_cost"
        if self._limits.max_cost_usd is not None:
            told["budget_usd"] = loan.given.cost_usd
        if loan.given.tokens < worst:
            told["budget_tokens"] = loan.given.tokens
        return Paid(request.model_copy(update=told), loan)

    def note(self, usage: Usage) -> None:
        """Count what was spent without a loan."""
        self.purse.spend(Amount.of(usage))

    def note_called(self, usage: Usage) -> None:
        """Count what a called agent says it spent, where nobody else does."""
        if self._run is None:
            self.note(usage)

    def in_time(self, patience: timedelta) -> timedelta:
        """Return `patience`, or what is left to the tree if that is less."""
        left = seconds_left()
        return patience if left >= patience.total_seconds() else timedelta(seconds=max(left, 0.001))

    def limit_in_words(self, reason: str) -> str:
        """Return which limit was reached; nothing when `reason` is another."""
        match reason:
            case "max_steps":
                return f"{self._limits.max_steps} steps"
            case "max_tokens":
                return f"{self._limits.max_tokens} tokens"
            case "max_cost":
                return f"{self._limits.max_cost_usd or 0:g} US dollars"
            case "max_time":
                return "the wall time of its tree"
            case _:
                return ""

    def money_left(self) -> float | None:
        """Return US dollars; None when nobody counts them."""
        return None if self._limits.max_cost_usd is None else self.purse.free.cost_usd


def seconds_left() -> float:
    """Return how much of its wall time the tree at hand has left."""
    call = mesh.maybe_current()
    return NEVER if call is None or call.limits.ends == NEVER else call.limits.ends - workflow.time()
