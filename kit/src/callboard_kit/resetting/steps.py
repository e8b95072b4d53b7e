"""The steps of a run, as its history tells them: where a reset can go to, and what was done after that.

A step is one time that an agent asks its model, counted from 1; what judges ask for its guards is none.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final, Literal, TypeVar

from pydantic import ValidationError
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import WorkflowTaskFailedCause
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent

from callboard_contracts import Message
from callboard_kit.agent.course import RESET, Course
from callboard_kit.agent.guarding import JUDGEMENT
from callboard_kit.agent.messages import CALL_MODEL, ModelReply, ModelRequest

DeedKind = Literal["operation", "activity", "child"]
DeedOutcome = Literal["ok", "refused", "unknown"]
"""How something ended that a run asked for. `unknown`: it failed or was given up, and may have had its effect."""

_RESET: Final = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW
_REFUSED: Final = "RefusedError"

MessageT = TypeVar("MessageT", bound=Message)


@dataclass(frozen=True, kw_only=True)
class Done:
    """Something that a run had done: an operation of a team, an activity of its own, a workflow below it."""

    event: int
    """The event that asked for it."""

    kind: DeedKind
    service: str
    """The service of an operation; `local` otherwise."""

    name: str
    """The operation, or the type of the activity or of the workflow."""

    outcome: DeedOutcome = "unknown"


@dataclass(frozen=True, kw_only=True)
class RunStep:
    """One model call of a run, and what it led to."""

    number: int
    at: datetime
    task: int
    """The end of the workflow task in which the model was asked: where a reset to this step goes to."""

    activity: int
    """The event that asked the model."""

    instructions: str
    """What the model was told to be and to keep to."""

    model: str = ""
    """The model that answered; empty when none has."""

    answer: str = ""
    """What it said."""

    done: tuple[Done, ...] = ()
    """What was done up to the next step."""


@dataclass(frozen=True)
class Steps:
    """What a history says of a run's steps."""

    steps: tuple[RunStep, ...] = ()
    resets: tuple[Course, ...] = ()
    """The new courses that the run took, the oldest first."""

    ended: bool = False

    def find(self, number: int) -> RunStep | None:
        """Return one step; None when there is none of this number."""
        return next((step for step in self.steps if step.number == number), None)

    def done_after(self, number: int) -> Sequence[Done]:
        """Return what was done from a step on."""
        return [done for step in self.steps if step.number >= number for done in step.done]


@dataclass
class _Reading:
    """What was read so far."""

    steps: list[RunStep] = field(default_factory=list[RunStep])
    asked: dict[int, int] = field(default_factory=dict[int, int])
    """The place of a step among the steps, by the event that asked its model."""

    done: dict[int, tuple[int, Done]] = field(default_factory=dict[int, tuple[int, Done]])
    """What was asked for, and the number of the step it belongs to, by event."""

    resets: list[Course] = field(default_factory=list[Course])
    ended: bool = False

    def hear(self, event: HistoryEvent) -> None:
        name = (event.WhichOneof("attributes") or "").removesuffix("_event_attributes")
        match name:
            case "activity_task_scheduled":
                self._activity(event)
            case "activity_task_completed":
                completed = event.activity_task_completed_event_attributes
                self._answered(completed.scheduled_event_id, completed.result.payloads)
                self._ended(completed.scheduled_event_id, "ok")
            case "nexus_operation_scheduled":
                scheduled = event.nexus_operation_scheduled_event_attributes
                self._do(event, "operation", scheduled.service, scheduled.operation)
            case "nexus_operation_completed":
                self._ended(event.nexus_operation_completed_event_attributes.scheduled_event_id, "ok")
            case "nexus_operation_failed":
                failed = event.nexus_operation_failed_event_attributes
                self._ended(failed.scheduled_event_id, "refused" if _is_refusal(failed.failure) else "unknown")
            case "start_child_workflow_execution_initiated":
                started = event.start_child_workflow_execution_initiated_event_attributes
                self._do(event, "child", "local", started.workflow_type.name)
            case "workflow_execution_signaled":
                signaled = event.workflow_execution_signaled_event_attributes
                if signaled.signal_name == RESET and (course := _read(signaled.input.payloads, Course)) is not None:
                    self.resets.append(course)
            case _:
                self.ended = self.ended or _is_end(name)

    def found(self) -> Steps:
        steps = [
            replace(step, done=tuple(done for number, done in self.done.values() if number == step.number))
            for step in self.steps
        ]
        return Steps(tuple(steps), tuple(self.resets), self.ended)

    def _activity(self, event: HistoryEvent) -> None:
        scheduled = event.activity_task_scheduled_event_attributes
        if scheduled.activity_type.name != CALL_MODEL:
            self._do(event, "activity", "local", scheduled.activity_type.name)
            return
        request = _read(scheduled.input.payloads, ModelRequest)
        if request is not None and request.output is not None and request.output.name == JUDGEMENT.name:
            return
        first = request.messages[0] if request is not None and request.messages else None
        self.asked[event.event_id] = len(self.steps)
        self.steps.append(
            RunStep(
                number=len(self.steps) + 1,
                at=event.event_time.ToDatetime(tzinfo=UTC),
                task=scheduled.workflow_task_completed_event_id,
                activity=event.event_id,
                instructions=(first.content or "") if first is not None and first.role == "system" else "",
            )
        )

    def _do(self, event: HistoryEvent, kind: DeedKind, service: str, name: str) -> None:
        if self.steps:
            done = Done(event=event.event_id, kind=kind, service=service, name=name)
            self.done[event.event_id] = (self.steps[-1].number, done)

    def _answered(self, event: int, payloads: Sequence[Payload]) -> None:
        place = self.asked.get(event)
        reply = _read(payloads, ModelReply)
        if place is not None and reply is not None:
            self.steps[place] = replace(self.steps[place], model=reply.model, answer=reply.content or "")

    def _ended(self, event: int, outcome: DeedOutcome) -> None:
        if event in self.done:
            number, done = self.done[event]
            self.done[event] = (number, replace(done, outcome=outcome))


def steps_of(events: Sequence[HistoryEvent]) -> Steps:
    """Return the steps of a run from its whole history, payloads decoded."""
    reading = _Reading()
    for event in events:
        reading.hear(event)
    return reading.found()


def reset_at(events: Sequence[HistoryEvent]) -> HistoryEvent | None:
    """Return the event with which a run went on from another one, where what stands before it happened, if it did."""
    return next((event for event in reversed(events) if is_reset(event)), None)


def is_reset(event: HistoryEvent) -> bool:
    """Tell whether a run goes on from another one with this event."""
    return (
        event.HasField("workflow_task_failed_event_attributes")
        and event.workflow_task_failed_event_attributes.cause == _RESET
    )


def _is_end(name: str) -> bool:
    return name.startswith(_RUN) and name.removeprefix(_RUN) in _ENDS


_RUN: Final = "workflow_execution_"
_ENDS: Final = frozenset({"completed", "failed", "timed_out", "canceled", "terminated", "continued_as_new"})


def _is_refusal(failure: Failure) -> bool:
    link: Failure | None = failure
    while link is not None:
        if link.application_failure_info.type == _REFUSED or link.HasField("nexus_handler_failure_info"):
            return True
        link = link.cause if link.HasField("cause") else None
    return False


def _read(payloads: Sequence[Payload], kind: type[MessageT]) -> MessageT | None:
    if not payloads:
        return None
    try:
        return kind.model_validate_json(payloads[0].data)
    except ValidationError:
        return None
