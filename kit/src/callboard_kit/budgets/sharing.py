"""What a run may spend, and what it lends to those it calls, so that together they never spend more.

A run has a purse: what its caller let it have of the tree's budget. Before anything is spent it is lent: to a model
call the worst that it can cost, to an operation of another team a share that goes into its token as its limits. When
that is over, what was really spent stays gone and the rest comes back. What is lent is nobody else's meanwhile, so
whatever goes on at the same time cannot spend it twice.

Everything here is deterministic and safe in a workflow. Money is counted in thousand-millionths of a dollar, so that
what is lent and what comes back add up.
"""

import math
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Final

from callboard_contracts import Usage
from callboard_kit.bound import bound
from callboard_kit.limits import Limits

_DOLLAR: Final = 1_000_000_000


@dataclass(frozen=True)
class Amount:
    """So much of everything that a purse holds."""

    tokens: int = 0
    nanos: int = 0
    """Thousand-millionths of a US dollar."""

    calls: int = 0

    @classmethod
    def of(cls, usage: Usage) -> "Amount":
        """Return what model calls took. A cost that nobody knows counts as none."""
        return cls(tokens=usage.input_tokens + usage.output_tokens, nanos=nanos(usage.cost_usd or 0.0))

    @classmethod
    def within(cls, limits: Limits) -> "Amount":
        """Return all that `limits` allow."""
        return cls(limits.tokens, nanos(limits.cost_usd), limits.calls)

    @property
    def cost_usd(self) -> float:
        """US dollars."""
        return self.nanos / _DOLLAR

    def least(self, other: "Amount") -> "Amount":
        """Return the smaller of both in every respect."""
        return Amount(min(self.tokens, other.tokens), min(self.nanos, other.nanos), min(self.calls, other.calls))

    def over(self, parts: int) -> "Amount":
        """Return one of so many equal parts, rounded down."""
        return Amount(self.tokens // parts, self.nanos // parts, self.calls // parts)

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.tokens + other.tokens, self.nanos + other.nanos, self.calls + other.calls)

    def __sub__(self, other: "Amount") -> "Amount":
        return Amount(self.tokens - other.tokens, self.nanos - other.nanos, self.calls - other.calls)


NOTHING: Final = Amount()


def nanos(cost_usd: float) -> int:
    """Return US dollars in thousand-millionths, rounded down; a little is added for what a float cannot say."""
    return math.floor(cost_usd * _DOLLAR + 0.01)


class Purse:
    """What one run, or one agent in it, may spend. Not safe to share between threads; a workflow has one."""

    def __init__(self, held: Amount, *, above: "Purse | None" = None) -> None:
        """Hold so much; what is spent of it is spent of `above` too, and never more than is there."""
        self._held = held
        self._above = above
        self.spent = NOTHING
        """What is gone for good."""

        self.agents = 0
        """How many agents work in this run at the same time."""

    @classmethod
    def within(cls, limits: Limits, *, above: "Purse | None" = None) -> "Purse":
        """Return a purse with what `limits` allow."""
        return cls(Amount.within(limits), above=above)

    @property
    def free(self) -> Amount:
        """What is neither spent nor lent."""
        held = Amount(max(0, self._held.tokens), max(0, self._held.nanos), max(0, self._held.calls))
        return held if self._above is None else held.least(self._above.free)

    def lend(self, wanted: Amount) -> "Loan":
        """Lend as much of `wanted` as there is."""
        given = wanted.least(self.free)
        self._change(NOTHING - given)
        return Loan(self, given)

    def add(self, more: Amount) -> None:
        """Put more in, up to what is above."""
        self._held = self._held + more

    def spend(self, amount: Amount) -> None:
        """Take note of what was spent without a loan, be it more than there was."""
        self._settle(NOTHING, amount)

    def _settle(self, lent: Amount, spent: Amount) -> None:
        self._change(lent - spent)
        purse: Purse | None = self
        while purse is not None:
            purse.spent = purse.spent + spent
            purse = purse._above

    def _change(self, by: Amount) -> None:
        self._held = self._held + by
        if self._above is not None:
            self._above._change(by)


class Loan:
    """A part of a purse that somebody else may spend now."""

    def __init__(self, purse: Purse, given: Amount) -> None:
        self._purse = purse
        self._open = True
        self.given = given
        """How much it is."""

    def settle(self, spent: Amount) -> None:
        """Say what was really spent; the rest goes back. Only the first time counts."""
        if self._open:
            self._open = False
            self._purse._settle(self.given, spent)  # pyright: ignore[reportPrivateUsage] - two halves of one thing

    def forfeit(self) -> None:
        """Count all of it as spent: nobody said how much was."""
        self.settle(self.given)


def tightened(limits: Limits, given: Amount) -> Limits:
    """Return `limits` with no more to spend than was given."""
    return limits.model_copy(
        update={
            "tokens": min(limits.tokens, given.tokens),
            "cost_usd": min(limits.cost_usd, given.cost_usd),
            "calls": min(limits.calls, given.calls),
        }
    )


_purse: Final[ContextVar[Purse | None]] = ContextVar("callboard_purse", default=None)
_parts: Final[ContextVar[int]] = ContextVar("callboard_parts", default=0)


def purse() -> Purse | None:
    """Return the purse of the run, or of the agent, that this code is part of; None where nobody counts."""
    return _purse.get()


@contextmanager
def paying_from(held: Purse | None) -> Generator[None]:
    """Have what is called in this block paid from `held`."""
    with bound(_purse, held):
        yield


@contextmanager
def one_of(parts: int) -> Generator[None]:
    """Give a call that is made in this block one of so many equal parts of what is free."""
    with bound(_parts, max(1, parts)):
        yield


AGENTS_PART: Final = 2
"""An agent that is called gets one of so many parts of what is free, where its caller says nothing else."""

OTHERS_PART: Final = 10
"""So does an operation that is no agent, and has little to spend."""

FEW_CALLS: Final = 100
"""So many calls are let out of hand although they are more than a part, up to half of what is free."""


def share(held: Purse, *, agent: bool) -> Amount:
    """Return what a call may have of `held`.

    Several calls at the same time each get a part of what those before them left, so that they never have more than
    there is together; what they do not spend comes back for the next. Whoever knows how many there will be says so
    with `one_of`, and they get equal parts.
    """
    free, parts = held.free, _parts.get()
    if parts:
        return free.over(parts)
    part = free.over(AGENTS_PART if agent else OTHERS_PART)
    # Of few calls it is a larger part, so that whoever is called can call somebody at all.
    return replace(part, calls=max(part.calls, min(free.calls // 2, FEW_CALLS)))
