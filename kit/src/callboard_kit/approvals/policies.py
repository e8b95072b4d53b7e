"""When an agent must ask a person first: the policies there are, and how to write one's own.

A policy looks at one proposal (a tool, an operation of another team, a delegation) and says `allow`, `ask` or
`refuse`. It is evaluated in the workflow: it must be quick, pure, and say the same when it is replayed. One that
fails refuses; none ever lets through what it could not judge.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

from pydantic import ConfigDict, Field

from callboard_kit.approvals.terms import Proposal, Terms, When, matches
from callboard_kit.messages import KitMessage


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


class AskForAll(KitMessage):
    """Ask before everything. What an agent has unless it says otherwise."""

    model_config = ConfigDict(extra="forbid")

    terms: Terms = Terms()
    """Whom, how long, and what then."""

    def judge(self, proposal: Proposal) -> Judgement:
        """See `ApprovalPolicy`."""
        return Judgement("ask", rule="ask-for-all", terms=self.terms)


class AskForEffects(KitMessage):
    """Ask before everything that changes something; what only reads needs nobody."""

    model_config = ConfigDict(extra="forbid")

    terms: Terms = Terms()
    """Whom, how long, and what then."""

    def judge(self, proposal: Proposal) -> Judgement:
        """See `ApprovalPolicy`."""
        if proposal.effect == "read":
            return Judgement("allow", rule="reads-are-free")
        return Judgement("ask", rule="ask-for-effects", reason=f"the effect is {proposal.effect}", terms=self.terms)


class AllowListed(KitMessage):
    """Ask before everything but what is on a list."""

    model_config = ConfigDict(extra="forbid")

    allowed: tuple[str, ...]
    """Patterns of `service.operation`, for instance `orders.v1.get_*`; a tool of the agent's own is `local.name`."""

    terms: Terms = Terms()
    """Whom to ask about the rest, how long, and what then."""

    def judge(self, proposal: Proposal) -> Judgement:
        """See `ApprovalPolicy`."""
        if matches(proposal.name, self.allowed):
            return Judgement("allow", rule="allow-list")
        return Judgement("ask", rule="allow-list", reason=f"{proposal.name} is not on the list", terms=self.terms)


class Automatic(KitMessage):
    """Never ask. What the policies of those who are called demand is asked all the same."""

    model_config = ConfigDict(extra="forbid")

    def judge(self, proposal: Proposal) -> Judgement:
        """See `ApprovalPolicy`."""
        return Judgement("allow", rule="automatic")


class ApprovalRule(KitMessage):
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


class ByRules(KitMessage):
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
