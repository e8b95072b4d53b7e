"""Lets the workflows of a worker find its hooks."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import temporalio.worker
from temporalio.worker import (
    ExecuteWorkflowInput,
    HandleSignalInput,
    HandleUpdateInput,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
)

from callboard_kit.hooks.calling import hooks_of
from callboard_kit.hooks.declaring import HookGroups


class HookInterceptor(temporalio.worker.Interceptor):
    """Binds a worker's groups of hooks in each of its runs."""

    def __init__(self, groups: HookGroups) -> None:
        self._groups = groups

    def workflow_interceptor_class(
        self, input: WorkflowInterceptorClassInput
    ) -> type[WorkflowInboundInterceptor] | None:
        """See base class."""
        groups = self._groups

        # Temporal makes one instance per run and passes only the next interceptor, so the class holds the rest.
        class Bound(_Inbound):
            @contextmanager
            def bound(self) -> Generator[None]:
                with hooks_of(groups):
                    yield

        return Bound


class _Inbound(WorkflowInboundInterceptor):
    @contextmanager
    def bound(self) -> Generator[None]:
        yield

    async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:  # Any: as in the base class
        with self.bound():
            return await super().execute_workflow(input)

    async def handle_signal(self, input: HandleSignalInput) -> None:
        with self.bound():
            await super().handle_signal(input)

    async def handle_update_handler(self, input: HandleUpdateInput) -> Any:  # Any: as in the base class
        with self.bound():
            return await super().handle_update_handler(input)
