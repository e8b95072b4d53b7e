"""What the plugin puts in front of clients and workers, so that drift is found."""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import Any, Final

import temporalio.client
import temporalio.worker
from temporalio.client import StartWorkflowInput
from temporalio.worker import (
    ActivityInboundInterceptor,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowOutboundInterceptor,
)

from callboard_contracts import RefusedError
from callboard_kit.bound import bound
from callboard_kit.fingerprint.carrying import CarryingOutbound, Terms, with_terms
from callboard_kit.fingerprint.checking import CheckingInbound, DriftCheck

BREAK_GLASS: Final = "callboard_break_glass"
"""The memo in which a run says that it was started to go on in spite of drift, and why."""

LONGEST_REASON: Final = 500

_AS_USUAL: Final = Terms()

_terms: Final[ContextVar[Terms]] = ContextVar("callboard_build_terms", default=_AS_USUAL)


@contextmanager
def on_build(build: str) -> Generator[None]:
    """Have runs that are started in this block work on this build only: any other refuses them."""
    with bound(_terms, replace(_terms.get(), build=build)):
        yield


@contextmanager
def break_glass(reason: str) -> Generator[None]:
    """Have runs that are started in this block go on even with agents that no registered build has.

    For the hour in which a mesh must work though its builds are in disorder. There is no such switch on a worker. The
    reason stands in the run's memo, in its history, and in an event each time it made a difference. Runs of other teams
    that these call are not covered: what those teams vouch for is theirs to say.

    Raises:
        RefusedError: The reason is empty, or too long.
    """
    if not 0 < len(reason.strip()) <= LONGEST_REASON:
        raise RefusedError(f"say why the glass is broken, in 1 to {LONGEST_REASON} characters")
    with bound(_terms, replace(_terms.get(), break_glass=reason.strip())):
        yield


class DriftInterceptor(temporalio.client.Interceptor, temporalio.worker.Interceptor):
    """Has runs carry their agents, and activities check them."""

    def __init__(self, check: DriftCheck) -> None:
        self._check = check

    def intercept_client(self, next: temporalio.client.OutboundInterceptor) -> temporalio.client.OutboundInterceptor:
        """See base class."""
        return _TermsOutbound(super().intercept_client(next))

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """See base class."""
        return CheckingInbound(next, check=self._check)

    def workflow_interceptor_class(
        self, input: WorkflowInterceptorClassInput
    ) -> type[WorkflowInboundInterceptor] | None:
        """See base class."""
        surroundings = self._check.surroundings

        class CarryingInbound(WorkflowInboundInterceptor):
            def init(self, outbound: WorkflowOutboundInterceptor) -> None:
                super().init(CarryingOutbound(outbound, surroundings=surroundings))

        return CarryingInbound


class _TermsOutbound(temporalio.client.OutboundInterceptor):
    async def start_workflow(
        self, input: StartWorkflowInput
    ) -> temporalio.client.WorkflowHandle[Any, Any]:  # Any: as in the base class
        terms = _terms.get()
        input.headers = with_terms(input.headers, terms)
        if terms.break_glass:
            input.memo = {**(input.memo or {}), BREAK_GLASS: terms.break_glass}
        return await super().start_workflow(input)
