"""The caller's side inside a workflow: whatever a member's workflow calls over Nexus leaves signed and bounded.

Everything here runs in the workflow and is deterministic: time is the workflow's, ids are counted, and the one look
outside (does the endpoint exist?) is a local activity whose answer is kept in the history, unless whoever started the
run looked just before. That look is needed because a call to an endpoint that does not exist fails the workflow *task*,
which nobody can catch and Temporal retries for ever.
"""

import asyncio
from collections.abc import Awaitable, Coroutine, Generator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final, NoReturn, TypeVar, cast

import temporalio.api.common.v1
from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    ChildWorkflowError,
    NexusOperationError,
    is_cancelled_exception,
)
from temporalio.worker import (
    ContinueAsNewInput,
    SignalExternalWorkflowInput,
    StartActivityInput,
    StartChildWorkflowInput,
    StartLocalActivityInput,
    StartNexusOperationInput,
    WorkflowOutboundInterceptor,
)

from callboard_contracts import RefusedError, UnavailableError
from callboard_kit import mesh
from callboard_kit.budgets.lending import CallLoan, continued, lent_to_child
from callboard_kit.contract_book import ContractBook
from callboard_kit.events.telling import Step, current_step
from callboard_kit.failing import from_failure
from callboard_kit.fingerprint.carrying import raise_drift
from callboard_kit.outlook import Outlook
from callboard_kit.search_attributes import with_search_attributes
from callboard_kit.settings import Settings
from callboard_kit.signing import CallSigner
from callboard_kit.tokens import Address, Call
from callboard_kit.trials.dry import HEADER, DryRunError
from callboard_kit.trials.repeating import Repeating

CALL_HEADER: Final = "callboard-call"
"""The Temporal header in which a call's context travels inside the team's own namespace."""

STEP_HEADER: Final = "callboard-step"
"""The Temporal header that tells an activity which step of an agent it belongs to."""

ENDPOINT_EXISTS: Final = "callboard.endpoint_exists"
"""The local activity that tells whether a Nexus endpoint exists."""

MAX_IN_FLIGHT: Final = 25
"""Operations that one workflow has pending at a time; the next one waits. Temporal's own limit is 30 by default, and
going over it fails the workflow task."""

ResultT = TypeVar("ResultT")
InputT = TypeVar("InputT")
OutputT = TypeVar("OutputT")


