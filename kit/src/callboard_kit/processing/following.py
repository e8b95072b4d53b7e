"""A run's own side of the events it was started for: each once, one after the other, and what fails is kept.

A feed delivers at least once. A run that has the events of one key takes each once and in its order; a run that has
one event needs nothing for that. Both may begin anew with an event that an earlier run had, when a worker or Redis died
before it was noted as handled: so what a run writes, it writes under the event's `effect_key`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final, NoReturn

from temporalio import workflow
from temporalio.exceptions import FailureError, is_cancelled_exception

from callboard_contracts import MeshError, UnavailableError
from callboard_kit.messages import KitMessage
from callboard_kit.processing.model import FeedEvent

BURY: Final = "callboard.bury_event"
"""The activity that adds an event to the dead letters."""

TRIES: Final = 6
"""How often an event is tried while what it needs is out of reach: about three minutes."""

KNOWN: Final = 500
"""How many events a run that goes on in a new one is told of."""

FIRST_PAUSE: Final = timedelta(seconds=5)
"""How long an event waits for its second try; twice as long each time."""

_FIRST_EVENT: Final = timedelta(seconds=60)
_ONE_TRY: Final = timedelta(seconds=10)

Handle = Callable[[FeedEvent], Awaitable[None]]
"""Does what one event asks for."""


class Burial(KitMessage):
    """An event that could not be handled, why, and how often it was tried."""

    event: FeedEvent
    reason: str
    tries: int


class Following(KitMessage):
    """What a run that has the events of one key knows when it starts."""

    done: tuple[str, ...] = ()
    """The ids of the events it handled last."""

    waiting: tuple[FeedEvent, ...] = ()
    """Events that were delivered and not handled yet."""


class Events:
    """The events of one key, inside the run that has them.

    @workflow.init
    def __init__(self, state: Following) -> None:
        self._events = Events(state)

    @workflow.run
    async def run(self, state: Following) -> None:
        await self._events.each(self._handle)

    @workflow.signal
    def happened(self, event: FeedEvent) -> None:
        self._events.take(event)
    """

    def __init__(self, state: Following) -> None:
        self._done = dict.fromkeys(state.done)
        self._waiting = list(state.waiting)

    def take(self, event: FeedEvent) -> None:
        """Take an event that was delivered, unless it was taken before. For the run's signal."""
        # Put back out of the dead letters it is another delivery, even while the one that failed is still here.
        known = {(each.id, each.redriven) for each in self._waiting}
        if event.id not in self._done and (event.id, event.redriven) not in known:
            self._waiting.append(event)

    async def each(self, handle: Handle) -> None:
        """Handle the events one after the other until none is left; the next one starts a new run.

        An event that is refused, or out of reach for too long, becomes a dead letter, and the next one has its turn.
        """
        try:
            await workflow.wait_condition(lambda: bool(self._waiting), timeout=_FIRST_EVENT)
        except TimeoutError:
            return
        while self._waiting:
            event = self._waiting[0]
            if (fault := await _fault(event, handle)) is None:
                self._done[event.id] = None
            else:
                await _bury(event, *fault)
            # Only now: sent again meanwhile, it would not have been known.
            self._waiting.remove(event)
            if self._waiting and workflow.info().is_continue_as_new_suggested():
                self._continue()

    def _continue(self) -> NoReturn:
        state = Following(done=tuple(self._done)[-KNOWN:], waiting=tuple(self._waiting))
        workflow.continue_as_new(state)


async def handled(event: FeedEvent, handle: Handle) -> None:
    """Handle the one event that a run was started for.

    Raises:
        MeshError: It could not be, and is a dead letter now. Let it end the run, so that its end can be seen.
    """
    if (fault := await _fault(event, handle)) is not None:
        await _bury(event, *fault)
        raise MeshError(f"event {event.id!r} could not be handled: {fault[0]}")


async def _fault(event: FeedEvent, handle: Handle) -> tuple[str, int] | None:
    """Handle an event, and return why that was not possible and how often it was tried."""
    pause = FIRST_PAUSE
    for attempt in range(1, TRIES + 1):
        try:
            await handle(event)
        except UnavailableError as error:
            if attempt == TRIES:
                return str(error), attempt
            await workflow.sleep(pause)
            pause *= 2
        except (MeshError, FailureError, asyncio.CancelledError) as error:
            if is_cancelled_exception(error):
                raise
            return str(error) or type(error).__name__, attempt
        else:
            return None
    raise AssertionError("the last try returns")


async def _bury(event: FeedEvent, reason: str, tries: int) -> None:
    # Tried until Redis answers: the event is nowhere else any more.
    await workflow.execute_activity(
        BURY, Burial(event=event, reason=reason, tries=tries), start_to_close_timeout=_ONE_TRY
    )
