"""Asks Temporal to reset a run, and tells the one that goes on how it is to do so.

Temporal's API has a signal among the things to do right after a reset; server 1.32 refuses it ("unsupported post reset
operation"). So it is sent afterwards, and the run waits for it (`callboard_kit.agent.course`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import ResetReapplyExcludeType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflow.v1 import PostResetOperation, VersioningOverride, WorkflowExecutionOptions
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.service import RPCError

from callboard_kit.agent.course import RESET, Course

# What came in after the step belongs to the course that is given up; an earlier reset's signal does, too. An operation
# that was asked for before it and answered after it keeps its answer: nobody would send it once more.
_NOT_AGAIN: Final = (
    ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL,
    ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_UPDATE,
    ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_CANCEL_REQUEST,
)


@dataclass(frozen=True, kw_only=True)
class Point:
    """Where a run is reset to."""

    workflow_id: str
    run_id: str
    task: int
    """The end of the workflow task that is to be taken anew."""


async def reset(client: Client, point: Point, *, reason: str, request_id: str, auto_upgrade: bool = False) -> str:
    """Reset a run and return the id of the one that goes on, which waits to be told how.

    Args:
        client: Of the run's namespace.
        point: Where to.
        reason: Why, in Temporal's own pages.
        request_id: The same for the same wish: asked twice, it is reset once.
        auto_upgrade: Go on with the build that gets new work, not with the one that the run is pinned to.

    Raises:
        temporalio.service.RPCError: Temporal would not, or does not answer.
    """
    after: list[PostResetOperation] = []
    if auto_upgrade:
        options = WorkflowExecutionOptions(versioning_override=VersioningOverride(auto_upgrade=True))
        change = PostResetOperation.UpdateWorkflowOptions(workflow_execution_options=options)
        change.update_mask.paths.append("versioning_override")
        after.append(PostResetOperation(update_workflow_options=change))
    answer = await client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=point.workflow_id, run_id=point.run_id),
            reason=reason,
            workflow_task_finish_event_id=point.task,
            request_id=request_id,
            reset_reapply_exclude_types=_NOT_AGAIN,
            post_reset_operations=after,
            identity=client.identity,
        )
    )
    return answer.run_id


async def direct(client: Client, point: Point, course: Course) -> None:
    """Tell the run that goes on how to do so. One that cannot be told is ended: it would do what nobody wants.

    Raises:
        temporalio.service.RPCError: It cannot be told.
    """
    handle = client.get_workflow_handle(point.workflow_id, run_id=course.to)
    try:
        await handle.signal(RESET, course)
    except RPCError:
        await handle.terminate(reason="it was reset, but could not be told how to go on")
        raise


async def history_of(client: Client, workflow_id: str, run_id: str = "") -> Sequence[HistoryEvent]:
    """Return the events of a run, payloads decoded; of the latest one, where none is named.

    Raises:
        temporalio.service.RPCError: There is none, or Temporal does not answer.
    """
    handle = client.get_workflow_handle(workflow_id, run_id=run_id or None)
    events = list((await handle.fetch_history()).events)
    codec = client.data_converter.payload_codec
    for event in events if codec is not None else ():
        assert codec is not None, "nothing is decoded without one"
        for payloads in (
            event.activity_task_scheduled_event_attributes.input,
            event.activity_task_completed_event_attributes.result,
            event.workflow_execution_signaled_event_attributes.input,
        ):
            if payloads.payloads:
                await codec.decode_wrapper(payloads)
    return events
