"""The caller's side outside of workflows: a client of a team's own namespace whose calls leave signed.

Two things pass here: workflows that are started (they get the context of the call they answer, or the origin of a new
tree), and standalone Nexus operations.
"""

import time
import uuid
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Final

import temporalio.client
from temporalio import activity
from temporalio.client import (
    GetNexusOperationResultInput,
    NexusOperationFailureError,
    NexusOperationHandle,
    OutboundInterceptor,
    StartNexusOperationInput,
    StartWorkflowInput,
    StartWorkflowUpdateInput,
    StartWorkflowUpdateWithStartInput,
    UpdateWithStartStartWorkflowInput,
)
from temporalio.common import RawValue
from temporalio.nexus._operation_context import (  # pyright: ignore[reportPrivateUsage]
    # The only way to tell the workflow that answers an operation from another one its handler starts, since
    # `StartWorkflowInput` no longer says it: https://github.com/temporalio/sdk-python/pull/1765
    _in_nexus_backing_start_context as is_backing_an_operation,  # pyright: ignore[reportPrivateUsage]
)
from temporalio.service import RPCError, RPCStatusCode

from callboard_contracts import RefusedError
from callboard_kit import mesh
from callboard_kit.caller import CALL_HEADER, call_payload
from callboard_kit.converter import DATA_CONVERTER
from callboard_kit.entities.lock import LOCK
from callboard_kit.failing import from_failure
from callboard_kit.identity import digest
from callboard_kit.keys import ASKED
from callboard_kit.links import STANDALONE
from callboard_kit.outlook import Outlook
from callboard_kit.search_attributes import with_search_attributes
from callboard_kit.seen import Seen
from callboard_kit.settings import Settings
from callboard_kit.signing import CallSigner, trace_context
from callboard_kit.tokens import Address, Call, Origin
from callboard_kit.trials.following import Trials

COUNTS_KEPT: Final = 10_000
"""Different calls of activities that are counted; the one counted longest ago is forgotten first."""


