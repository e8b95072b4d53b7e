"""Who may call what: a provider's policy, default deny.

A policy belongs to the team that is called. Nothing is allowed unless a rule says so, not even to the team's own
namespace. A rule allows a *caller*, the namespace that signed the call. Where the operation has an effect, it also
judges everyone the caller acts for: whoever stands at the root of the tree or between the root and the caller must
be named too, so that asking an agent in words never gives a right the asker does not have itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import ConfigDict, Field

from callboard_contracts import Effect, Message
from callboard_kit.approvals.terms import Demand

ANYONE: Final = "*"
"""In `callers` or `on_behalf_of`: every team. In `operations`: every operation of the services named."""


class Rule(Message):
    """One permission, named so that a refusal and an audit can point at it."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1)
    """What to call the rule in refusals and call records."""

    callers: tuple[str, ...] = Field(min_length=1)
    """The teams that may call, or `*`."""

    services: tuple[str, ...] = Field(min_length=1)
    """The service versions this is about, by wire name, `orders.v1` for instance."""

    operations: tuple[str, ...] = (ANYONE,)
    """The operations this is about, or `*`."""

    on_behalf_of: tuple[str, ...] | None = None
    """The teams that may stand before the caller in the tree, or `*`. Absent: anyone for an operation that only
    reads, and for any other the same teams as `callers`."""

    hide: tuple[str, ...] = ()
    """Fields of the result that these callers do not get, as dotted paths (`address.zip`; a list's elements are meant
    by its name, every key of a map by `*`). A hidden field must be optional in the contract."""

    approval: Demand | None = None
    """What a person must agree to before the operation has its effect. Absent: nothing. Only for operations with a
    workflow behind them: what answers at once cannot wait for a person."""

    def covers(self, service: str, operation: str) -> bool:
        """Tell whether the rule is about this operation."""
        return service in self.services and (ANYONE in self.operations or operation in self.operations)

    def allows_caller(self, caller: str) -> bool:
        """Tell whether the rule names this caller."""
        return ANYONE in self.callers or caller in self.callers

    def first_not_allowed(self, before: Sequence[str], effect: Effect) -> str | None:
        """Return the first team among those before the caller that the rule does not let act through it."""
        allowed = self.on_behalf_of
        if allowed is None:
            if effect == "read":
                return None
            allowed = self.callers
        return next((team for team in before if ANYONE not in allowed and team not in allowed), None)


@dataclass(frozen=True)
class Verdict:
    """What a policy says to one call."""

    allowed: bool
    rule: str
    """The rule that allowed it, or the one that came nearest; empty when none is about this caller."""

    reason: str = ""
    """Why not, for the caller to read. Empty when allowed."""

    hide: tuple[str, ...] = ()
    """Fields of the result to take away before it leaves."""

    approval: Demand | None = None
    """What a person must agree to first."""


class Policy(Message):
    """Every permission a team gives. An empty policy refuses everyone."""

    model_config = ConfigDict(extra="forbid")

    rules: tuple[Rule, ...] = ()
    """Permissions. The first that allows a call decides; their order matters for `hide` only."""

    def judge(self, *, service: str, operation: str, effect: Effect, chain: Sequence[str]) -> Verdict:
        """Judge a call that came along `chain`: the root's team first, the caller last."""
        caller, before = chain[-1], chain[:-1]
        nearest: Verdict | None = None
        for rule in self.rules:
            if not rule.covers(service, operation) or not rule.allows_caller(caller):
                continue
            stranger = rule.first_not_allowed(before, effect)
            if stranger is None:
                return Verdict(allowed=True, rule=rule.name, hide=rule.hide, approval=rule.approval)
            nearest = nearest or Verdict(
                allowed=False,
                rule=rule.name,
                reason=f"rule {rule.name!r} does not let {caller!r} call {service} {operation} "
                f"on behalf of {stranger!r}",
            )
        return nearest or Verdict(
            allowed=False,
            rule="",
            reason=f"no rule of the provider's policy lets {caller!r} call {service} {operation}",
        )
