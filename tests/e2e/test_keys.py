"""A request under an idempotency key, on the whole mesh: its effect is single when Temporal has forgotten it, too."""

from uuid import uuid4

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from callboard_contracts import RefusedError
from callboard_contracts.orders import v1 as orders
from callboard_kit import mesh
from tests.playing.stage import Stage
from tests.playing.tasks import own
from tests.playing.waiting import until

pytestmark = pytest.mark.timeout(300)

TASKS = own()


async def test_a_key_outlives_temporal_s_memory_and_stands_for_one_request_for_ever(stage: Stage):
    await stage.fill(TASKS)
    caller = await stage.client("orchestrator")
    pending = next(name for name, order in TASKS.records["orders"].items() if order["status"] == "pending")
    cancellation = orders.Cancellation(order_id=pending, reason="no longer needed")
    key = f"cancel-{uuid4().hex[:8]}"

    first = await _cancel(caller, cancellation, key)
    changed = stage.books.changed(TASKS.records)
    await _forgotten(await stage.client("orders"))
    again = await _cancel(caller, cancellation, key)
    with pytest.raises(RefusedError, match="was used before to ask for something else"):
        await _cancel(caller, cancellation.model_copy(update={"reason": "ordered by mistake"}), key)

    assert again == first
    assert stage.books.changed(TASKS.records) == changed


async def _cancel(caller: Client, cancellation: orders.Cancellation, key: str) -> orders.Order:
    team = caller.create_nexus_client(service=orders.Orders, endpoint=orders.ENDPOINT)
    with mesh.idempotency_key(key):
        return await team.execute_operation(
            orders.Orders.cancel_pending_order, cancellation, id=f"cancel-{uuid4().hex[:8]}"
        )


async def _forgotten(team: Client) -> None:
    """Have Temporal forget the runs that cancelled orders, as it does when they are old enough."""
    found = [run async for run in team.list_workflows("WorkflowType = 'CancelPendingOrder'")]
    for run in found:
        execution = WorkflowExecution(workflow_id=run.id, run_id=run.run_id)
        await team.workflow_service.delete_workflow_execution(
            DeleteWorkflowExecutionRequest(namespace=team.namespace, workflow_execution=execution)
        )
    for run in found:
        await until(lambda id=run.id: _is_gone(team, id), within=60)


async def _is_gone(team: Client, workflow_id: str) -> bool:
    try:
        await team.get_workflow_handle(workflow_id).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return True
        raise
    return False
