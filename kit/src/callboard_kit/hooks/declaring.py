"""Hooks as a worker declares them: functions that are called at certain moments of an agent's run, in named groups."""

import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Literal

from callboard_contracts import RefusedError
from callboard_kit.hooks.seen import FORMS, Moment

_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,62}")


class HookConfigurationError(ValueError):
    """Hooks that cannot be used as they are written; the message says what to change."""


@dataclass(frozen=True)
class Stop:
    """What a hook returns to stop what it was shown: a model call ends the run, anything else is refused."""

    reason: str
    """Why, for the model and for whoever reads what came of the run."""


@dataclass(frozen=True, kw_only=True)
class Hook:
    """A function that is called at certain moments.

    It is shown one of the messages in `callboard_kit.hooks.seen` and returns None to let it pass, the same message
    with something in it changed, or `Stop(reason)`.

    Raises:
        HookConfigurationError: Something in it cannot work.
    """

    name: str
    """What it is called, within its group."""

    at: tuple[Moment, ...]
    """When it is called."""

    # What it is shown depends on the moment.
    function: Callable[[Any], object]
    """The function."""

    runs: Literal["workflow", "activity"] = "workflow"
    """`workflow`: it is pure and quick, and says the same when it is replayed. `activity`: it may do anything; it may
    be `async`."""

    on_failure: Literal["block", "report"] = "block"
    """What happens when it fails, or takes too long: it counts as a stop, or the worker's log says so and no more."""

    timeout: timedelta = timedelta(seconds=10)
    """How long one attempt of an activity may take."""

    attempts: int = 1
    """How often an activity is tried."""

    def __post_init__(self) -> None:
        """Check what can be checked without calling it."""
        if fault := self._fault():
            raise HookConfigurationError(f"hook {self.name!r} {fault}")

    def _fault(self) -> str | None:
        if not _NAME.fullmatch(self.name):
            return "cannot be called that; use lower-case letters, digits, '_' and '-', a letter first"
        if not self.at or any(moment not in FORMS for moment in self.at):
            return f"is called at {self.at!r}; the moments are {', '.join(FORMS)}"
        if self.runs not in ("workflow", "activity") or self.on_failure not in ("block", "report"):
            return "runs in a 'workflow' or an 'activity', and 'block's or is 'report'ed when it fails"
        if self.runs == "workflow" and inspect.iscoroutinefunction(self.function):
            return "waits for something, so it is not pure; give it `runs='activity'`"
        if self.timeout <= timedelta(0) or self.attempts < 1:
            return "has no time or no attempt; `timeout` is above zero, `attempts` 1 at least"
        return None


@dataclass(frozen=True)
class HookGroup:
    """Hooks that belong together. An agent names the group.

    Raises:
        HookConfigurationError: Its name is none, or two of its hooks are called the same.
    """

    name: str
    hooks: tuple[Hook, ...]
    """In the order in which they are called: each sees what those before it changed."""

    def __post_init__(self) -> None:
        """Check the names."""
        if not _NAME.fullmatch(self.name):
            raise HookConfigurationError(
                f"a group of hooks cannot be called {self.name!r}; use lower-case letters, digits, '_' and '-'"
            )
        names = [hook.name for hook in self.hooks]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise HookConfigurationError(f"two hooks of group {self.name!r} are called {twice!r}; rename one of them")


class HookGroups:
    """The groups that a worker has.

    Raises:
        HookConfigurationError: Two of them are called the same.
    """

    def __init__(self, groups: Sequence[HookGroup] = ()) -> None:
        self._groups: dict[str, HookGroup] = {}
        for group in groups:
            if group.name in self._groups:
                raise HookConfigurationError(f"two groups of hooks are called {group.name!r}; rename one of them")
            self._groups[group.name] = group

    def named(self, names: Sequence[str]) -> tuple[HookGroup, ...]:
        """Return groups by their names, in that order.

        Raises:
            RefusedError: There is none of a name. Hooks that are not there must not be as good as hooks that agree.
        """
        if missing := next((name for name in names if name not in self._groups), None):
            raise RefusedError(
                f"this worker has no group of hooks {missing!r}; register it where the worker starts: serve(hooks=…)"
            )
        return tuple(self._groups[name] for name in names)

    def find(self, group: str, hook: str) -> Hook | None:
        """Return one hook; None when there is none of that name."""
        found = self._groups.get(group)
        return next((each for each in found.hooks if each.name == hook), None) if found else None


def hook_names_fault(names: Sequence[str]) -> str | None:
    """Say what is wrong with the groups that an agent names; None when nothing is."""
    for name in names:
        if not _NAME.fullmatch(name):
            return f"no group of hooks can be called {name!r}; name groups that the worker registers"
    if twice := next((name for name in names if list(names).count(name) > 1), None):
        return f"the group of hooks {twice!r} is named twice"
    return None


def missing_groups(groups: Sequence[HookGroup], agents: Sequence[object]) -> str | None:
    """Say which agent of a worker names hooks that the worker does not have; None when none does."""
    for agent in agents:
        known = {group.name for group in groups}
        wanted: Sequence[str] = getattr(agent, "hooks", ())
        if missing := next((name for name in wanted if name not in known), None):
            return (
                f"agent {getattr(agent, 'name', '')!r} names hooks {missing!r}, and this worker registers none of that"
                " name; pass the group to `serve(hooks=…)`"
            )
    return None
