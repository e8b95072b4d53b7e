"""The handler's side: what stands between Temporal and a team's Nexus handler.

In this order: who calls (token, chain, grant, and Temporal's own link), may they (policy), is it still offered (the
listing's state), is the input what the contract says (schema). Then the handler, within a time limit of its own and
with its transient failures retried, and at last the output against the schema, without the fields that the caller
does not see.

Nothing a handler does reaches anybody but its own caller: an exception or a handler that hangs ends that one
operation with an `OperationError`, which does not count towards the circuit breaker Temporal keeps per caller and
endpoint.
"""

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, TypeVar

import nexusrpc
from nexusrpc.handler import StartOperationResultAsync, StartOperationResultSync
from temporalio import nexus
from temporalio.common import RawValue
from temporalio.exceptions import FailureError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import (
    ExecuteNexusOperationCancelInput,
    ExecuteNexusOperationStartInput,
    NexusOperationInboundInterceptor,
)
from tenacity import AsyncRetrying, retry_if_exception, stop_after_delay, wait_random_exponential

from callboard_contracts import MeshError, RefusedError, UnavailableError
from callboard_kit import mesh
from callboard_kit.approvals.demanding import demanded
from callboard_kit.contract_book import ContractBook, OperationContract
from callboard_kit.converter import DATA_CONVERTER, arrival
from callboard_kit.directory import Directory
from callboard_kit.discretion import discreet, entity_of
from callboard_kit.entities.deadlocks import SERVICE as LOCKS
from callboard_kit.entities.naming import MOST_ENTITIES, entities_of
from callboard_kit.failing import end_operation, from_vocabulary, unexpected
from callboard_kit.identity import InvalidTokenError, UnknownKeyError
from callboard_kit.keys import asked_digest, first_result, require_same, work_of
from callboard_kit.links import disagreement
from callboard_kit.policy import Verdict
from callboard_kit.records import CANCELLED, Recorder, outcome_of
from callboard_kit.settings import Settings
from callboard_kit.signing import MAX_PAYLOAD_BYTES
from callboard_kit.standing import Standing, noted
from callboard_kit.tokens import LONGEST_TEXT, Address, Call, check_call
from callboard_kit.trials.dry import DryRunError

LONGEST_HANDLER: Final = timedelta(seconds=8)
"""How long a handler may take where Temporal does not say; a request has 10 s on a stock server."""

SHARE_OF_REQUEST: Final = 0.7
"""The part of Temporal's time for a request that a handler gets, so that its answer still arrives in time."""

logger: Final = logging.getLogger(__name__)

ResultT = TypeVar("ResultT")

_TRANSIENT_STATUS: Final = frozenset(
    {
        RPCStatusCode.ABORTED,
        RPCStatusCode.DEADLINE_EXCEEDED,
        RPCStatusCode.RESOURCE_EXHAUSTED,
        RPCStatusCode.UNAVAILABLE,
    }
)


