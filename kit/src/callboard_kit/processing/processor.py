"""What a team follows, and what becomes of an event: a workflow of its own, or a signal to its key's."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from pydantic import ValidationError
from temporalio.client import Client
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from callboard_contracts import Message
from callboard_kit.processing.following import Following
from callboard_kit.processing.model import FeedEvent, faults

Outcome = Literal["accepted", "repeated"]
"""Whether Temporal took an event, or had it before."""

_WRONG: Final = frozenset(
    {RPCStatusCode.INVALID_ARGUMENT, RPCStatusCode.FAILED_PRECONDITION, RPCStatusCode.OUT_OF_RANGE}
)
"""Answers of Temporal that will be the same the next time."""


class PoisonError(Exception):
    """An event that cannot be handed over, now or later; the message says why."""


class NotNowError(Exception):
    """An event could not be handed over just now: Temporal does not answer, or has too much to do."""


@dataclass(frozen=True)
class EachEvent:
    """Every event starts a workflow of its own, which takes the event. Their order is not kept."""

    run: Callable[[Any, FeedEvent], Awaitable[None]]  # Any: the workflow itself

    async def hand_over(self, client: Client, event: FeedEvent, *, name: str, task_queue: str) -> Outcome:
        """Start the event's workflow, unless it was started before."""
        # Put back out of the dead letters, it is another delivery: the run that failed may not even be over yet.
        delivery = f"{event.id}\n{event.redriven}" if event.redriven else event.id
        try:
            await client.start_workflow(
                self.run,
                event,
                id=f"{name}-{hashlib.sha256(delivery.encode()).hexdigest()[:24]}",
                task_queue=task_queue,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            )
        except WorkflowAlreadyStartedError:
            return "repeated"
        return "accepted"


@dataclass(frozen=True)
class EachKey:
    """All events of one key go to one workflow, in their order: it is started by the first and signalled by each.

    It takes a `Following`, keeps an `Events`, and ends when there is nothing left to do.
    """

    run: Callable[[Any, Following], Awaitable[None]]  # Any: the workflow itself
    signal: Callable[[Any, FeedEvent], None]  # Any: the workflow itself

    async def hand_over(self, client: Client, event: FeedEvent, *, name: str, task_queue: str) -> Outcome:
        """Signal the key's workflow, and start it where none runs. Sent twice, an event is taken once by the run."""
        await client.start_workflow(
            self.run,
            Following(),
            id=f"{name}-{event.key}",
            task_queue=task_queue,
            start_signal=self.signal.__name__,
            start_signal_args=[event],
        )
        return "accepted"


@dataclass(frozen=True, kw_only=True)
class Processor:
    """Follows one team's events."""

    publisher: str
    """Whose events."""

    kinds: Mapping[str, type[Message]]
    """The kinds it wants, and the message that each stands for. Any other is passed over."""

    to: EachEvent | EachKey
    """What becomes of an event."""

    name: str = ""
    """What the ids of its workflows begin with, after the team. Empty: `follow-<publisher>`."""

    async def hand_over(self, client: Client, event: FeedEvent, *, team: str, task_queue: str) -> Outcome | None:
        """Give an event to Temporal; None when it is of a kind that is not wanted.

        Raises:
            PoisonError: It can never be handed over.
            NotNowError: Temporal does not take it now.
        """
        message = self.kinds.get(event.kind)
        if message is None:
            return None
        try:
            message.model_validate(event.data)
        except ValidationError as error:
            raise PoisonError(f"it is no {message.__name__}: {faults(error)}") from error
        name = f"{team}-{self.name or f'follow-{self.publisher}'}"
        try:
            return await self.to.hand_over(client, event, name=name, task_queue=task_queue)
        except RPCError as error:
            if error.status in _WRONG:
                raise PoisonError(f"Temporal does not take it: {error.message}") from error
            raise NotNowError(error.message) from error
