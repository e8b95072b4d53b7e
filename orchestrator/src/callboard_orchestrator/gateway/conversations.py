"""`/v1/conversations`: open one, list one's own, say something, take it back, read it, follow it, close it.

A conversation belongs to the person whose token opened it, and to nobody else, whatever scopes they have.
"""

import hashlib
import re
import uuid
from datetime import datetime, timedelta
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Header, Path, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from callboard_contracts.conversations import Answer, Asking, MessageId, Transcript, WhileBusy, Withdrawn, Words
from callboard_kit.events.model import Event
from callboard_kit.events.positions import BEGINNING, position
from callboard_orchestrator.conversations import AnswerPendingError, Conversations, Talk, UnknownConversationError
from callboard_orchestrator.gateway.callers import Caller, RunsCaller
from callboard_orchestrator.gateway.problems import Problem, ProblemError
from callboard_orchestrator.gateway.sse import HEADERS, frames

LONGEST_WAIT: Final = timedelta(seconds=50)
"""How long a request waits for an answer: less than proxies usually let one be silent."""

_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")

ConversationId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,80}$", description="The id of a conversation.")]


MessageName = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}$", description="The name of a message.")]


class NewConversation(BaseModel):
    """How a conversation is to be held."""

    model_config = ConfigDict(extra="forbid")

    while_busy: WhileBusy = "enqueue"
    """What becomes of a message that comes while another is being answered: it waits its turn (`enqueue`), is refused
    (`reject`), or is given to the agent at work, whose next answer then answers both (`steer`)."""

    approvals: Asking = "none"
    """What a person must agree to before the agent calls it: nothing, what changes something (`effects`), or `all`."""

    idle_seconds: Annotated[int, Field(ge=1, le=30 * 24 * 3600)] = 24 * 3600
    """After how much silence it closes by itself, seconds."""


class ConversationView(BaseModel):
    """A conversation that was opened."""

    id: str
    state: str = "open"


class ListedConversation(BaseModel):
    """A conversation of one's own."""

    id: str
    state: Literal["open", "closed"]
    opened: datetime


class ConversationList(BaseModel):
    """Conversations of one's own, newest first."""

    conversations: list[ListedConversation]


class NewMessage(BaseModel):
    """Something to say."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[Words, Field(pattern=r"\S")]
    """What is said, in plain language."""

    message: MessageId | None = None
    """The message's name. Sent again under the same one it gets the same answer. Absent: one is made up."""


class Pending(BaseModel):
    """A message that is not answered yet."""

    conversation: str
    message: str
    state: str = "pending"


class ClosingReason(BaseModel):
    """Why a conversation is closed."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, Field(max_length=500)] = ""
    """In words."""


def router(conversations: Conversations) -> APIRouter:
    """Return the routes of conversations."""
    routes = APIRouter(
        prefix="/v1/conversations",
        tags=["conversations"],
        responses={status: {"model": Problem} for status in (400, 401, 403, 404, 409, 413, 422, 503)},
    )

    def own(caller: Caller, id: str) -> Talk:
        if not id.startswith(f"{caller.prefix}-"):
            raise UnknownConversationError(f"there is no conversation {id!r} of yours; open one first")
        return conversations.get(id, person=caller.person.name)

    @routes.post("", status_code=201)
    async def open_conversation(
        caller: RunsCaller,
        response: Response,
        new: NewConversation | None = None,
        idempotency_key: Annotated[
            str | None, Header(description="The same key opens the same conversation once.")
        ] = None,
    ) -> ConversationView:
        """Open a conversation. It stays open whatever becomes of the one who opened it."""
        if idempotency_key is not None and not _KEY.fullmatch(idempotency_key):
            raise ProblemError(
                400, "invalid_idempotency_key", "an Idempotency-Key has 1 to 255 visible ASCII characters and no spaces"
            )
        key = idempotency_key
        name = uuid.uuid4().hex[:20] if key is None else hashlib.sha256(key.encode()).hexdigest()[:20]
        how = new or NewConversation()
        talk = await conversations.open(
            person=caller.person.name,
            id=f"{caller.prefix}-{name}",
            while_busy=how.while_busy,
            approvals=how.approvals,
            idle=timedelta(seconds=how.idle_seconds),
        )
        response.headers["location"] = f"/v1/conversations/{talk.id}"
        return ConversationView(id=talk.id)

    @routes.post("/{id}/messages", responses={202: {"model": Pending}})
    async def say(
        caller: RunsCaller,
        id: ConversationId,
        new: NewMessage,
        response: Response,
        wait: Annotated[
            float, Query(ge=0, le=LONGEST_WAIT.total_seconds(), description="Seconds to wait for the answer.")
        ] = LONGEST_WAIT.total_seconds(),
    ) -> Answer | Pending:
        """Say something. 202 when there is no answer yet: the same message again, by its name, waits on for it."""
        message = new.message or uuid.uuid4().hex
        try:
            return await own(caller, id).say(new.text, message=message, patience=timedelta(seconds=wait))
        except AnswerPendingError:
            response.status_code = 202
            return Pending(conversation=id, message=message)

    @routes.post("/{id}/messages/{message}/withdraw")
    async def withdraw(caller: RunsCaller, id: ConversationId, message: MessageName) -> Withdrawn:
        """Take back a message that waits or is being answered. What was done for it stays done."""
        return await own(caller, id).withdraw(message)

    @routes.get("")
    async def list_conversations(
        caller: RunsCaller,
        *,
        closed: Annotated[bool, Query(description="Those that are closed, too.")] = False,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> ConversationList:
        """List one's own conversations, newest first. Temporal shows a new one here after a moment."""
        found = await conversations.list(person=caller.person.name, closed=closed, most=limit)
        mine = [each for each in found if each.conversation.startswith(f"{caller.prefix}-")]
        return ConversationList(
            conversations=[
                ListedConversation(id=each.conversation, state=each.state, opened=each.opened) for each in mine
            ]
        )

    @routes.get("/{id}")
    async def show(
        caller: RunsCaller,
        id: ConversationId,
        last: Annotated[int, Query(ge=0, le=200, description="How many of the last answers.")] = 50,
    ) -> Transcript:
        """Show how a conversation stands, and what was said in it last."""
        return await own(caller, id).read(last=last)

    @routes.get(
        "/{id}/events",
        response_class=StreamingResponse,
        responses={
            200: {
                "description": "Server-sent events: `event` is the kind, `data` an Event, `id` what to go on from.",
                "content": {"text/event-stream": {"schema": Event.model_json_schema()}},
            }
        },
    )
    async def follow(
        caller: RunsCaller,
        id: ConversationId,
        last_event_id: Annotated[str | None, Header(description="Go on after this event.")] = None,
        after: Annotated[str | None, Query(description="The same, for who cannot set headers.")] = None,
    ) -> StreamingResponse:
        """Follow a conversation until it is closed. Leaving does not close it."""
        talk = own(caller, id)
        since = position(last_event_id or after or BEGINNING)
        # Before the answer begins: a conversation that is not there is a 404 and no empty stream.
        await talk.read(last=0)
        return StreamingResponse(frames(talk.watch(after=since)), media_type="text/event-stream", headers=HEADERS)

    @routes.post("/{id}/close")
    async def close(caller: RunsCaller, id: ConversationId, why: ClosingReason | None = None) -> Transcript:
        """Close a conversation once what was said in it is answered."""
        return await own(caller, id).close(reason="" if why is None else why.reason)

    @routes.delete("/{id}")
    async def delete(caller: RunsCaller, id: ConversationId) -> Transcript:
        """Close a conversation, as `close` does."""
        return await own(caller, id).close()

    return routes
