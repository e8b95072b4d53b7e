"""Conversations, for whoever speaks in them: open one, say something, read it, follow it, close it.

    async with open_conversations(settings) as conversations:
        talk = await conversations.open(person="ada@example.com")
        answer = await talk.say("I am Ada Smith, 80200. Where is my mug?")

From another process, `conversations.get(id, person=…)` is the same conversation. The support team holds it; here is a
client, which polls no task queue.
"""

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta
from typing import Any, Final, TypeVar

import nexusrpc
from pydantic import ValidationError
from temporalio.client import Client, NexusOperationHandle
from temporalio.service import RPCError

from callboard_contracts import MeshError, Message, RefusedError, UnavailableError
from callboard_contracts.conversations import (
    BUSY,
    CLOSED,
    REUSED,
    UNKNOWN,
    WITHDRAWN,
    Answer,
    Asking,
    Closing,
    Finding,
    Found,
    Opening,
    Reading,
    Saying,
    Transcript,
    WhileBusy,
    Withdrawal,
    Withdrawn,
)
from callboard_contracts.support import v1 as support
from callboard_kit import mesh
from callboard_kit.client import connect
from callboard_kit.events.following import EventHub, Told
from callboard_kit.events.model import RunEnded
from callboard_kit.events.positions import BEGINNING, position
from callboard_kit.settings import Settings
from callboard_kit.tokens import Origin
from callboard_orchestrator.runs import READER, TEAM, NoEventsError

MessageT = TypeVar("MessageT", bound=Message)
SentT = TypeVar("SentT")
AnsweredT = TypeVar("AnsweredT")

_LOOKS_EVERY_SECONDS: Final = 30
"""How often, at most, who follows a conversation asks whether it is over."""

IDLE: Final = timedelta(days=1)
"""After how much silence a conversation closes by itself, if nothing else is said."""


class UnknownConversationError(RefusedError):
    """There is no such conversation, or it is somebody else's."""


class ClosedConversationError(RefusedError):
    """Nothing more can be said in it."""


class BusyConversationError(RefusedError):
    """It takes one message at a time, and answers another."""


class ReusedMessageError(RefusedError):
    """The message's name was used for other words."""


class WithdrawnMessageError(RefusedError):
    """Whoever sent the message took it back."""


class AnswerPendingError(UnavailableError):
    """There is no answer yet; it comes when the same message is sent again."""


_KINDS: Final = (
    (UNKNOWN, UnknownConversationError),
    (CLOSED, ClosedConversationError),
    (BUSY, BusyConversationError),
    (REUSED, ReusedMessageError),
    (WITHDRAWN, WithdrawnMessageError),
)


class Talk:
    """One conversation of one person. Making the object asks nobody anything."""

    def __init__(self, client: Client, hub: EventHub | None, id: str, person: str | None) -> None:
        self.id = id
        self.person = person
        self._client = client
        self._hub = hub
        self._looked = 0.0

    async def say(self, text: str, *, message: str | None = None, patience: timedelta | None = None) -> Answer:
        """Say something and wait for the answer.

        Args:
            text: What is said, at most 20,000 characters.
            message: The message's name; sent again under the same one, it gets the same answer. Absent: a new one.
            patience: How long to wait here. Absent: as long as the contract promises.

        Raises:
            UnknownConversationError: There is no such conversation of this person.
            ClosedConversationError: It is closed.
            BusyConversationError: It answers another message and was opened to refuse then.
            ReusedMessageError: The name was used for other words.
            WithdrawnMessageError: It was taken back meanwhile.
            AnswerPendingError: `patience` is over; the agent works on.
            RefusedError: The message cannot be taken.
            UnavailableError: It could not be answered just now; it may be sent again under the same name.
        """
        saying = _made(Saying, conversation=self.id, message=message or uuid.uuid4().hex, text=text)
        asked = await self._start(support.Support.say, saying)
        try:
            async with asyncio.timeout(None if patience is None else patience.total_seconds()):
                return await _result(asked)
        except TimeoutError as error:
            raise AnswerPendingError(
                f"message {saying.message!r} is not answered yet; send it again under the same name to get the answer"
            ) from error

    async def withdraw(self, message: str) -> Withdrawn:
        """Take back a message that waits or is being answered: the agent stops; what it has done stays done.

        Raises:
            UnknownConversationError: There is no such conversation of this person.
            RefusedError: There is no such message, or the agent has heard it while it answered another.
            UnavailableError: The team that holds it does not answer.
        """
        return await self._ask(support.Support.withdraw, _made(Withdrawal, conversation=self.id, message=message))

    async def read(self, *, last: int = 50) -> Transcript:
        """Return how it stands, and what was said in it last.

        Raises:
            UnknownConversationError: There is no such conversation of this person.
            UnavailableError: The team that holds it does not answer.
        """
        return await self._ask(support.Support.history, _made(Reading, conversation=self.id, last=last))

    async def close(self, *, reason: str = "") -> Transcript:
        """Close it once what was said is answered; it may be closed twice.

        Raises:
            UnknownConversationError: There is no such conversation of this person.
            UnavailableError: The team that holds it does not answer.
        """
        return await self._ask(support.Support.close, _made(Closing, conversation=self.id, reason=reason))

    async def watch(self, *, after: str = BEGINNING) -> AsyncGenerator[Told | None]:
        """Yield what happens in it until it is closed, and None every few seconds while nothing does.

        Raises:
            UnknownConversationError: There is no such conversation of this person.
            InvalidPositionError: `after` is no position.
            NoEventsError: It is not known where events are.
        """
        if self._hub is None:
            raise NoEventsError("live events are off: CALLBOARD_REDIS_URL is not set")
        since = position(after)
        await self.read(last=0)
        async with aclosing(self._hub.watch(self.id, ended=self._ending, after=since)) as events:
            async for told in events:
                yield told

    async def begin(self, opening: Opening) -> None:
        """Open it. For `Conversations`."""
        await self._ask(support.Support.open, opening)

    async def _ending(self) -> RunEnded | None:
        # The end is told like all else, and each look stays in the conversation's history: seldom is enough.
        if time.monotonic() - self._looked < _LOOKS_EVERY_SECONDS:
            return None
        self._looked = time.monotonic()
        try:
            state = (await self.read(last=0)).state
        except MeshError:
            return None
        return RunEnded(outcome="ok") if state == "closed" else None

    async def _ask(self, operation: nexusrpc.Operation[SentT, AnsweredT], sent: SentT) -> AnsweredT:
        return await _result(await self._start(operation, sent))

    async def _start(
        self, operation: nexusrpc.Operation[SentT, AnsweredT], sent: SentT
    ) -> NexusOperationHandle[AnsweredT]:
        # What happens in a conversation is one tree, which bears its name: so it can be followed as one.
        return await _started(self._client, operation, sent, Origin(root=self.id, person=self.person))