class MeshWorkflowOutbound(WorkflowOutboundInterceptor):
    """Signs, bounds and translates what one workflow run sends out."""

    def __init__(
        self,
        next: WorkflowOutboundInterceptor,
        *,
        signer: CallSigner,
        settings: Settings,
        outlook: Outlook,
        book: ContractBook,
    ) -> None:
        super().__init__(next)
        self._book = book
        self._outlook = outlook
        self._signer = signer
        self._settings = settings
        self._calls = 0
        self._endpoints: set[str] = set()
        self._questions: dict[str, asyncio.Task[bool]] = {}
        self._turns = asyncio.Semaphore(MAX_IN_FLIGHT)
        self._repeating = Repeating()

    async def start_nexus_operation(
        self, input: StartNexusOperationInput[InputT, OutputT]
    ) -> workflow.NexusOperationHandle[OutputT]:
        """Schedule one call of the mesh once it is certain that it can be scheduled.

        Raises:
            RefusedError: The endpoint does not exist, or the call is too deep, too large or one too many.
            UnavailableError: No time is left for it.
        """
        parent = mesh.current()
        to = Address(endpoint=input.endpoint, service=input.service, operation=input.operation_name)
        self._calls += 1
        if self._calls > parent.limits.fan_out:
            raise RefusedError(f"this workflow has made {parent.limits.fan_out} calls, the limit of its tree")
        if parent.dry and (known := await self._repeating.operation(parent, input)) is not None:
            return known
        token_id = f"{workflow.info().run_id}:{self._calls}"
        await self._turns.acquire()
        loan: CallLoan | None = None
        try:
            loan = CallLoan.of(parent, to, self._book)
            input.endpoint = self._settings.physical(to.endpoint)
            if not await self._exists(input.endpoint):
                raise RefusedError(
                    f"no Nexus endpoint {input.endpoint!r} exists; is team {to.endpoint!r} provisioned? "
                    "`callboard catalog list` shows who is there"
                )
            [payload] = workflow.payload_converter().to_payloads([input.input])
            signed = self._signer.sign(
                parent=parent,
                to=to,
                data=payload.data,
                token_id=token_id,
                now=workflow.time(),
                time_limit=input.schedule_to_close_timeout,
                headers=input.headers or {},
                idempotency_key=mesh.given_key(),
                limits=loan.limits,
            )
            # The bytes that were signed are the bytes that are sent: nothing is encoded a second time.
            input.input = cast(InputT, RawValue(payload))
            input.headers = signed.headers
            input.schedule_to_close_timeout = signed.time_limit
            if not workflow.unsafe.is_replaying():
                self._outlook.note(to.service, to.operation)
            output_type, answers = input.output_type, cast("StartNexusOperationInput[InputT, RawValue]", input)
            # Read raw, since beside the answer stands what it took.
            answers.output_type = RawValue
            handle = await self.next.start_nexus_operation(answers)
        except NexusOperationError as error:
            self._turns.release()
            if loan is not None:
                loan.failed(error)
            known = from_failure(error, what=f"{to.service} {to.operation}")
            if known is None:
                raise
            raise known from error
        except BaseException:
            self._turns.release()
            if loan is not None:
                loan.unused()
            raise
        what = f"{to.service} {to.operation}"
        return _MeshHandle(handle, what=what, turns=self._turns, loan=loan, output_type=output_type)

    def start_activity(self, input: StartActivityInput) -> workflow.ActivityHandle[Any]:  # Any: as in the base class
        """Start an activity that knows the call it works for and whose refusals come back as refusals."""
        input.headers = self._with_note(_with_step(_with_call(input.headers)), input)
        return _translated(self.next.start_activity(input), what=f"activity {input.activity}")

    def start_local_activity(
        self, input: StartLocalActivityInput
    ) -> workflow.ActivityHandle[Any]:  # Any: as in the base class
        """Start a local activity, as `start_activity` does."""
        input.headers = self._with_note(_with_call(input.headers), input)
        return _translated(self.next.start_local_activity(input), what=f"activity {input.activity}")

    async def start_child_workflow(
        self, input: StartChildWorkflowInput
    ) -> workflow.ChildWorkflowHandle[Any, Any]:  # Any: as in the base class
        """Start a child that goes on in the same tree, and is found by it."""
        call, loan = lent_to_child(mesh.maybe_current())
        if call is not None:
            # What a child asks for stands in another history than what its parent copies.
            input.headers = {**input.headers, CALL_HEADER: call_payload(replace(call.inside(), copies=""))}
        if call is not None and call.searchable:
            input.search_attributes = with_search_attributes(input.search_attributes, call.inside())
        try:
            child = await self.next.start_child_workflow(input)
        except BaseException:
            loan.unused()
            raise
        child.add_done_callback(loan.child_ended)
        return child

    async def signal_external_workflow(self, input: SignalExternalWorkflowInput) -> None:
        """Signal a workflow that may be anybody's; a dry run signals none."""
        if not mesh.current().dry:
            await self.next.signal_external_workflow(input)

    async def start_system_nexus_operation(
        self, input: StartNexusOperationInput[InputT, OutputT]
    ) -> workflow.NexusOperationHandle[OutputT]:
        """Have Temporal start or signal what may be anybody's.

        Raises:
            DryRunError: This is a dry run.
        """
        if mesh.current().dry:
            raise DryRunError(f"this is a dry run: {input.operation_name} was not done")
        return await self.next.start_system_nexus_operation(input)

    def _with_note(
        self,
        headers: dict[str, temporalio.api.common.v1.Payload],
        input: StartActivityInput | StartLocalActivityInput,
    ) -> dict[str, temporalio.api.common.v1.Payload]:
        call = mesh.maybe_current()
        if call is None or not call.dry:
            return headers
        return {**headers, HEADER: self._repeating.note(input.activity, input.args)}

    def continue_as_new(self, input: ContinueAsNewInput) -> NoReturn:
        """Go on in a new run that answers the same call, on the build that gets new work by then."""
        call = mesh.maybe_current()
        if call is not None:
            input.headers = {**input.headers, CALL_HEADER: call_payload(continued(call))}
        if input.initial_versioning_behavior is None and workflow.info().get_current_deployment_version() is not None:
            # Pinned to the build of the run before, what lives long would never meet another one.
            input.initial_versioning_behavior = workflow.ContinueAsNewVersioningBehavior.AUTO_UPGRADE
        self.next.continue_as_new(input)

    async def _exists(self, endpoint: str) -> bool:
        if endpoint in self._endpoints:
            return True
        # Whoever started this run may just have looked: then nobody needs to look again.
        if mesh.current().endpoints.still(endpoint, workflow.time()):
            self._endpoints.add(endpoint)
            return True
        question = self._questions.get(endpoint)
        if question is None:
            question = self._questions[endpoint] = asyncio.create_task(_ask(endpoint))
            question.add_done_callback(lambda done: self._answered(endpoint, done))
        # Several calls may wait for one answer; that one of them is cancelled is nothing to the others.
        return await asyncio.shield(question)

    def _answered(self, endpoint: str, question: asyncio.Task[bool]) -> None:
        del self._questions[endpoint]
        if not question.cancelled() and question.exception() is None and question.result():
            self._endpoints.add(endpoint)