class MeshClientOutbound(OutboundInterceptor):
    """Signs, bounds and translates what one client sends out."""

    def __init__(
        self,
        next: OutboundInterceptor,
        *,
        signer: CallSigner,
        settings: Settings,
        outlook: Outlook,
        search_attributes: bool,
        endpoints: Callable[[], Awaitable[Seen]],
        trials: Trials | None = None,
    ) -> None:
        super().__init__(next)
        self._endpoints = endpoints
        self._trials = trials
        self._outlook = outlook
        self._signer = signer
        self._settings = settings
        self._search_attributes = search_attributes
        self._counts: OrderedDict[str, int] = OrderedDict()

    async def start_workflow(
        self, input: StartWorkflowInput
    ) -> temporalio.client.WorkflowHandle[Any, Any]:  # Any: as in the base class
        """Start a workflow that knows which call it answers, or which tree it starts."""
        await self._tell(input)
        self._place(input)
        handle = await super().start_workflow(input)
        call = mesh.maybe_current()
        if self._trials is not None and call is not None and is_backing_an_operation():
            self._trials.mirror(call, handle.id, handle.first_execution_run_id or "")
        return handle

    async def start_update_with_start_workflow(
        self, input: StartWorkflowUpdateWithStartInput
    ) -> temporalio.client.WorkflowUpdateHandle[Any]:  # Any: as in the base class
        """Start a workflow with an update, as `start_workflow` does."""
        await self._tell(input.start_workflow_input)
        return await super().start_update_with_start_workflow(input)

    async def start_workflow_update(
        self, input: StartWorkflowUpdateInput
    ) -> temporalio.client.WorkflowUpdateHandle[Any]:  # Any: as in the base class
        """Send an update; one that is behind an operation knows which call it answers."""
        call = mesh.maybe_current()
        if call is not None and is_backing_an_operation():
            input.headers = {**input.headers, CALL_HEADER: call_payload(call)}
        return await super().start_workflow_update(input)

    async def _tell(self, input: StartWorkflowInput | UpdateWithStartStartWorkflowInput) -> None:
        if input.workflow == LOCK:  # It is nobody's work, whoever comes to it first.
            return
        call = mesh.maybe_current()
        if call is None:
            call = replace(self._root(), opens=True)
        elif not is_backing_an_operation() and not (call.copies and call.address):  # A shadow's copy answers its call.
            call = call.inside()
        # What copies another run is nobody's call, so nobody is to find it among calls.
        searchable = self._search_attributes and not call.copies
        call = replace(call, searchable=searchable, endpoints=await self._endpoints())
        input.headers = {**input.headers, CALL_HEADER: call_payload(call)}
        if call.key and is_backing_an_operation():
            input.memo = {**(input.memo or {}), ASKED: call.asked}
        if call.searchable:
            input.search_attributes = with_search_attributes(input.search_attributes, call)

    def _place(self, input: StartWorkflowInput) -> None:
        """Have the workflow behind an operation run on the build that an experiment deals it out to."""
        call = mesh.maybe_current()
        if self._trials is None or call is None or input.versioning_override or not is_backing_an_operation():
            return
        if (placement := self._trials.place(call)) is not None:
            input.versioning_override = placement.override
            input.memo = {**(input.memo or {}), **placement.memo}

    async def start_nexus_operation(
        self, input: StartNexusOperationInput
    ) -> NexusOperationHandle[Any]:  # Any: as in the base class
        """Start one call of the mesh from outside of a workflow.

        Raises:
            RefusedError: The endpoint does not exist, or the call is too deep or too large.
            UnavailableError: No time is left for it.
        """
        parent = mesh.maybe_current() or self._root()
        to = Address(endpoint=input.endpoint, service=input.service, operation=input.operation)
        self._outlook.note(to.service, to.operation)
        physical = self._settings.physical(to.endpoint)
        [payload] = DATA_CONVERTER.payload_converter.to_payloads([input.arg])
        signed = self._signer.sign(
            parent=parent,
            to=to,
            data=payload.data,
            token_id=self._token_id(to, payload.data),
            now=time.time(),
            time_limit=input.schedule_to_close_timeout,
            # Temporal's tracing passes a trace on from workflows only.
            headers={**trace_context(), **input.headers},
            idempotency_key=mesh.given_key(),
        )
        input.endpoint = physical
        input.arg = RawValue(payload)
        input.headers = signed.headers
        input.schedule_to_close_timeout = signed.time_limit
        try:
            return await super().start_nexus_operation(input)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND and "endpoint" in error.message:
                raise RefusedError(
                    f"no Nexus endpoint {physical!r} exists; is team {to.endpoint!r} provisioned?"
                ) from error
            raise

    async def get_nexus_operation_result(self, input: GetNexusOperationResultInput) -> Any:  # Any: as in the base class
        """Wait for an operation's result.

        Raises:
            MeshError: What the provider, or the mesh on its behalf, answered instead.
        """
        try:
            return await super().get_nexus_operation_result(input)
        except NexusOperationFailureError as error:
            known = from_failure(error, what=f"{input.service} {input.operation}")
            if known is None:
                raise
            raise known from error

    def _root(self) -> Call:
        origin = mesh.origin() or Origin(root=str(uuid.uuid4()))
        return Call(root=origin.root, team=self._signer.key.team, person=origin.person, limits=origin.limits)

    def _token_id(self, to: Address, data: bytes) -> str:
        if not activity.in_activity():
            return f"{STANDALONE}:{uuid.uuid4().hex}"
        # The second attempt of an activity that makes a call of the first attempt again, in whatever order, is the same
        # work; a call that the first attempt did not make is new work.
        info = activity.info()
        work = f"{STANDALONE}:{info.workflow_run_id or info.activity_run_id}:{info.activity_id}"
        call = digest(f"{to.endpoint}\n{to.service}\n{to.operation}\n{digest(data)}".encode())[:16]
        place = f"{work}:{info.attempt}:{call}"
        count = self._counts[place] = self._counts.pop(place, 0) + 1
        if len(self._counts) > COUNTS_KEPT:
            self._counts.popitem(last=False)
        return f"{work}:{call}:{count}"


class MeshClientInterceptor(temporalio.client.Interceptor):
    """Puts `MeshClientOutbound` in front of a client."""

    def __init__(
        self,
        *,
        signer: CallSigner,
        settings: Settings,
        outlook: Outlook,
        search_attributes: bool,
        endpoints: Callable[[], Awaitable[Seen]],
        trials: Trials | None = None,
    ) -> None:
        self._endpoints = endpoints
        self._trials = trials
        self._outlook = outlook
        self._signer = signer
        self._settings = settings
        self._search_attributes = search_attributes

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        """See base class."""
        return MeshClientOutbound(
            next,
            signer=self._signer,
            settings=self._settings,
            outlook=self._outlook,
            search_attributes=self._search_attributes,
            endpoints=self._endpoints,
            trials=self._trials,
        )
