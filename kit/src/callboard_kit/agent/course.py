"""What a run does otherwise after it was reset to one of its steps: other instructions, another model, or no effects.

Temporal's reset replays a run up to the task in which the step's model was to be asked. There the run stops and waits
to be told how to go on, which a signal does right after. Replayed steps must pass without waiting, and do: a patch
that has no mark in the history is off while it is replayed, so the first step for which it is on is the one to wait at.
"""

from datetime import timedelta
from typing import Annotated, Final

from pydantic import Field
from temporalio import workflow

from callboard_contracts import RefusedError
from callboard_kit import events
from callboard_kit.messages import KitMessage

RESET: Final = "callboard.reset"
"""The name of the signal that hands a new course in."""

PATIENCE: Final = timedelta(seconds=60)
"""How long a run that was reset waits to be told how to go on."""


class Course(KitMessage):
    """What a run does otherwise, from one of its steps on."""

    of: str
    """The run, as Temporal has it, that was reset."""

    to: str
    """The one that goes on."""

    step: int
    """The how-manieth model call of the run it goes on from."""

    by: str
    """Who reset it."""

    statement: str = ""
    """What they signed, for whoever wants to check it."""

    instructions: Annotated[str, Field(max_length=200_000)] | None = None
    """What the agent is told instead of what it was told. Absent: the same."""

    model: str | None = None
    """The model to ask. Absent: the same."""

    dry: bool = False
    """Whether nothing is changed from here on: what is no mere read is not called, and the model hears so."""


class Courses:
    """The new courses of one run of a workflow; of one that cannot be reset, none ever."""

    def __init__(self, *, resettable: bool) -> None:
        self._come: list[Course] = []
        self._taken = 0
        self._steps = 0
        self._resettable = resettable
        self._waits = resettable and _was_reset()
        self.dry = False
        """Whether the run may change nothing any more."""

        if resettable:
            workflow.set_signal_handler(  # pyright: ignore[reportUnknownMemberType] - Temporal leaves its types open
                RESET, self._take
            )

    async def next(self) -> Course | None:
        """Return how the run goes on otherwise from the step that comes now, if it was reset to it. For the loop.

        Raises:
            RefusedError: It was reset, but nobody says how it is to go on.
        """
        self._steps += 1
        # While it is replayed, a patch that was not recorded is off and leaves no mark; and whoever replays a history
        # outside of its namespace does so under the id of the run that it began as, which says nothing of resets.
        if not self._resettable or not (self._waits or workflow.unsafe.is_replaying()):
            return None
        # Each reset of a chain of them has its own patch: what an earlier one recorded is replayed as it was.
        if not workflow.patched(f"{RESET}-{self._taken}-{self._steps}"):
            return None
        try:
            await workflow.wait_condition(lambda: len(self._come) > self._taken, timeout=PATIENCE)
        except TimeoutError as error:
            raise RefusedError(
                "this run was reset without a word on how to go on; what it would do twice was not looked at:"
                " reset it with 'callboard runs reset'"
            ) from error
        course = self._come[self._taken]
        self._taken += 1
        self._waits = course.to != workflow.info().run_id
        self.dry = course.dry
        events.tell(events.RunReset(of=course.of, step=course.step, by=course.by, dry=course.dry))
        return course

    async def _take(self, course: Course) -> None:
        self._come.append(course)


def _was_reset() -> bool:
    info = workflow.info()
    return bool(info.original_execution_run_id) and info.original_execution_run_id != info.run_id
