"""The handler's side: what stands between Temporal and a team's Nexus handler.

In this order: who calls (token, chain, grant, and Temporal's own link), may they (policy), is the input what the
contract says (schema). Then the handler, within a time limit of its own and with its transient failures retried, and
at last the output against the schema, without the fields that the caller does not see.

Nothing a handler does reaches anybody but its own caller: an exception or a handler that hangs ends that one
operation with an `OperationError`, which does not count towards the circuit breaker Temporal keeps per caller and endpoint.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, TypeVar

import nexusrpc
from nexusrpc.handler import StartOperationResultAsync, StartOperationResultSync
from temporalio import nexus
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import (
    ExecuteNexusOperationCancelInput,
    ExecuteNexusOperationStartInput,
    NexusOperationInboundInterceptor,
)
from tenacity import AsyncRetrying, retry_if_exception, stop_after_delay, wait_random_exponential

from callboard_contracts import MeshError, RefusedError, UnavailableError
from callboard_kit import mesh
from callboard_kit.contract_book import ContractBook, OperationContract
from callboard_kit.converter import DATA_CONVERTER, arrival
from callboard_kit.directory import Directory
from callboard_kit.failing import from_failure, to_operation_error, unexpected
from callboard_kit.identity import InvalidTokenError
from callboard_kit.links import disagreement
from callboard_kit.records import Recorder, outcome_of
from callboard_kit.settings import Settings
from callboard_kit.signing import MAX_PAYLOAD_BYTES
from callboard_kit.tokens import Address, Call, check_call

LONGEST_HANDLER: Final = timedelta(seconds=8)
"""How long a handler may take where Temporal does not say; a request has 10 s on a stock server."""

SHARE_OF_REQUEST: Final = 0.7
"""The part of Temporal's time for a request that a handler gets, so that its answer still arrives in time."""

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
    ) -> None:
        super().__init__(next)
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
        except Exception as error:  # A fault in the kit itself must not reach other callers either.
            raise to_operation_error(unexpected(error, where=f"{input.ctx.service} {input.ctx.operation}")) from error

    async def _handle(
        self, input: ExecuteNexusOperationStartInput
    ) -> StartOperationResultSync[Any] | StartOperationResultAsync:  # Any: as in the base class
        ctx = input.ctx
        began = time.time()
        call = await self._proved(ctx.headers, ctx.service, ctx.operation, began)
        contract = self._book.find(ctx.service, ctx.operation)
        try:
            if fault := disagreement(ctx.inbound_links, call, self._settings):
                raise nexusrpc.HandlerError(fault, type=nexusrpc.HandlerErrorType.UNAUTHENTICATED)
            call = self._permitted(call, contract)
            self._check_input(contract, call)
        except nexusrpc.HandlerError as error:
            self._recorder.tell(call, "refused", reason=error.message)
            raise
        entity = _entity(contract)
        revision = contract.digest if contract else ""
        self._recorder.tell(call, "started", reason=call.rule, entity=entity, revision=revision)
        with mesh.working_on(call):
            try:
                result = await self._bounded(
                    partial(self.next.execute_nexus_operation_start, input), ctx.request_deadline, what=_name(call)
                )
                if isinstance(result, StartOperationResultSync):
                    result = self._answer(result, contract, call)
            except MeshError as error:
                self._finish(call, error, began, entity, revision)
                raise to_operation_error(error) from error
        if isinstance(result, StartOperationResultSync):
            self._finish(call, None, began, entity, revision)
        return result

    async def execute_nexus_operation_cancel(self, input: ExecuteNexusOperationCancelInput) -> None:
        """Cancel only for whoever may have started."""
        ctx = input.ctx
        call = await self._proved(ctx.headers, ctx.service, ctx.operation, time.time(), with_input=False)
        with mesh.working_on(self._permitted(call, self._book.find(ctx.service, ctx.operation))):
            await super().execute_nexus_operation_cancel(input)

    async def _proved(
        self, headers: Any, service: str, operation: str, now: float, *, with_input: bool = True
    ) -> Call:  # Any: a mapping whose exact type differs between nexusrpc versions
        at = Address(endpoint=self._team, service=service, operation=operation)
        received = arrival()
        lower = {str(name).lower(): str(value) for name, value in headers.items()}
        await self._directory.prepare(lower)
        try:
            if nexus.info().endpoint not in self._settings.endpoints(self._team):
                raise InvalidTokenError(f"endpoint {nexus.info().endpoint!r} is not one of team {self._team!r}")
            return check_call(
                lower,
                at=at,
                team=self._team,
                input_digest=received.digest if received is not None and with_input else None,
                now=now,
                find_key=self._directory.find_key,
            )
        except InvalidTokenError as error:
            raise nexusrpc.HandlerError(str(error), type=nexusrpc.HandlerErrorType.UNAUTHENTICATED) from error

    def _permitted(self, call: Call, contract: OperationContract | None) -> Call:
        address = call.address
        if address is None or contract is None:
            raise nexusrpc.HandlerError(
                f"team {self._team!r} serves nothing by the name {_name(call)}",
                type=nexusrpc.HandlerErrorType.NOT_FOUND,
            )
        verdict = self._directory.policy().judge(
            service=address.service, operation=address.operation, effect=contract.promise.effect, chain=call.teams
        )
        if not verdict.allowed:
            raise nexusrpc.HandlerError(verdict.reason, type=nexusrpc.HandlerErrorType.UNAUTHORIZED)
        return replace(call, rule=verdict.rule, hide=verdict.hide)

    def _check_input(self, contract: OperationContract | None, call: Call) -> None:
        received = arrival()
        if received is None or contract is None:
            return
        if fault := contract.input_fault(received.data) or received.fault:
            raise nexusrpc.HandlerError(
                f"{_name(call)} cannot take this: {fault}", type=nexusrpc.HandlerErrorType.BAD_REQUEST
            )

    def _answer(
        self, result: StartOperationResultSync[Any], contract: OperationContract | None, call: Call
    ) -> StartOperationResultSync[Any]:  # Any: as in the base class
        if contract is None:
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
        return task.result()

    async def _persistent(self, work: Callable[[], Awaitable[ResultT]], limit: float, *, what: str) -> ResultT:
        retrying = AsyncRetrying(
            retry=retry_if_exception(self._is_transient),
            wait=wait_random_exponential(multiplier=0.05, max=0.5),
            stop=stop_after_delay(limit * 0.6),
            reraise=True,
        )
        try:
            return await retrying(work)
        except (MeshError, asyncio.CancelledError, nexusrpc.OperationError):
            raise
        except nexusrpc.HandlerError as error:
            if not error.retryable:
                raise
            raise UnavailableError(f"{what} is not available: {error.message}") from error
        except WorkflowAlreadyStartedError as error:
            raise RefusedError(f"this call of {what} was made before and its work is over") from error
        except ApplicationError as error:
            raise from_failure(error, what=what) or unexpected(error, where=what) from error
        except Exception as error:
            if self._is_transient(error):
                raise UnavailableError(
                    f"{what} is not available: its team's store or server does not answer"
                ) from error
            raise unexpected(error, where=what) from error

    def _is_transient(self, error: BaseException) -> bool:
        if isinstance(error, RPCError):
            return error.status in _TRANSIENT_STATUS
        return isinstance(error, self._transient)

    def _finish(self, call: Call, error: MeshError | None, began: float, entity: str, revision: str) -> None:
        self._recorder.tell(
            call,
            outcome_of(error),
            reason=call.rule if error is None else str(error),
            duration=time.time() - began,
            entity=entity,
            revision=revision,
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


def _entity(contract: OperationContract | None) -> str:
    received = arrival()
    if contract is None or received is None or not contract.promise.entity:
        return ""
    node: object = json.loads(received.data)
    for part in contract.promise.entity.split("."):
        node = node.get(part) if isinstance(node, dict) else None
    return "" if node is None else str(node)


def _name(call: Call) -> str:
    return f"{call.address.service} {call.address.operation}" if call.address else "the call"
