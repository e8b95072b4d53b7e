"""How a story tells of a reset: the run that goes on says whose course it left and where, and nothing twice."""

from collections.abc import Sequence
from dataclasses import replace

from pydantic import ValidationError
from temporalio.api.history.v1 import HistoryEvent, WorkflowExecutionSignaledEventAttributes

from callboard_kit.agent.course import RESET, Course
from callboard_kit.resetting.steps import reset_at
from callboard_registry.audit.deriving import plain
from callboard_registry.audit.operations import moment_of
from callboard_registry.stories.curtain import Curtain
from callboard_registry.stories.model import Happening, Story


def went_on(story: Story, events: Sequence[HistoryEvent]) -> Story:
    """Return the story without what happened in the run that was reset, where it is told already."""
    reset = reset_at(events)
    if reset is None:
        return story
    own = tuple(each for each in story.happenings if each.number > reset.event_id)
    return Story(replace(story.execution, started=moment_of(reset.event_time)), own)


def reset_told(
    event: HistoryEvent, told: WorkflowExecutionSignaledEventAttributes, curtain: Curtain
) -> Happening | None:
    """Return what a signal says of a reset; None when it is another one."""
    if told.signal_name != RESET or not told.input.payloads:
        return None
    try:
        course = Course.model_validate_json(plain(told.input.payloads[0]))
    except ValidationError:
        return None
    at = moment_of(event.event_time)
    other = [
        *(["other instructions"] if course.instructions is not None else []),
        *([f"model {course.model}"] if course.model is not None else []),
        *(["dry: nothing is changed any more"] if course.dry else []),
    ]
    return Happening(
        number=event.event_id,
        kind="told",
        at=at,
        ended=at,
        title=f"Reset of {course.of} to step {course.step} by {course.by}",
        outcome="ok",
        reason=", ".join(other) or "to go on the same way",
        detail={
            "reset_of": course.of,
            "step": course.step,
            "by": course.by,
            "dry": course.dry,
            "instructions": curtain.text(course.instructions or ""),
        },
    )