async def _ask(endpoint: str) -> bool:
    try:
        return await workflow.execute_local_activity(
            ENDPOINT_EXISTS,
            endpoint,
            result_type=bool,
            start_to_close_timeout=timedelta(seconds=5),
            retry_policy=RetryPolicy(maximum_attempts=3),
        )
    except ActivityError as error:
        if is_cancelled_exception(error):
            raise
        raise UnavailableError(f"it cannot be told whether a Nexus endpoint {endpoint!r} exists") from error


class _MeshHandle(workflow.NexusOperationHandle[OutputT]):
    """A handle that gives its turn back when the operation is over and raises the vocabulary's errors."""

    def __init__(
        self,
        handle: workflow.NexusOperationHandle[RawValue],
        *,
        what: str,
        turns: asyncio.Semaphore,
        loan: CallLoan,
        output_type: type[OutputT] | None,
    ) -> None:
        self._handle = handle
        answer = _awaited(_paid(handle, loan, output_type), what=what)
        self._task = asyncio.create_task(answer, name=f"callboard: {what}")
        self._task.add_done_callback(lambda task: _give_back(task, turns))

    @property
    def operation_token(self) -> str | None:
        return self._handle.operation_token

    def cancel(self) -> bool:
        return self._handle.cancel()

    def __await__(self) -> Generator[Any, Any, OutputT]:  # Any: as in the base class
        return self._task.__await__()


def _give_back(task: asyncio.Task[Any], turns: asyncio.Semaphore) -> None:  # Any: whatever the operation answers
    turns.release()
    if not task.cancelled():
        task.exception()  # Marks it as seen: a handle that nobody awaits is no error of the workflow's.


async def _paid(
    handle: workflow.NexusOperationHandle[RawValue], loan: CallLoan, output_type: type[OutputT] | None
) -> OutputT:
    """Return the answer of an operation, once what it took is accounted for."""
    try:
        payload = (await handle).payload
    except BaseException as error:
        loan.failed(error)
        raise
    loan.answered(payload)
    try:
        [answer] = workflow.payload_converter().from_payloads([payload], [output_type] if output_type else None)
    except Exception as error:  # As Temporal has it: what cannot be read is no failure of the operation's.
        raise RuntimeError("Failed decoding arguments") from error
    return cast(OutputT, answer)


async def _awaited(handle: Awaitable[OutputT], *, what: str) -> OutputT:
    try:
        return await handle
    except (NexusOperationError, ActivityError, ChildWorkflowError) as error:
        raise_drift(error)
        known = from_failure(error, what=what)
        # An activity that failed for a reason outside the vocabulary is its own workflow's business.
        if known is None or (isinstance(error, ActivityError) and not _is_vocabulary(error)):
            raise
        raise known from error


def _translated(handle: workflow.ActivityHandle[ResultT], *, what: str) -> workflow.ActivityHandle[ResultT]:
    work: Coroutine[Any, Any, ResultT] = _awaited(handle, what=what)  # Any: what a coroutine yields is asyncio's
    # An activity handle is a task with another name; this one waits for the first and cancels it when cancelled.
    return cast("workflow.ActivityHandle[ResultT]", asyncio.create_task(work, name=f"callboard: {what}"))


def _is_vocabulary(error: ActivityError) -> bool:
    cause = error.cause
    return isinstance(cause, ApplicationError) and cause.type in {"RefusedError", "UnavailableError"}


def _with_call(
    headers: Mapping[str, temporalio.api.common.v1.Payload],
) -> dict[str, temporalio.api.common.v1.Payload]:
    call = mesh.maybe_current()
    return dict(headers) if call is None else {**headers, CALL_HEADER: call_payload(call.inside())}


def _with_step(
    headers: dict[str, temporalio.api.common.v1.Payload],
) -> dict[str, temporalio.api.common.v1.Payload]:
    step = current_step()
    return headers if step is None else {**headers, STEP_HEADER: _json_payload(step.to_json())}


def _json_payload(data: bytes) -> temporalio.api.common.v1.Payload:
    return temporalio.api.common.v1.Payload(metadata={"encoding": b"json/plain"}, data=data)


def step_from(headers: Mapping[str, temporalio.api.common.v1.Payload]) -> Step | None:
    """Return the step of an agent that `headers` name, if any."""
    payload = headers.get(STEP_HEADER)
    return None if payload is None else Step.from_json(payload.data)


def call_payload(call: Call) -> temporalio.api.common.v1.Payload:
    """Return the context as a payload for a Temporal header."""
    return _json_payload(call.to_json())


def call_from(headers: Mapping[str, temporalio.api.common.v1.Payload]) -> Call | None:
    """Return the context that `headers` carry, if any."""
    payload = headers.get(CALL_HEADER)
    return None if payload is None else Call.from_json(payload.data)