class MeshNexusInbound(NexusOperationInboundInterceptor):
    """Judges, bounds and records every operation that one worker handles."""

    def __init__(
        self,
        next: NexusOperationInboundInterceptor,
        *,
        team: str,
        settings: Settings,
        directory: Directory,
        book: ContractBook,
        recorder: Recorder,
        transient: tuple[type[BaseException], ...] = (),
        at_once: Collection[tuple[str, str]] = (),
    ) -> None:
        super().__init__(next)
        self._at_once = at_once
        self._team = team
        self._settings = settings
        self._directory = directory
        self._book = book
        self._recorder = recorder
        self._transient = (UnavailableError, ConnectionError, *transient)

    async def execute_nexus_operation_start(
        self, input: ExecuteNexusOperationStartInput
    ) -> StartOperationResultSync[Any] | StartOperationResultAsync:  # Any: as in the base class
        """Admit the call, run the handler, and answer as the contract has it."""
        try:
            return await self._handle(input)
        except (nexusrpc.HandlerError, nexusrpc.OperationError):
            raise
        except MeshError as error:
            end_operation(error)
        except Exception as error:  # A fault in the kit itself must not reach other callers either.
            end_operation(unexpected(error, where=f"{input.ctx.service} {input.ctx.operation}"))

    async def _handle(
        self, input: ExecuteNexusOperationStartInput
    ) -> StartOperationResultSync[Any] | StartOperationResultAsync:  # Any: as in the base class
        ctx = input.ctx
        began = time.time()
        call = await self._proved(ctx.headers, ctx.service, ctx.operation, began)
        try:
            if difference := disagreement(ctx.inbound_links, call, self._settings):
                raise _refusal(difference, nexusrpc.HandlerErrorType.UNAUTHENTICATED)
            call, contract, verdict = self._permitted(call)
            standing = self._standing(contract)
            self._check_input(contract, call)
            call = replace(call, approval=self._demanded(contract, call, verdict))
        except nexusrpc.HandlerError as error:
            self._recorder.tell(replace(call, entity=self._named(call)), "refused", reason=error.message)
            raise
        call = _as_far_as_dry(call, contract)
        call = replace(
            call,
            entity=_entity(contract),
            entities=self._locks(contract, call),
            asked=asked_digest(input.input) if call.key else "",
            revision=contract.digest,
            build=self._recorder.build,
        )
        self._recorder.tell_soon(
            call, "started", reason=noted(call.rule, standing, contract.service), revision=contract.digest
        )
        fault: BaseException | None = None
        result: StartOperationResultSync[Any] | StartOperationResultAsync | None = None
        with mesh.working_on(call):
            try:
                result = await self._bounded(
                    partial(self._answer, input, contract, call), ctx.request_deadline, what=_name(call)
                )
                return result
            except BaseException as error:
                fault = error
                raise
            finally:
                # The end of what goes on in a workflow is told by that workflow.
                if isinstance(result, StartOperationResultAsync):
                    self._recorder.catch_up()
                else:
                    self._finish(call, contract, fault, began, standing)

    async def execute_nexus_operation_cancel(self, input: ExecuteNexusOperationCancelInput) -> None:
        """Cancel only for whoever may have started, and only what this call started."""
        ctx = input.ctx
        try:
            call = await self._proved(ctx.headers, ctx.service, ctx.operation, time.time(), with_input=False)
            call, *_ = self._permitted(call)
            if _names_other_work(input.token, call):
                raise _refusal(
                    f"this call of {call.caller!r} did not start that work", nexusrpc.HandlerErrorType.UNAUTHORIZED
                )
            with mesh.working_on(call):
                await self._bounded(
                    partial(self.next.execute_nexus_operation_cancel, input), ctx.request_deadline, what=_name(call)
                )
        except UnavailableError as error:
            # A cancellation has no result to fail with. Temporal sends it again.
            raise _refusal(str(error), nexusrpc.HandlerErrorType.UNAVAILABLE) from None
        except MeshError as error:
            raise _refusal(str(error), nexusrpc.HandlerErrorType.INTERNAL) from None

    async def _proved(
        self, headers: Mapping[str, str], service: str, operation: str, now: float, *, with_input: bool = True
    ) -> Call:
        received = arrival()
        lower = {name.lower(): value for name, value in headers.items()}
        await self._directory.prepare(lower)
        try:
            endpoint = self._settings.logical_endpoint(self._team, nexus.info().endpoint)
            if endpoint is None:
                raise InvalidTokenError(f"endpoint {nexus.info().endpoint!r} is not one of team {self._team!r}")
            if with_input and received is None:
                raise InvalidTokenError(
                    f"team {self._team!r} cannot see the input as it was sent; its data converter is not the plugin's"
                )
            return check_call(
                lower,
                at=Address(endpoint=endpoint, service=service, operation=operation),
                team=self._team,
                input_digest=received.digest if received is not None and with_input else None,
                now=now,
                find_key=self._directory.find_key,
            )
        except InvalidTokenError as error:
            logger.warning("a call of %s %s was not let in: %s", service, operation, error)
            if isinstance(error, UnknownKeyError) and not self._directory.in_touch():
                raise UnavailableError(f"{error}, and the registry cannot be asked") from None
            raise _refusal(str(error), nexusrpc.HandlerErrorType.UNAUTHENTICATED) from None

    def _permitted(self, call: Call) -> tuple[Call, OperationContract, Verdict | None]:
        """Refuse what the policy does not let in, and return what it says; nothing where it has no say."""
        address = call.address
        contract = None if address is None else self._book.find(address.service, address.operation)
        if address is None or contract is None:
            raise _refusal(
                f"team {self._team!r} serves nothing by the name {_name(call)}", nexusrpc.HandlerErrorType.NOT_FOUND
            )
        if address.service == LOCKS:
            return replace(call, rule="members-ask-each-other"), contract, None
        verdict = self._directory.policy().judge(
            service=address.service, operation=address.operation, effect=contract.promise.effect, chain=call.teams
        )
        if not verdict.allowed:
            raise _refusal(verdict.reason, nexusrpc.HandlerErrorType.UNAUTHORIZED)
        return replace(call, rule=verdict.rule, hide=verdict.hide), contract, verdict

    def _demanded(self, contract: OperationContract, call: Call, verdict: Verdict | None) -> str:
        """Return the approval that the policy demands for this call, for the workflow behind it to ask for."""
        if verdict is None:
            return ""
        name, received = contract.description.name, arrival()
        wanted = demanded(verdict.rule, verdict.approval, contract, received.data if received else b"")
        if wanted is None:
            return ""
        if (contract.service, name) in self._at_once:
            raise _refusal(
                f"rule {verdict.rule!r} wants {_name(call)} approved by a person, but it answers at once and cannot "
                "wait; its team has to put a workflow behind it",
                nexusrpc.HandlerErrorType.UNAUTHORIZED,
            )
        return wanted.model_dump_json()

    def _named(self, call: Call) -> str:
        """Return what a call that is not let in would have acted on."""
        contract = None if call.address is None else self._book.find(call.address.service, call.address.operation)
        return "" if contract is None else _entity(contract)

    def _standing(self, contract: OperationContract) -> Standing | None:
        """Refuse what is served no more, and return where it stands, marked on the span if it is about to go."""
        standing = self._directory.standing(contract.service, contract.digest)
        if standing is not None:
            if reason := standing.refusal(contract.service):
                raise _refusal(reason, nexusrpc.HandlerErrorType.NOT_FOUND)
            standing.mark(contract.service)
        return standing

    def _locks(self, contract: OperationContract, call: Call) -> tuple[tuple[str, str], ...]:
        """Return the locks that the workflow behind this call is to take; none where they are switched off."""
        received = arrival()
        if received is None or not self._settings.locks:
            return ()
        found = entities_of(contract.promise, received.data)
        if len(found) > MOST_ENTITIES:
            raise RefusedError(
                f"{_name(call)} would act on {len(found)} entities at once; {MOST_ENTITIES} is the limit"
            )
        return tuple((entity.name, entity.shown) for entity in found)

    def _check_input(self, contract: OperationContract, call: Call) -> None:
        received = arrival()
        if received is not None and (fault := contract.input_fault(received.data) or received.fault):
            raise _refusal(f"{_name(call)} cannot take this: {fault}", nexusrpc.HandlerErrorType.BAD_REQUEST)

    async def _answer(
        self, input: ExecuteNexusOperationStartInput, contract: OperationContract, call: Call
    ) -> StartOperationResultSync[Any] | StartOperationResultAsync:  # Any: as in the base class
        try:
            result = await self.next.execute_nexus_operation_start(input)
        except WorkflowAlreadyStartedError as error:
            if not call.key:
                raise
            payload = await first_result(call, error.workflow_id)
            payload.data = checked_output(contract, payload.data, call)
            return StartOperationResultSync(RawValue(payload))
        if isinstance(result, StartOperationResultAsync):
            if call.key and (work := work_of(result.token)):
                await require_same(call, work)
            return result
        [payload] = DATA_CONVERTER.payload_converter.to_payloads([result.value])
        payload.data = checked_output(contract, payload.data, call)
        return StartOperationResultSync(RawValue(payload))

    async def _bounded(
        self, work: Callable[[], Awaitable[ResultT]], deadline: datetime | None, *, what: str
    ) -> ResultT:
        limit = LONGEST_HANDLER.total_seconds()
        if deadline is not None:
            limit = min(limit, (deadline - datetime.now(UTC)).total_seconds() * SHARE_OF_REQUEST)
        task = asyncio.ensure_future(self._persistent(work, limit, what=what))
        try:
            # Not `wait_for`: it would wait on for a handler that does not let itself be cancelled.
            done, _ = await asyncio.wait({task}, timeout=max(limit, 0.05))
        except asyncio.CancelledError:
            task.cancel()
            raise
        if not done:
            task.cancel()
            task.add_done_callback(lambda late: late.cancelled() or late.exception())
            raise UnavailableError(f"{what} did not answer within {limit:.1f} s")
        if task.cancelled():
            # By the handler itself. Passed on, Temporal would take it for an end of this worker and deliver again.
            raise unexpected(asyncio.CancelledError(), where=what)
        return task.result()

    async def _persistent(self, work: Callable[[], Awaitable[ResultT]], limit: float, *, what: str) -> ResultT:
        try:
            return await self._tried(work, limit)
        except MeshError:
            raise
        except nexusrpc.HandlerError as error:
            kind = UnavailableError if error.retryable else RefusedError
            raise kind(error.message) from error
        except nexusrpc.OperationError as error:
            if error.state is nexusrpc.OperationErrorState.CANCELED:
                raise
            raise from_vocabulary(error, what=what) or MeshError(error.message) from error
        except WorkflowAlreadyStartedError as error:
            raise RefusedError(f"this call of {what} was made before and its work is over") from error
        except (Exception, SystemExit) as error:
            if self._is_transient(error):
                raise UnavailableError(
                    f"{what} is not available: its team's store or server is out of reach"
                ) from error
            known = from_vocabulary(error, what=what) if isinstance(error, FailureError) else None
            raise known or unexpected(error, where=what) from error

    async def _tried(self, work: Callable[[], Awaitable[ResultT]], limit: float) -> ResultT:
        try:
            # Nearly always once is enough, and what watches over more attempts costs more than many a handler.
            return await work()
        except (RPCError, *self._transient) as error:
            if not self._is_transient(error):
                raise
        retrying = AsyncRetrying(
            retry=retry_if_exception(self._is_transient),
            wait=wait_random_exponential(multiplier=0.05, max=0.5),
            stop=stop_after_delay(limit * 0.6),
            reraise=True,
        )
        return await retrying(work)

    def _is_transient(self, error: BaseException) -> bool:
        if isinstance(error, RPCError):
            return error.status in _TRANSIENT_STATUS
        return isinstance(error, self._transient)

    def _finish(
        self,
        call: Call,
        contract: OperationContract,
        fault: BaseException | None,
        began: float,
        standing: Standing | None,
    ) -> None:
        received = arrival()
        cancelled = fault is not None and not isinstance(fault, MeshError)
        reason = call.rule if fault is None else CANCELLED if cancelled else str(fault)
        self._recorder.tell_soon(
            call,
            "cancelled" if cancelled else outcome_of(fault),
            reason=noted(
                reason if received is None else discreet(reason, contract.promise, received.data),
                standing,
                contract.service,
            ),
            duration=time.time() - began,
            revision=contract.digest,
        )


