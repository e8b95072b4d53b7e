"""The inside of a workflow run: it knows the call it works on, and its result leaves as the contract has it."""

import asyncio
from collections.abc import Awaitable, Generator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import FailureError, is_cancelled_exception
from temporalio.worker import (
    ExecuteWorkflowInput,
    HandleQueryInput,
    HandleSignalInput,
    HandleUpdateInput,
    WorkflowInboundInterceptor,
    WorkflowOutboundInterceptor,
)

from callboard_contracts import MeshError, RefusedError
from callboard_kit import mesh
from callboard_kit.approvals.asking import Questions, asking_by
from callboard_kit.approvals.demanding import approved
from callboard_kit.budgets.sharing import NOTHING, Amount, Purse, paying_from
from callboard_kit.budgets.telling import tell_in_answer, tell_in_failure
from callboard_kit.caller import MeshWorkflowOutbound, call_from
from callboard_kit.contract_book import ContractBook, OperationContract
from callboard_kit.directory import Directory
from callboard_kit.discretion import discreet
from callboard_kit.entities.holding import entities_taken
from callboard_kit.events.masking import speaks_to_others, words_are_sensitive
from callboard_kit.events.model import RunEnded, RunStarted, outcome_of_run
from callboard_kit.events.telling import Teller, tell, telling
from callboard_kit.failing import from_vocabulary, to_failure
from callboard_kit.handler import checked_output
from callboard_kit.outlook import Outlook
from callboard_kit.records import CANCELLED, Recorder, Used, outcome_of
from callboard_kit.search_attributes import OUTCOME
from callboard_kit.settings import Settings
from callboard_kit.signing import CallSigner
from callboard_kit.standing import noted
from callboard_kit.tokens import Address, Call
from callboard_registry_api.model import Outcome


