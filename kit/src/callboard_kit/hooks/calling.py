"""Calling hooks: those that are pure where the run is, the others as activities; what they return is looked at."""

import asyncio
import inspect
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeVar, cast

from temporalio import activity, workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError, FailureError, is_cancelled_exception

from callboard_contracts import MeshError, Message
from callboard_kit import events
from callboard_kit.bound import bound
from callboard_kit.hooks.declaring import Hook, HookGroup, HookGroups, Stop
from callboard_kit.hooks.seen import CHANGEABLE, FORMS, Moment
from callboard_kit.messages import KitMessage

CALL_HOOK: Final = "callboard.call_hook"
"""The activity that calls a hook which is not pure. The plugin brings it."""

SeenT = TypeVar("SeenT", bound=Message)

_STRICTNESS: Final[Mapping[str, int]] = {"allow": 0, "ask": 1, "refuse": 2}


class HookCall(KitMessage):
    """Which hook is to be called, and what it is shown."""

    group: str
    hook: str
    moment: Moment
    seen: Mapping[str, object]


class HookAnswer(KitMessage):
    """What a hook that ran in an activity returned."""

    stop: str | None = None
    """Why it stops what it was shown. Absent: it does not."""

    changed: Mapping[str, object] | None = None
    """What it made of what it was shown. Absent: it changed nothing."""


@dataclass(frozen=True)
class Stopped:
    """What was shown must not go on."""

    reason: str
    """Which hook says so and why, in words for the model."""


class BadAnswerError(TypeError):
    """A hook returned what it may not return."""


class HookCaller:
    """Calls a worker's hooks in activities; register `call`. The plugin does."""

    def __init__(self, groups: HookGroups) -> None:
        self._groups = groups

    @activity.defn(name=CALL_HOOK)
    async def call(self, wanted: HookCall) -> HookAnswer:
        """Call a hook.

        Raises:
            ApplicationError: This worker has no such hook.
        """
        hook = self._groups.find(wanted.group, wanted.hook)
        if hook is None:
            raise ApplicationError(f"this worker has no hook {wanted.group}.{wanted.hook}", non_retryable=True)
        seen = FORMS[wanted.moment].model_validate(wanted.seen)
        if inspect.iscoroutinefunction(hook.function):
            answer: object = await hook.function(seen)
        else:
            answer = await asyncio.to_thread(hook.function, seen)
        read = _read(answer, seen)
        if isinstance(read, Stop):
            return HookAnswer(stop=read.reason)
        return HookAnswer(changed=None if read is seen else read.model_dump(mode="json"))


class Hooks:
    """The hooks of one run. Without any it does nothing, and leaves no trace in the history."""

    def __init__(self, groups: Sequence[HookGroup] = ()) -> None:
        self._groups = groups

    @classmethod
    def named(cls, names: Sequence[str]) -> "Hooks":
        """Return the hooks of groups that the worker of this run has.

        Raises:
            RefusedError: It has no group of a name.
        """
        groups = _registered.get() or HookGroups()
        return cls(groups.named(names)) if names else cls()

    def __bool__(self) -> bool:
        """Tell whether there are any."""
        return bool(self._groups)

    async def pass_through(self, moment: Moment, seen: SeenT) -> SeenT | Stopped:
        """Show something to all hooks of a moment, one after the other; return what they made of it.

        Returns:
            What goes on, or why nothing does.
        """
        for group in self._groups:
            for hook in group.hooks:
                if moment not in hook.at:
                    continue
                answer = await self._one(group.name, hook, moment, seen)
                if isinstance(answer, Stopped):
                    events.tell(
                        events.GuardBlocked(guard=f"{group.name}.{hook.name}", what=moment, reason=answer.reason)
                    )
                    return answer
                seen = answer
        return seen

    async def _one(self, group: str, hook: Hook, moment: Moment, seen: SeenT) -> SeenT | Stopped:
        where = f"hook {hook.name!r} of {group!r}"
        try:
            if hook.runs == "workflow":
                answer = _read(hook.function(seen), seen)
            else:
                answer = await _as_activity(group, hook, moment, seen)
        except (asyncio.CancelledError, FailureError, MeshError) as error:
            if is_cancelled_exception(error):
                raise
            return self._failed(where, hook, seen, error)
        except Exception as error:  # Whatever a hook fails with: what is done then is declared with it.
            return self._failed(where, hook, seen, error)
        return Stopped(f"{where} stopped it: {answer.reason}") if isinstance(answer, Stop) else answer

    @staticmethod
    def _failed(where: str, hook: Hook, seen: SeenT, error: BaseException) -> SeenT | Stopped:
        workflow.logger.warning("%s failed", where, exc_info=error)
        # What it says may hold what a model must not read.
        return seen if hook.on_failure == "report" else Stopped(f"{where} could not be asked, so it is stopped")


_registered: Final[ContextVar[HookGroups | None]] = ContextVar("callboard_hooks", default=None)


@contextmanager
def hooks_of(groups: HookGroups) -> Generator[None]:
    """Have agents in this block find their hooks in `groups`. For the kit's own interceptor, and for tests."""
    with bound(_registered, groups):
        yield


async def _as_activity(group: str, hook: Hook, moment: Moment, seen: SeenT) -> SeenT | Stop:
    answer: HookAnswer = await workflow.execute_activity(
        CALL_HOOK,
        HookCall(group=group, hook=hook.name, moment=moment, seen=seen.model_dump(mode="json")),
        result_type=HookAnswer,
        start_to_close_timeout=hook.timeout,
        retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=500), maximum_attempts=hook.attempts),
    )
    if answer.stop is not None:
        return Stop(answer.stop)
    return seen if answer.changed is None else _read(type(seen).model_validate(answer.changed), seen)


def _read(answer: object, seen: SeenT) -> SeenT | Stop:
    """Return what a hook may have meant.

    Raises:
        BadAnswerError: It returned something else, or changed what it may not change.
    """
    if answer is None:
        return seen
    if isinstance(answer, Stop):
        return answer
    form = type(seen)
    if type(answer) is not form:
        raise BadAnswerError(f"it returned {type(answer).__name__}; return None, {form.__name__} or Stop")
    changed = cast("SeenT", answer)
    others = [name for name in form.model_fields if getattr(changed, name) != getattr(seen, name)]
    if wrong := [name for name in others if name not in CHANGEABLE[form]]:
        raise BadAnswerError(f"it changed {', '.join(wrong)}, which nobody may change")
    before, after = getattr(seen, "action", None), getattr(changed, "action", None)
    if before is not None and _STRICTNESS.get(str(after), -1) < _STRICTNESS[str(before)]:
        raise BadAnswerError(f"it changed {before!r} to {after!r}, which is laxer")
    return changed