def _as_far_as_dry(call: Call, contract: OperationContract) -> Call:
    """Return a call that may go on; a dry run goes no further than here with what it must not do.

    Raises:
        DryRunError: It was let in, and what it asks for would have an effect, or would need a person.
    """
    if not call.dry:
        return call
    if contract.promise.effect != "read" or call.approval:
        raise DryRunError(f"this is a dry run: {_name(call)} was let in by rule {call.rule!r}, and was not done")
    return replace(call, harmless=True)


def _refusal(reason: str, kind: nexusrpc.HandlerErrorType) -> nexusrpc.HandlerError:
    """Return what refuses a request. Temporal sends a stack trace along, so this one says that there is none to see."""
    return nexusrpc.HandlerError(
        reason,
        type=kind,
        stack_trace="(with the team that was called)",
        retryable_override=kind is nexusrpc.HandlerErrorType.UNAVAILABLE,
    )


def checked_output(contract: OperationContract, data: bytes, call: Call) -> bytes:
    """Return an answer as it may leave: valid, not too large, and without what the caller does not see.

    Raises:
        MeshError: The team's own answer breaks its contract.
    """
    name = f"{contract.service} {contract.description.name}"
    if fault := contract.output_fault(data):
        raise MeshError(f"the answer of {name} breaks its contract: {fault}")
    if len(data) > MAX_PAYLOAD_BYTES:
        raise MeshError(f"the answer of {name} has {len(data)} bytes; {MAX_PAYLOAD_BYTES} is the limit")
    return contract.hidden(data, call.hide) if call.hide else data


def _entity(contract: OperationContract) -> str:
    received = arrival()
    return "" if received is None else entity_of(contract.promise, received.data, longest=LONGEST_TEXT)


def _names_other_work(operation_token: str, call: Call) -> bool:
    """Tell whether a token of a running operation names a workflow that another call of the mesh started.

    Temporal passes on the token that it was given for this call; but whoever can reach Temporal's HTTP API may send
    any. A workflow whose id its team chose itself is passed over: there is no telling whose work it is.
    """
    work = work_of(operation_token)
    if work is None:
        return True
    if not work or call.address is None:
        return False
    derived = re.fullmatch(r"[a-z][a-z0-9]+-\w+-([0-9a-f]{24})", work)
    return derived is not None and derived[1] != mesh.call_hash(call)


def _name(call: Call) -> str:
    return f"{call.address.service} {call.address.operation}" if call.address else "the call"