class Conversations:
    """Opens conversations, and finds them.

    Args:
        client: A client of the orchestrator's namespace with the `MeshPlugin`.
        hub: Where events are read; None: nowhere.
    """

    def __init__(self, client: Client, *, hub: EventHub | None = None) -> None:
        self._client = client
        self._hub = hub

    async def open(
        self,
        *,
        person: str | None = None,
        id: str | None = None,
        while_busy: WhileBusy = "enqueue",
        approvals: Asking = "none",
        idle: timedelta = IDLE,
    ) -> Talk:
        """Open a conversation; one that is open under this id stays as it is.

        Args:
            person: Who speaks in it. Nobody else can.
            id: Its name. Absent: one is made up.
            while_busy: What becomes of a message that comes while another is being answered.
            approvals: What a person must agree to before the agent calls it.
            idle: After how much silence it closes by itself.

        Raises:
            RefusedError: One with this id was closed.
            UnavailableError: The support team does not answer.
        """
        talk = self.get(id or uuid.uuid4().hex[:16], person=person)
        await talk.begin(
            _made(
                Opening,
                conversation=talk.id,
                while_busy=while_busy,
                approvals=approvals,
                idle_seconds=round(idle.total_seconds()),
            )
        )
        return talk

    async def list(self, *, person: str | None = None, closed: bool = False, most: int = 50) -> Sequence[Found]:
        """Return a person's conversations, the newest first; a new one after a moment.

        Args:
            person: Whose.
            closed: Whether those that are closed are wanted too.
            most: How many, from 1 to 200.

        Raises:
            UnavailableError: The support team does not answer.
        """
        finding = _made(Finding, closed=closed, most=most)
        origin = Origin(root=uuid.uuid4().hex, person=person)
        asked = await _started(self._client, support.Support.list_conversations, finding, origin)
        return (await _result(asked)).found

    def get(self, id: str, *, person: str | None = None) -> Talk:
        """Return a person's conversation by its id; whether there is one shows when it is asked something."""
        return Talk(self._client, self._hub, id, person)


@asynccontextmanager
async def open_conversations(
    settings: Settings | None = None, *, client: Client | None = None
) -> AsyncGenerator[Conversations]:
    """Connect to the mesh that `settings` describe, as a client of the orchestrator's, for the length of the block."""
    settings = settings or Settings.from_environment()
    client = client or await connect(TEAM, settings=settings)
    url = settings.redis_for(READER)
    hub = None if url is None else EventHub(url)
    try:
        yield Conversations(client, hub=hub)
    finally:
        if hub is not None:
            await hub.close()


async def _started(
    client: Client, operation: nexusrpc.Operation[SentT, AnsweredT], sent: SentT, origin: Origin
) -> NexusOperationHandle[AnsweredT]:
    with mesh.starting(origin):
        team = client.create_nexus_client(service=support.Support, endpoint=support.ENDPOINT)
        try:
            return await team.start_operation(operation, sent, id=f"conversation-{uuid.uuid4().hex}")
        except RPCError as error:
            raise UnavailableError(f"Temporal does not answer: {error.message}") from error


def _made(kind: type[MessageT], **fields: object) -> MessageT:
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        field = ".".join(str(step) for step in fault["loc"])
        if field == "conversation":
            raise UnknownConversationError(
                f"{UNKNOWN} {fields[field]!r}; a name has letters, digits and '_.-'"
            ) from None
        raise RefusedError(f"{field}: {fault['msg'][:1].lower()}{fault['msg'][1:]}") from None


async def _result(asked: NexusOperationHandle[Any]) -> Any:  # Any: what the operation answers
    try:
        return await asked.result()
    except RefusedError as error:
        text = str(error)
        kind = next((kind for words, kind in _KINDS if words in text), None)
        raise error if kind is None else kind(text) from error
    except RPCError as error:
        raise UnavailableError(f"Temporal does not answer: {error.message}") from error
