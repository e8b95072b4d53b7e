"""When an agent must ask a person first: the policies there are, and how to write one's own.

A policy looks at one proposal (a tool, an operation of another team, a delegation) and says `allow`, `ask` or
`refuse`. It is evaluated in the workflow: it must be quick, pure, and say the same when it is replayed. One that
fails refuses; none ever lets through what it could not judge.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Annotated, Final, Literal, Protocol, Self

from pydantic import ConfigDict, Field, model_validator

from callboard_contracts import Effect, Message
from callboard_contracts.inbox import v1 as inbox
from callboard_kit.approvals.masking import classes_in, value_at
from callboard_kit.persons import ANYONE

HOUR: Final = timedelta(hours=1)


Patience = Annotated[timedelta, Field(gt=timedelta(0), le=timedelta(days=30))]
"""How long to wait for an answer. In files and messages a number of seconds."""


class Escalation(Message):
    """Whom to ask when nobody answered in time, and how long they have."""

    model_config = ConfigDict(extra="forbid")

    approvers: inbox.Approvers
    """Who may answer then."""

    patience: Patience = HOUR
    """How long to wait for them."""


class Terms(Message):
    """Whom to ask, how long to wait, and what happens when nobody answers."""

    model_config = ConfigDict(extra="forbid")

    approvers: inbox.Approvers = (ANYONE,)
    """Persons by name, `role:finance` for a role, `*` for everyone who may answer questions at all."""

    patience: Patience = HOUR
    """How long to wait for an answer; never longer than the caller of the one who asks waits."""

    then: Literal["refuse", "escalate", "proceed"] = "refuse"
    """What happens when nobody answers in time."""

    escalation: Escalation | None = None
    """Whom to ask then, if `then` is `escalate`. When they do not answer either, it is refused."""

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if (self.then == "escalate") != (self.escalation is not None):
            raise ValueError("`escalation` says whom to ask if `then` is 'escalate', and only then")
        return self


@dataclass(frozen=True)
class Proposal:
    """Something that is about to be done."""

    tool: str
    """What the model calls it."""

    service: str
    """Whose it is: a service, or `local`."""

    operation: str
    arguments: Mapping[str, object]
    effect: Effect
    sensitive: Mapping[str, str] | None = None
    """Fields that hold data of persons or secrets: dotted path to class of data. None: nobody knows."""

    fields: frozenset[str] = frozenset()
    """The names that the arguments may have, by the tool's schema."""

    words: str = ""
    """What the model said when it asked for it."""

    agent: str = ""
    """Which agent."""

    @property
    def name(self) -> str:
        """Return what patterns are held against: `orders.v1.cancel_pending_order`."""
        return f"{self.service}.{self.operation}"


@dataclass(frozen=True)
class Judgement:
    """What a policy says to one proposal."""

    action: Literal["allow", "ask", "refuse"]
    rule: str
    reason: str = ""
    """Why the rule applies. Empty: it always does."""

    terms: Terms = field(default_factory=Terms)
    """Whom to ask and for how long, if it is to be asked."""


class ApprovalPolicy(Protocol):
    """Decides what a person must agree to."""

    def judge(self, proposal: Proposal) -> Judgement:
        """Judge one proposal. Raising refuses it."""
        ...


class AskForAll(Message):
    """Ask before everything. What an agent has unless it says otherwise."""

    model_config = ConfigDict(extra="forbid")

    terms: Terms = Terms()
    """Whom, how long, and what then."""

    def judge(self, proposal: Proposal) -> Judgement:
        """See `ApprovalPolicy`."""
        return Judgement("ask", rule="ask-for-all", terms=self.terms)


class AskForEffects(Message):
    """Ask before everything that changes something; what only reads needs nobody."""

    model_config = ConfigDict(extra="forbid")

    terms: Terms = Terms()
    """Whom, how long, and what then."""

    def judge(self, proposal: Proposal) -> Judgement:
        """See `ApprovalPolicy`."""
        if proposal.effect == "read":
            return Judgement("allow", rule="reads-are-free")
        return Judgement("ask", rule="ask-for-effects", reason=f"the effect is {proposal.effect}", terms=self.terms)


class AllowListed(Message):
    """Ask before everything but what is on a list."""

    model_config = ConfigDict(extra="forbid")

    allowed: tuple[str, ...]
    """Patterns of `service.operation`, for instance `orders.v1.get_*`; a tool of the agent's own is `local.name`."""

    terms: Terms = Terms()
    """Whom to ask about the rest, how long, and what then."""

    def judge(self, proposal: Proposal) -> Judgement:
        """See `ApprovalPolicy`."""
        if _matches(proposal.name, self.allowed):
            return Judgement("allow", rule="allow-list")
        return Judgement("ask", rule="allow-list", reason=f"{proposal.name} is not on the list", terms=self.terms)


