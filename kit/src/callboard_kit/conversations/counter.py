"""Where conversations are opened, spoken in, read and closed: what a team's Nexus handlers do, one line each.

A conversation belongs to whoever opened it: the team that called, and the person it called for. Its workflow's id is
made of both and of its name, so nobody else can even tell that there is one.
"""

import hashlib
from datetime import UTC, datetime
from typing import Final

from temporalio import nexus
from temporalio.client import (
    WorkflowExecution,
    WorkflowExecutionStatus,
    WorkflowHandle,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
    WorkflowUpdateStage,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from callboard_contracts import RefusedError, UnavailableError
from callboard_contracts.conversations import (
    CLOSED,
    UNKNOWN,
    Answer,
    Closing,
    Conversations,
    Finding,
    Found,
    Opened,
    Opening,
    Reading,
    Said,
    Saying,
    Transcript,
    Withdrawal,
    Withdrawn,
)
from callboard_kit import mesh
from callboard_kit.conversations.history import History
from callboard_kit.conversations.kept import newest_within
from callboard_kit.conversations.record import Begin
from callboard_kit.failing import from_vocabulary

WORKFLOW: Final = "Conversation"
"""What a team calls the workflow that holds a conversation."""

_NAME: Final = "callboard_conversation"
_OPENED: Final = "callboard_opened"

_OPEN: Final = (WorkflowExecutionStatus.RUNNING, WorkflowExecutionStatus.CONTINUED_AS_NEW)


class Counter:
    """Serves the conversations of one team."""

    def __init__(self, history: History) -> None:
        self._history = history

    async def open(self, opening: Opening) -> Opened:
        """Open a conversation, or find the one of this name open.

        Raises:
            RefusedError: One of this name was closed.
        """
        call = mesh.current()
        key, opened = key_of(opening.conversation), datetime.now(UTC)
        try:
            await nexus.client().start_workflow(
                WORKFLOW,
                Begin(opening=opening, key=key, team=call.team, opened=opened),
                id=_id(call.team, owner_of(), key),
                task_queue=nexus.info().task_queue,
                memo={_NAME: opening.conversation, _OPENED: opened.isoformat()},
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            )
        except WorkflowAlreadyStartedError as error:
            raise RefusedError(
                f"conversation {opening.conversation!r} was closed; open one with another name"
            ) from error
        return Opened(conversation=opening.conversation, team=call.team)

    async def say(self, client: nexus.TemporalNexusClient, saying: Saying) -> nexus.TemporalOperationResult[Answer]:
        """Bring a message to its conversation; the operation ends with the answer.

        Raises:
            RefusedError: There is no such conversation, it is closed, or it does not take the message.
            UnavailableError: It does not take it just now.
        """
        try:
            return await client.start_workflow_update(  # pyright: ignore[reportUnknownMemberType] - an overload is untyped
                _id(mesh.current().team, owner_of(), key_of(saying.conversation)),
                "say",
                saying,
                result_type=Answer,
                wait_for_stage=WorkflowUpdateStage.ACCEPTED,
            )
        except RPCError as error:
            raise await self._not_there(saying.conversation, error) from error

    async def close(
        self, client: nexus.TemporalNexusClient, closing: Closing
    ) -> nexus.TemporalOperationResult[Transcript]:
        """Close a conversation; the operation ends when what was said before is answered.

        Raises:
            RefusedError: There is no such conversation.
        """
        try:
            return await client.start_workflow_update(  # pyright: ignore[reportUnknownMemberType] - an overload is untyped
                _id(mesh.current().team, owner_of(), key_of(closing.conversation)),
                "close",
                closing,
                result_type=Transcript,
                wait_for_stage=WorkflowUpdateStage.ACCEPTED,
            )
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            standing = await self.read(Reading(conversation=closing.conversation, last=0))
            return nexus.TemporalOperationResult[Transcript].sync(standing)

    async def withdraw(self, withdrawal: Withdrawal) -> Withdrawn:
        """Have a message of a conversation not answered any more.

        Raises:
            RefusedError: There is no such conversation or message, or it cannot be told from another any more.
        """
        handle = _handle(mesh.current().team, key_of(withdrawal.conversation))
        try:
            return await handle.execute_update(  # pyright: ignore[reportUnknownMemberType] - an overload is untyped
                "withdraw", withdrawal, result_type=Withdrawn
            )
        except WorkflowUpdateFailedError as error:
            raise from_vocabulary(error.cause, what="the conversation") or error from error
        except RPCError as error:
            raise await self._not_there(withdrawal.conversation, error) from error

    async def find(self, finding: Finding) -> Conversations:
        """Return the conversations of whoever calls, the newest first."""
        call = mesh.current()
        query = f"WorkflowType = '{WORKFLOW}' AND WorkflowId STARTS_WITH '{_id(call.team, owner_of(), '')}'"
        if not finding.closed:
            query += " AND ExecutionStatus = 'Running'"
        found: dict[str, Found] = {}
        async for run in nexus.client().list_workflows(query):
            # One that went on as a new run is met again, with its older ones.
            if (each := await _found(run)) is not None:
                found.setdefault(each.conversation, each)
            if len(found) == finding.most:
                break
        # Temporal lists what runs before what is over, whatever is newer.
        return Conversations(found=tuple(sorted(found.values(), key=lambda each: each.opened, reverse=True)))

    async def read(self, reading: Reading) -> Transcript:
        """Return how a conversation stands and what was said in it last.

        Raises:
            RefusedError: There is no such conversation.
            UnavailableError: It cannot be asked just now.
        """
        key = key_of(reading.conversation)
        handle = _handle(mesh.current().team, key)
        try:
            status = (await handle.describe()).status
            standing = await _standing(handle, reading.last, live=status in _OPEN)
        except (WorkflowQueryFailedError, WorkflowUpdateRPCTimeoutOrCancelledError) as error:
            raise UnavailableError(f"conversation {reading.conversation!r} cannot be read just now") from error
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                raise _unknown(reading.conversation) from error
            raise
        if status not in _OPEN:
            because = standing.closed_because or ("" if status is None else status.name.lower())
            standing = standing.model_copy(update={"state": "closed", "closed_because": because, "busy": False})
        said = await self._said(key, reading, standing)
        return standing.model_copy(update={"said": newest_within(said)})

    async def _said(self, key: str, reading: Reading, standing: Transcript) -> tuple[Said, ...]:
        """Return the last messages: those at hand, and before them what is kept."""
        if len(standing.said) >= min(reading.last, standing.messages):
            return standing.said
        try:
            kept = await self._history.read(key, last=reading.last)
        except UnavailableError:
            return standing.said  # What is at hand is better than nothing; `messages` tells that there was more.
        known = {each.message for each in standing.said}
        before = [each for exchange in kept for each in exchange.said() if each.message not in known]
        return (*before, *standing.said)[-reading.last :]

    async def _not_there(self, conversation: str, error: RPCError) -> Exception:
        """Return why a message could not be brought."""
        if error.status is not RPCStatusCode.NOT_FOUND:
            return error
        try:
            await _handle(mesh.current().team, key_of(conversation)).describe()
        except RPCError as unknown:
            return _unknown(conversation) if unknown.status is RPCStatusCode.NOT_FOUND else unknown
        return RefusedError(f"conversation {conversation!r} {CLOSED}")


def key_of(conversation: str) -> str:
    """Return what a conversation of whoever calls is known by inside its team."""
    call = mesh.current()
    owner = f"{call.caller}\n{call.person or ''}\n{conversation}"
    return hashlib.sha256(owner.encode()).hexdigest()[:24]


def owner_of() -> str:
    """Return what whoever calls is known by, as the owner of conversations."""
    call = mesh.current()
    return hashlib.sha256(f"{call.caller}\n{call.person or ''}".encode()).hexdigest()[:16]


def _id(team: str, owner: str, key: str) -> str:
    return f"{team}-conversation-{owner}-{key}"


def _handle(team: str, key: str) -> WorkflowHandle[object, object]:
    return nexus.client().get_workflow_handle(_id(team, owner_of(), key))


async def _standing(handle: WorkflowHandle[object, object], last: int, *, live: bool) -> Transcript:
    """Ask a conversation how it stands."""
    if live:
        try:
            return await handle.execute_update(  # pyright: ignore[reportUnknownMemberType] - an overload is untyped
                "look", last, result_type=Transcript
            )
        except WorkflowUpdateFailedError:
            pass  # A build that knows no such update holds it.
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            # It has ended since, or there is none.
    return await handle.query("standing", last, result_type=Transcript)


async def _found(run: WorkflowExecution) -> Found | None:
    memo = await run.memo()
    name, opened = memo.get(_NAME), memo.get(_OPENED)
    if not name or not opened:
        return None
    state = "open" if run.status in _OPEN else "closed"
    return Found(conversation=str(name), state=state, opened=datetime.fromisoformat(str(opened)))


def _unknown(conversation: str) -> RefusedError:
    return RefusedError(f"{UNKNOWN} {conversation!r} of yours; open one first")