class MeshWorkflowInbound(WorkflowInboundInterceptor):
    """Gives a run its call, and checks, trims and records what it answers."""

    def __init__(
        self,
        next: WorkflowInboundInterceptor,
        *,
        signer: CallSigner,
        settings: Settings,
        book: ContractBook,
        recorder: Recorder,
        directory: Directory,
        outlook: Outlook,
    ) -> None:
        super().__init__(next)
        self._signer = signer
        self._settings = settings
        self._book = book
        self._recorder = recorder
        self._directory = directory
        self._outlook = outlook
        self._call: Call | None = None
        self._teller: Teller | None = None
        self._purse: Purse | None = None
        self._questions = Questions()

    def init(self, outbound: WorkflowOutboundInterceptor) -> None:
        """Put the caller's side in front of everything the run sends out."""
        super().init(
            MeshWorkflowOutbound(
                outbound, signer=self._signer, settings=self._settings, outlook=self._outlook, book=self._book
            )
        )

    async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:  # Any: as in the base class
        """Run the workflow on behalf of its call."""
        self._call = call = self._known()
        contract = None if call.address is None else self._book.find(call.address.service, call.address.operation)
        if contract is not None and words_are_sensitive(contract):
            self._call = replace(call, wordless=True)
        with self._at_work(self._call):
            if contract is not None:
                return await self._answer(input, contract, self._call)
            return await self._marked(self._open(input) if call.opens else super().execute_workflow(input))

    async def _marked(self, work: Awaitable[Any]) -> Any:  # Any: as in the base class
        """Return what a run that answers no operation comes to, and let the run be found by how it ended."""
        try:
            answer = await work
        except (MeshError, FailureError, asyncio.CancelledError) as error:
            if not is_cancelled_exception(error):
                self._mark(outcome_of(from_vocabulary(error, what="the run") or error))
            elif workflow.cancellation_reason() is not None:  # Otherwise the run only leaves this worker's memory.
                self._mark("cancelled")
            raise
        self._mark("ok")
        return answer

    async def _open(self, input: ExecuteWorkflowInput) -> Any:  # Any: as in the base class
        """Run the workflow at the root of a tree, and tell of its beginning and its end."""
        info = workflow.info()
        if info.continued_run_id is None:
            tell(RunStarted(workflow_id=info.workflow_id))
        try:
            answer = await super().execute_workflow(input)
        except (MeshError, FailureError, asyncio.CancelledError) as error:
            if workflow.cancellation_reason() is not None and is_cancelled_exception(error):
                tell(RunEnded(outcome="cancelled", error=workflow.cancellation_reason() or ""))
            elif not isinstance(error, asyncio.CancelledError):  # Then the run only leaves this worker's memory.
                told = _told(error, what=info.workflow_type)
                tell(RunEnded(outcome=outcome_of_run(told), error=str(told)))
            raise
        tell(RunEnded(outcome="ok"))
        return answer

    async def _answer(
        self, input: ExecuteWorkflowInput, contract: OperationContract, call: Call
    ) -> Any:  # Any: as in the base class
        """Run the workflow behind an operation, and answer as its contract has it."""
        try:
            # A person first, then the lock: nothing is locked while a person thinks.
            await approved(call, contract, self._questions)
            async with entities_taken(call) as holding:
                self._call = holding
                answer = await super().execute_workflow(input)
            [payload] = workflow.payload_converter().to_payloads([answer])
            payload.data = checked_output(contract, payload.data, call)
            tell_in_answer(payload, self._spent)
        except (MeshError, FailureError, asyncio.CancelledError) as error:
            if is_cancelled_exception(error):
                if workflow.cancellation_reason() is not None:  # Otherwise the run only leaves this worker's memory.
                    self._ended(contract, "cancelled", CANCELLED)
                raise
            told = _told(error, what=f"{contract.service} {contract.description.name}")
            self._ended(contract, outcome_of(told), _discreet(str(told), contract, input))
            # Temporal hands the failure of this run to the caller as it stands, with all its causes.
            raise tell_in_failure(to_failure(told), self._spent) from None
        self._ended(contract, "ok", call.rule, payload.data)
        return RawValue(payload)

    async def handle_signal(self, input: HandleSignalInput) -> None:
        """Handle a signal on behalf of the run's call."""
        with self._at_work(self._known()):
            await super().handle_signal(input)

    async def handle_query(self, input: HandleQueryInput) -> Any:  # Any: as in the base class
        """Handle a query on behalf of the run's call."""
        with mesh.working_on(self._known()):
            return await super().handle_query(input)

    def handle_update_validator(self, input: HandleUpdateInput) -> None:
        """Check an update on behalf of its own call or the run's, with the keys that are vouched for now."""
        own = call_from(input.headers) or self._known()
        with self._at_work(self._known()), mesh.working_on(own), mesh.trusting(self._directory.find_key):
            super().handle_update_validator(input)

    async def handle_update_handler(self, input: HandleUpdateInput) -> Any:  # Any: as in the base class
        """Handle an update on behalf of the run's call, or answer the operation that it is behind."""
        call = call_from(input.headers)
        if call is not None and call.address is not None:
            return await self._exchange(input, call, call.address)
        with self._at_work(self._known()):
            return await super().handle_update_handler(input)

    async def _exchange(
        self, input: HandleUpdateInput, call: Call, address: Address
    ) -> Any:  # Any: as in the base class
        """Answer an operation whose whole work is this update, as its contract has it."""
        contract = self._book.find(address.service, address.operation)
        what = f"{address.service} {address.operation}"
        if contract is None or call.entities:
            # A lock is taken by a run, and this run goes on after the update.
            raise to_failure(RefusedError(f"{what} cannot be an update: it acts on an entity, or has no contract here"))
        call = replace(call, wordless=speaks_to_others(contract, call))
        began = call.started or workflow.time()
        name = f"{workflow.info().run_id}/{input.id}"
        teller = Teller(self._recorder.events, call.root, call.team, address.operation, name, wordless=call.wordless)
        purse = Purse.within(call.limits)
        with mesh.working_on(call), paying_from(purse), telling(teller), asking_by(self._questions):
            try:
                await approved(call, contract, self._questions)
                answer = await super().handle_update_handler(input)
                [payload] = workflow.payload_converter().to_payloads([answer])
                payload.data = checked_output(contract, payload.data, call)
                tell_in_answer(payload, purse.spent)
            except (MeshError, FailureError, asyncio.CancelledError) as error:
                if is_cancelled_exception(error):
                    raise
                told = _told(error, what=what)
                self._record(contract, call, outcome_of(told), _discreet(str(told), contract, input), began)
                raise tell_in_failure(to_failure(told), purse.spent) from None
            self._record(contract, call, "ok", call.rule, began, payload.data)
        return RawValue(payload)

    @contextmanager
    def _at_work(self, call: Call) -> Generator[None]:
        if self._teller is None:
            info = workflow.info()
            operation = info.workflow_type if call.address is None else call.address.operation
            events = None if call.copies else self._recorder.events
            self._teller = Teller(events, call.root, call.team, operation, info.run_id)
        self._teller.wordless = call.wordless
        if self._purse is None:
            self._purse = Purse.within(call.limits)
        with (
            mesh.working_on(call),
            paying_from(self._purse),
            telling(self._teller),
            asking_by(self._questions),
        ):
            yield

    @property
    def _spent(self) -> Amount:
        return NOTHING if self._purse is None else self._purse.spent

    def _known(self) -> Call:
        # A signal or an update may come before the run itself has begun.
        return (
            self._call
            or call_from(workflow.info().headers)
            or Call(root=workflow.info().first_execution_run_id, team=self._signer.key.team, opens=True)
        )

    def _mark(self, outcome: Outcome) -> None:
        # Runs that were started before there was this attribute are known by their headers: to set it there would
        # be another turn than their histories took.
        if self._call is not None and self._call.searchable:
            workflow.upsert_search_attributes(  # pyright: ignore[reportUnknownMemberType] - an older form is untyped
                [OUTCOME.value_set(outcome)]
            )

    def _ended(self, contract: OperationContract, outcome: Outcome, reason: str, answer: bytes = b"") -> None:
        self._mark(outcome)
        if self._call is None or workflow.unsafe.is_replaying():
            return
        started = self._call.started or workflow.info().start_time.astimezone(UTC).timestamp()
        self._record(contract, self._call, outcome, reason, started, answer)

    def _record(
        self,
        contract: OperationContract,
        call: Call,
        outcome: Outcome,
        reason: str,
        started: float,
        answer: bytes = b"",
    ) -> None:
        """Tell how a call ended."""
        if workflow.unsafe.is_replaying() or (call.dry and call.copies):
            return
        self._recorder.tell(
            replace(call, started=started),
            outcome,
            reason=noted(reason, self._directory.standing(contract.service, contract.digest), contract.service),
            duration=max(0.0, workflow.time() - started),
            revision=contract.digest,
            used=Used.read_from(answer) if contract.promise.kind in ("agent", "exchange") and answer else None,
        )


def _discreet(reason: str, contract: OperationContract, input: ExecuteWorkflowInput | HandleUpdateInput) -> str:
    if not contract.promise.sensitive or not input.args:
        return reason
    # What a workflow is started with is, or holds, what its operation was asked with.
    [payload] = workflow.payload_converter().to_payloads([input.args[0]])
    return discreet(reason, contract.promise, payload.data)


def _told(error: BaseException, *, what: str) -> MeshError:
    known = from_vocabulary(error, what=what)
    if known is None:
        place = workflow.info().workflow_id
        workflow.logger.error("%s failed unexpectedly", what, exc_info=error)
        known = MeshError(f"{what} failed for a reason of its own; its team finds it in workflow {place}")
    return known