class Automatic(Message):
    """Never ask. What the policies of those who are called demand is asked all the same."""

    model_config = ConfigDict(extra="forbid")

    def judge(self, proposal: Proposal) -> Judgement:
        """See `ApprovalPolicy`."""
        return Judgement("allow", rule="automatic")


class When(Message):
    """What must be the case for a rule to apply: all that is said here. Nothing said: it always applies."""

    model_config = ConfigDict(extra="forbid")

    tools: tuple[str, ...] = ("*",)
    """Patterns of `service.operation`."""

    effects: tuple[Effect, ...] = ()
    """The effects it is about. Empty: all."""

    field: str | None = None
    """Dotted path of an argument that is a number: an amount, a confidence."""

    above: float | None = None
    """The field is larger than this."""

    below: float | None = None
    """The field is smaller than this."""

    data_classes: tuple[str, ...] = ()
    """Classes of data of which the arguments hold at least one. Empty: whatever they hold."""

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if (self.field is None) != (self.above is None and self.below is None):
            raise ValueError("`field` goes with `above`, `below` or both, and they with it")
        return self

    def applies(self, proposal: Proposal, *, in_doubt: bool) -> tuple[bool, str]:
        """Tell whether it is the case, and what made it so.

        Args:
            proposal: What is to be done.
            in_doubt: The answer when a number that could be there is not, or is none.
        """
        if not _matches(proposal.name, self.tools) or (self.effects and proposal.effect not in self.effects):
            return False, ""
        reasons = [f"the effect is {proposal.effect}"] if self.effects else []
        if self.data_classes:
            held = sorted(classes_in(proposal.arguments, proposal.sensitive or {}) & set(self.data_classes))
            if not held and (proposal.sensitive is not None or not in_doubt):
                return False, ""
            reasons.append(f"it holds data of class {', '.join(held)}" if held else "nobody says what data it holds")
        if self.field is not None:
            applies, reason = self._number_applies(proposal, self.field, in_doubt=in_doubt)
            if not applies:
                return False, ""
            reasons.append(reason)
        return True, "; ".join(reasons)

    def _number_applies(self, proposal: Proposal, path: str, *, in_doubt: bool) -> tuple[bool, str]:
        value = value_at(proposal.arguments, path)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            if value is None and proposal.fields and path.partition(".")[0] not in proposal.fields:
                return False, ""  # It has no such field at all: the rule is about others.
            return in_doubt, f"{path} is no number, so it cannot be judged"
        if self.above is not None and not value > self.above:
            return False, ""
        if self.below is not None and not value < self.below:
            return False, ""
        limits = [f"above {self.above:g}" if self.above is not None else ""]
        limits.append(f"below {self.below:g}" if self.below is not None else "")
        return True, f"{path} is {value:g}, {' and '.join(filter(None, limits))}"


class ApprovalRule(Message):
    """What to do when something is the case."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=200)
    """What to call the rule in questions and refusals."""

    when: When = When()
    """What it is about."""

    action: Literal["allow", "ask", "refuse"] = "ask"
    """What to do then."""

    terms: Terms = Terms()
    """Whom to ask, how long, and what then."""


class ByRules(Message):
    """Go by rules, the first that applies; ask when none does."""

    model_config = ConfigDict(extra="forbid")

    rules: tuple[ApprovalRule, ...]
    """The rules, in the order in which they are tried."""

    terms: Terms = Terms()
    """Whom to ask, how long, and what then, when no rule applies."""

    def judge(self, proposal: Proposal) -> Judgement:
        """See `ApprovalPolicy`. A rule that cannot be judged applies, unless it would allow."""
        for rule in self.rules:
            applies, reason = rule.when.applies(proposal, in_doubt=rule.action != "allow")
            if applies:
                return Judgement(rule.action, rule=rule.name, reason=reason, terms=rule.terms)
        return Judgement("ask", rule="no-rule", reason="no rule of the agent's is about it", terms=self.terms)


@dataclass(frozen=True)
class ByFunction:
    """Go by a function of your own. It runs in the workflow: pure, quick, and without a look at clock or network."""

    name: str
    """What to call it in questions and refusals, and in the agent's fingerprint: its code is not looked at."""

    function: Callable[[Proposal], Judgement]

    def judge(self, proposal: Proposal) -> Judgement:
        """See `ApprovalPolicy`."""
        return self.function(proposal)


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
