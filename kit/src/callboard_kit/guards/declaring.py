"""The guards that an agent, or a team's workflow, declares: when each looks, at what, and by which means.

A guard has a name, and one of three means:

- a plain function, typed, pure and quick: it runs in the workflow and says the same when it is replayed;
- `ByActivity`: an activity of the team's own, for what must look at something;
- `Judge`: a model that holds what it is shown against a goal.
"""

import inspect
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Final, TypeVar

from callboard_contracts import Effect
from callboard_kit.guards.contexts import Answering, Asking, Doing
from callboard_kit.guards.verdicts import Verdict

ContextT = TypeVar("ContextT", Asking, Answering, Doing)

_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,62}")


class GuardError(ValueError):
    """A guard that cannot be made as it is written; the message says what to change."""


@dataclass(frozen=True)
class ByActivity:
    """Have an activity look. It takes the context and returns a `Verdict`; the worker must have it registered."""

    activity: str
    """The activity's registered name."""

    given: Mapping[str, object] = field(default_factory=dict[str, object])
    """What it goes by, as JSON: limits, names. The activity gets it as a second argument; empty: it gets none."""

    timeout: timedelta = timedelta(seconds=20)
    """How long it may take with all its attempts. After that the guard blocks."""

    attempts: int = 3
    """How often it is tried. After that the guard blocks."""

    def __post_init__(self) -> None:
        """Refuse what would never come to a verdict."""
        if not self.activity or self.timeout <= timedelta(0) or self.attempts < 1:
            raise GuardError(f"{self!r} cannot look at anything; name an activity, and give it time and an attempt")


@dataclass(frozen=True, kw_only=True)
class Judge:
    """Have a model judge how fully something meets a goal. A judge is a model too: it may be talked round."""

    goal: str
    """What must be the case, in words: `the answer promises nothing that no result says`."""

    threshold: float
    """The least score that passes, above 0 and up to 1."""

    model: str | None = None
    """The model to ask. Absent: the agent's."""

    timeout: timedelta = timedelta(seconds=60)
    """How long it may take with all attempts. After that the guard blocks."""

    def __post_init__(self) -> None:
        """Refuse what would let everything pass, or nothing."""
        if not self.goal.strip():
            raise GuardError("a judge has no goal; say in words what must be the case")
        if not (math.isfinite(self.threshold) and 0 < self.threshold <= 1):
            raise GuardError(f"a judge has the threshold {self.threshold!r}; use a number above 0 and up to 1")
        if self.timeout <= timedelta(0):
            raise GuardError(f"a judge has {self.timeout!r} to answer in; give it some time")


Means = Callable[[ContextT], Verdict] | ByActivity | Judge
"""How a guard comes to its verdict."""


@dataclass(frozen=True, kw_only=True)
class BeforeModel:
    """Looks at what the model is about to be asked. What it refuses ends the run."""

    name: str
    """What it is called in events, questions and refusals."""

    check: "Means[Asking]"
    """How it comes to its verdict."""

    def __post_init__(self) -> None:
        """Check what can be checked without running it."""
        _require_sound(self.name, self.check)


@dataclass(frozen=True, kw_only=True)
class AfterModel:
    """Looks at what the model said, whole, before anything comes of it. What it refuses is taken back."""

    name: str
    """What it is called in events, questions and refusals."""

    check: "Means[Answering]"
    """How it comes to its verdict."""

    only_answers: bool = True
    """Whether it looks at the answer only, and not at words between calls."""

    def __post_init__(self) -> None:
        """Check what can be checked without running it."""
        _require_sound(self.name, self.check)


@dataclass(frozen=True, kw_only=True)
class BeforeEffect:
    """Looks at what is about to be done. What it refuses is not done, and the model hears why."""

    name: str
    """What it is called in events, questions and refusals."""

    check: "Means[Doing]"
    """How it comes to its verdict."""

    tools: Sequence[str] = ("*",)
    """Patterns of `service.operation`, for instance `orders.v1.cancel_*`; a tool of the agent's own is `local.name`."""

    effects: Sequence[Effect] = ()
    """The effects it is about. Empty: all."""

    def __post_init__(self) -> None:
        """Check what can be checked without running it."""
        _require_sound(self.name, self.check)
        object.__setattr__(self, "tools", tuple(self.tools))
        object.__setattr__(self, "effects", tuple(self.effects))
        if not self.tools:
            raise GuardError(f"guard {self.name!r} is about no tool; say which, or leave `tools` out for all")

    def covers(self, name: str, effect: Effect) -> bool:
        """Tell whether it looks at `service.operation` with this effect."""
        if self.effects and effect not in self.effects:
            return False
        return any(fnmatchcase(name, pattern) for pattern in self.tools)


Guard = BeforeModel | AfterModel | BeforeEffect
"""A guard of an agent."""


def guards_fault(guards: Iterable[object], *, tools: Iterable[tuple[str, Effect]] | None) -> str | None:
    """Say what is wrong with an agent's guards, or None when nothing is.

    Args:
        guards: The guards.
        tools: `service.operation` of each tool the agent has, with its effect; None when it finds others by searching.
    """
    known = None if tools is None else tuple(tools)
    taken: set[str] = set()
    for guard in guards:
        if not isinstance(guard, BeforeModel | AfterModel | BeforeEffect):
            return f"{guard!r} is no guard; use BeforeModel, AfterModel or BeforeEffect of callboard_kit.guards"
        if guard.name in taken:
            return f"two guards are called {guard.name!r}; rename one of them"
        taken.add(guard.name)
        # One that is misspelt would never look at anything, and nobody would know.
        if isinstance(guard, BeforeEffect) and known is not None and not any(guard.covers(*each) for each in known):
            return f"guard {guard.name!r} is about {', '.join(guard.tools)}, and no tool of the agent is; correct it"
    return None


def _require_sound(name: str, check: object) -> None:
    if not _NAME.fullmatch(name):
        raise GuardError(
            f"a guard cannot be called {name!r}; use lower-case letters, digits, '_' and '-', a letter first"
        )
    if isinstance(check, ByActivity | Judge):
        return
    if not callable(check):
        raise GuardError(f"guard {name!r} has {check!r} to check with; use a function, ByActivity or Judge")
    if inspect.iscoroutinefunction(check):
        raise GuardError(
            f"guard {name!r} checks with an `async` function; make it a plain one, or an activity and use ByActivity"
        )
