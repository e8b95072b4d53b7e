"""What an approval is about, when it is needed, and on which terms it is asked for."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Annotated, Final, Literal, Self, cast

from pydantic import ConfigDict, Field, model_validator

from callboard_contracts import Effect
from callboard_contracts.inbox import v1 as inbox
from callboard_kit.messages import KitMessage
from callboard_kit.persons import ANYONE

EVERY: Final = "*"
"""In a path: every key of a map."""

HOUR: Final = timedelta(hours=1)


Patience = Annotated[timedelta, Field(gt=timedelta(0), le=timedelta(days=30))]
"""How long to wait for an answer. In files and messages a number of seconds."""


class Escalation(KitMessage):
    """Whom to ask when nobody answered in time, and how long they have."""

    model_config = ConfigDict(extra="forbid")

    approvers: inbox.Approvers
    """Who may answer then."""

    patience: Patience = HOUR
    """How long to wait for them."""


class Terms(KitMessage):
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


class When(KitMessage):
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
        if not matches(proposal.name, self.tools) or (self.effects and proposal.effect not in self.effects):
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
        shown = "" if proposal.sensitive is None or path in proposal.sensitive else f" {value:g},"
        return True, f"{path} is{shown} {' and '.join(filter(None, limits))}"


class Demand(Terms):
    """What the policy of whoever is called demands: approval, on these terms, when this is the case."""

    field: str | None = None
    """See `When`."""

    above: float | None = None
    """See `When`."""

    below: float | None = None
    """See `When`."""

    data_classes: tuple[str, ...] = ()
    """See `When`."""

    @property
    def terms(self) -> Terms:
        """The terms alone."""
        return Terms.model_validate(self.model_dump(include=set(Terms.model_fields)))

    @property
    def when(self) -> When:
        """When it is demanded."""
        return When(field=self.field, above=self.above, below=self.below, data_classes=self.data_classes)

    @model_validator(mode="after")
    def _can_be_judged(self) -> Self:
        _ = self.when
        return self


def classes_in(arguments: Mapping[str, object], sensitive: Mapping[str, str]) -> frozenset[str]:
    """Return the classes of data that `arguments` hold."""
    return frozenset(kind for path, kind in sensitive.items() if _holds(arguments, path.split(".")))


def value_at(arguments: Mapping[str, object], path: str) -> object:
    """Return what stands at a dotted path; None when nothing does."""
    node: object = arguments
    for part in path.split("."):
        node = _member(node, part)
    return node


def _member(node: object, name: str) -> object:
    return cast("Mapping[str, object]", node).get(name) if isinstance(node, Mapping) else None


def _holds(node: object, path: Sequence[str]) -> bool:
    if isinstance(node, list | tuple):
        return any(_holds(element, path) for element in cast("Sequence[object]", node))
    if not path:
        return node is not None
    if not isinstance(node, Mapping):
        return False
    names = list(cast("Mapping[str, object]", node)) if path[0] == EVERY else [path[0]]
    return any(_holds(_member(cast("object", node), name), path[1:]) for name in names)


def matches(name: str, patterns: tuple[str, ...]) -> bool:
    """Tell whether one of `patterns` is about `service.operation`."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)
