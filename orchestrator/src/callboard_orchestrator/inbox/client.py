"""Looking into the inbox and answering, for whoever stands outside of it: the command, the gateway, tests.

inbox = InboxClient(await connect_inbox())
[asked] = [found.asked async for found in inbox.waiting()]
await inbox.answer(asked.gate, credential, approve=True)
"""

import os
import re
import time
from collections.abc import AsyncIterator
from typing import Final

from temporalio.client import (
    Client,
    WorkflowExecution,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowUpdateFailedError,
)
from temporalio.envconfig import ClientConfigProfile
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from callboard_contracts import RefusedError, UnavailableError
from callboard_contracts.inbox import v1 as inbox
from callboard_kit.approvals.answers import sign_answer
from callboard_kit.client import DEFAULT_ADDRESS, ConnectError
from callboard_kit.converter import DATA_CONVERTER
from callboard_kit.identity import InvalidTokenError, digest
from callboard_kit.persons import Credential
from callboard_kit.settings import Settings
from callboard_orchestrator.inbox.messages import Answering, Asked, Found, State
from callboard_orchestrator.inbox.workflows import ASKED, Gate

TEAM: Final = "inbox"

_NAME: Final = re.compile(r"[A-Za-z0-9_.:-]{1,200}")
_ENDED: Final[dict[WorkflowExecutionStatus, State]] = {
    WorkflowExecutionStatus.CANCELED: "withdrawn",
    WorkflowExecutionStatus.TERMINATED: "withdrawn",
    WorkflowExecutionStatus.FAILED: "withdrawn",
    WorkflowExecutionStatus.TIMED_OUT: "expired",
}


async def connect_inbox(settings: Settings | None = None) -> Client:
    """Return a client of the inbox's namespace. It needs no team's key: what counts is who answers.

    Raises:
        ConnectError: Temporal does not answer, or does not let this client in.
    """
    settings = settings or Settings.from_environment()
    config = ClientConfigProfile.load().to_client_connect_config()
    config["target_host"] = address = config.get("target_host") or DEFAULT_ADDRESS
    config["namespace"] = os.environ.get("TEMPORAL_NAMESPACE") or settings.namespace(TEAM)
    try:
        return await Client.connect(**config, data_converter=DATA_CONVERTER)
    except RuntimeError as error:
        raise ConnectError(
            f"no Temporal answers at {address!r}; start one with `callboard up`, or set TEMPORAL_ADDRESS"
        ) from error


class InboxClient:
    """The questions of one mesh."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def waiting(self, *, root: str = "", team: str = "", most: int = 1000) -> AsyncIterator[Asked]:
        """Yield the questions that wait, newest first.

        Args:
            root: Only those of this tree of calls.
            team: Only those that this team asks.
            most: No more than so many.

        Raises:
            RefusedError: A root or a team that cannot be one.
        """
        query = ["WorkflowType = 'Gate'", "ExecutionStatus = 'Running'"]
        for name, value in (("CallboardRoot", root), ("CallboardCaller", team)):
            if value:
                query.append(f"{name} = '{_checked(value)}'")
        async for each in self._client.list_workflows(" AND ".join(query), limit=most):
            asked = await _asked(each)
            if asked is not None:
                yield asked

    async def find(self, gate: str) -> Found:
        """Return a question and where it stands.

        Raises:
            RefusedError: There is none by this name.
        """
        handle = self._client.get_workflow_handle_for(Gate.run, _checked(gate))
        try:
            described = await handle.describe()
        except RPCError as error:
            raise _told(error, gate) from error
        asked = await _asked(described) if described.workflow_type == "Gate" else None
        if asked is None:
            raise unknown(gate)
        if described.status is WorkflowExecutionStatus.RUNNING or described.status is None:
            return Found(asked=asked)
        if described.status is not WorkflowExecutionStatus.COMPLETED:
            return Found(asked=asked, state=_ENDED.get(described.status, "withdrawn"))
        verdict = await handle.result()
        return Found(asked=asked, state=verdict.outcome, verdict=verdict)

    async def answer(
        self, gate: str, credential: Credential, *, approve: bool, remember: bool = False, reason: str = ""
    ) -> inbox.Verdict:
        """Answer a question as the person whose credential it is. The first answer counts.

        Raises:
            RefusedError: There is no such question, it is over, or this person may not answer it.
            UnavailableError: The inbox does not answer just now.
        """
        found = await self.find(gate)
        if found.state != "waiting":
            raise _over(found)
        statement = sign_answer(
            credential, found.asked.question, approve=approve, now=time.time(), remember=remember, reason=reason
        )
        return await self.deliver(gate, statement)

    async def deliver(self, gate: str, statement: str) -> inbox.Verdict:
        """Hand in an answer that was signed before; handing in the same one again changes nothing.

        Raises:
            RefusedError: As `answer`.
            UnavailableError: As `answer`.
        """
        handle = self._client.get_workflow_handle_for(Gate.run, _checked(gate))
        try:
            answering = Answering.of(statement)
        except (InvalidTokenError, ValueError, KeyError) as error:
            raise RefusedError(f"the answer to {gate} does not count: it is no signed statement") from error
        try:
            return await handle.execute_update(  # pyright: ignore[reportUnknownMemberType] - one overload has no types
                Gate.answer, answering, id=digest(statement.encode())
            )
        except WorkflowUpdateFailedError as error:
            cause = error.cause
            raise RefusedError(cause.message if isinstance(cause, ApplicationError) else str(cause)) from error
        except WorkflowFailureError as error:
            raise _over(await self.find(gate)) from error
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                raise _over(await self.find(gate)) from error
            raise _told(error, gate) from error


async def _asked(described: WorkflowExecution) -> Asked | None:
    if ASKED not in await described.memo():
        return None
    return await described.memo_value(ASKED, type_hint=Asked)


def _checked(name: str) -> str:
    # It goes into a query.
    if not _NAME.fullmatch(name):
        raise RefusedError(f"{name!r} is no name of a question, a team or a tree of calls")
    return name


def unknown(gate: str) -> RefusedError:
    """Return what is said of a question that is not there, or not for whoever asks."""
    return RefusedError(f"there is no question {gate!r} in the inbox; `callboard approvals list` shows those that wait")


def _over(found: Found) -> RefusedError:
    gate, verdict = found.asked.gate, found.verdict
    if verdict is not None and verdict.person:
        return RefusedError(f"{gate} is answered already: {verdict.outcome} by {verdict.person}")
    if found.state == "withdrawn":
        return RefusedError(f"{gate} was taken back: whoever asked does not wait any more")
    return RefusedError(f"{gate} is over: nobody answered it until {found.asked.until:%Y-%m-%d %H:%M:%S} UTC")


def _told(error: RPCError, gate: str) -> RefusedError | UnavailableError:
    if error.status is RPCStatusCode.NOT_FOUND:
        return unknown(gate)
    return UnavailableError(f"the inbox cannot be asked about {gate!r}: {error.message}")
