"""Reads one namespace of Temporal, at a pace that leaves Temporal to those who work with it."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import (
    DescribeNexusOperationExecutionRequest,
    DescribeNexusOperationExecutionResponse,
    GetWorkflowExecutionHistoryRequest,
    GetWorkflowExecutionHistoryReverseRequest,
    ListNexusOperationExecutionsRequest,
    ListWorkflowExecutionsRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from callboard_kit.search_attributes import ROOT
from callboard_registry.audit.operations import moment_of

_PATIENCE: Final = timedelta(seconds=10)
"""How long one request may take."""

_LISTED_AT_ONCE: Final = 500
_READ_AT_ONCE: Final = 200
_ALWAYS: Final = "1970-01-01T00:00:00Z"


class Pace:
    """Spreads requests: at most so many a second, however many ask."""

    def __init__(self, requests_per_second: float) -> None:
        self._gap = 1 / requests_per_second
        self._next = 0.0

    async def step(self) -> None:
        """Wait for one's turn."""
        now = time.monotonic()
        turn = max(self._next, now)
        self._next = turn + self._gap
        if turn > now:
            await asyncio.sleep(turn - now)


@dataclass(frozen=True)
class Run:
    """A run of a workflow, or a standalone operation, as visibility lists it."""

    id: str
    """Of the workflow, or of the operation."""

    run_id: str
    closed: datetime | None
    """When it was over; None while it is under way."""


class Reader:
    """Asks Temporal about one namespace. Raises `RPCError` when Temporal does not answer."""

    def __init__(self, client: Client, namespace: str, pace: Pace) -> None:
        self._service = client.workflow_service
        self.namespace = namespace
        self._pace = pace

    async def closed_runs(self, since: datetime | None) -> AsyncIterator[Run]:
        """Yield runs that were over by `since` or later."""
        async for run in self._runs(f"CloseTime >= '{_written(since)}'"):
            yield run

    async def open_runs(self) -> AsyncIterator[Run]:
        """Yield runs that are under way."""
        async for run in self._runs("ExecutionStatus = 'Running'"):
            yield run

    async def runs_of(self, root: str) -> AsyncIterator[Run]:
        """Yield the runs of one tree of calls, be they over or not; `root` has no quotes in it."""
        async for run in self._runs(f"{ROOT.name} = '{root}'"):
            yield run

    async def closed_operations(self, since: datetime | None) -> AsyncIterator[Run]:
        """Yield standalone operations that were over by `since` or later; none where the cluster has no such thing."""
        token = b""
        while True:
            request = ListNexusOperationExecutionsRequest(
                namespace=self.namespace,
                page_size=_LISTED_AT_ONCE,
                next_page_token=token,
                query=f"CloseTime >= '{_written(since)}'",
            )
            await self._pace.step()
            try:
                page = await self._service.list_nexus_operation_executions(request, timeout=_PATIENCE)
            except RPCError as error:
                if error.status is RPCStatusCode.UNIMPLEMENTED or "disabled" in error.message:
                    return
                raise
            for each in page.operations:
                yield Run(each.operation_id, each.run_id, moment_of(each.close_time))
            token = page.next_page_token
            if not token:
                return

    async def operation(self, run: Run) -> DescribeNexusOperationExecutionResponse:
        """Return everything about a standalone operation."""
        await self._pace.step()
        request = DescribeNexusOperationExecutionRequest(
            namespace=self.namespace,
            operation_id=run.id,
            run_id=run.run_id,
            include_input=True,
            include_outcome=True,
        )
        return await self._service.describe_nexus_operation_execution(request, timeout=_PATIENCE)

    async def newest_event(self, run: Run) -> int:
        """Return the number of the last event of a run."""
        page, _ = await self._backwards(run, b"", at_once=1)
        return page[0].event_id

    async def events(self, run: Run, *, since: int) -> list[HistoryEvent]:
        """Return the events of a run from number `since` on, in order; the first of all is always among them."""
        found: list[HistoryEvent] = []
        token = b""
        while True:
            page, token = await self._backwards(run, token, at_once=_READ_AT_ONCE)
            found.extend(event for event in page if event.event_id >= since)
            if not token or page[-1].event_id <= since:
                break
        found.reverse()
        return found if since <= 1 else [await self._first_event(run), *found]

    async def _backwards(self, run: Run, token: bytes, *, at_once: int) -> tuple[list[HistoryEvent], bytes]:
        await self._pace.step()
        request = GetWorkflowExecutionHistoryReverseRequest(
            namespace=self.namespace,
            execution=WorkflowExecution(workflow_id=run.id, run_id=run.run_id),
            maximum_page_size=at_once,
            next_page_token=token,
        )
        page = await self._service.get_workflow_execution_history_reverse(request, timeout=_PATIENCE)
        return list(page.history.events), page.next_page_token

    async def _first_event(self, run: Run) -> HistoryEvent:
        await self._pace.step()
        request = GetWorkflowExecutionHistoryRequest(
            namespace=self.namespace,
            execution=WorkflowExecution(workflow_id=run.id, run_id=run.run_id),
            maximum_page_size=1,
        )
        page = await self._service.get_workflow_execution_history(request, timeout=_PATIENCE)
        return page.history.events[0]

    async def _runs(self, query: str) -> AsyncIterator[Run]:
        token = b""
        while True:
            await self._pace.step()
            request = ListWorkflowExecutionsRequest(
                namespace=self.namespace, page_size=_LISTED_AT_ONCE, next_page_token=token, query=query
            )
            page = await self._service.list_workflow_executions(request, timeout=_PATIENCE)
            for each in page.executions:
                closed = moment_of(each.close_time) if each.HasField("close_time") else None
                yield Run(each.execution.workflow_id, each.execution.run_id, closed)
            token = page.next_page_token
            if not token:
                return


def _written(moment: datetime | None) -> str:
    return _ALWAYS if moment is None else moment.isoformat()
