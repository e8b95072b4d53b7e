"""The Nexus handlers of `orders.v1`."""

import asyncio

from nexusrpc.handler import StartOperationContext, service_handler, sync_operation
from temporalio import nexus

from callboard_contracts import Assistance, Goal
from callboard_contracts.orders import v1 as orders
from callboard_kit import mesh
from callboard_team_orders import workflows
from callboard_team_orders.store import OrderStore


@service_handler(service=orders.Orders)
class OrdersService:
    """Serves `orders.v1`."""

    def __init__(self, store: OrderStore) -> None:
        self._store = store

    @sync_operation
    async def get_order_details(self, _ctx: StartOperationContext, which: orders.OrderId) -> orders.Order:
        """Read the order."""
        return await asyncio.to_thread(self._store.order, which.order_id)

    @nexus.workflow_run_operation
    async def cancel_pending_order(
        self, ctx: nexus.WorkflowRunOperationContext, cancellation: orders.Cancellation
    ) -> nexus.WorkflowHandle[orders.Order]:
        """Start one `CancelPendingOrder` per call."""
        return await mesh.start_workflow(ctx, workflows.CancelPendingOrder.run, cancellation)

    @nexus.workflow_run_operation
    async def modify_pending_order_address(
        self, ctx: nexus.WorkflowRunOperationContext, change: orders.AddressChange
    ) -> nexus.WorkflowHandle[orders.Order]:
        """Start one `ModifyPendingOrderAddress` per call."""
        return await mesh.start_workflow(ctx, workflows.ModifyPendingOrderAddress.run, change)

    @nexus.workflow_run_operation
    async def modify_pending_order_items(
        self, ctx: nexus.WorkflowRunOperationContext, replacement: orders.Replacement
    ) -> nexus.WorkflowHandle[orders.Order]:
        """Start one `ModifyPendingOrderItems` per call."""
        return await mesh.start_workflow(ctx, workflows.ModifyPendingOrderItems.run, replacement)

    @nexus.workflow_run_operation
    async def modify_pending_order_payment(
        self, ctx: nexus.WorkflowRunOperationContext, change: orders.PaymentChange
    ) -> nexus.WorkflowHandle[orders.Order]:
        """Start one `ModifyPendingOrderPayment` per call."""
        return await mesh.start_workflow(ctx, workflows.ModifyPendingOrderPayment.run, change)

    @nexus.workflow_run_operation
    async def return_delivered_order_items(
        self, ctx: nexus.WorkflowRunOperationContext, request: orders.Return
    ) -> nexus.WorkflowHandle[orders.Order]:
        """Start one `ReturnDeliveredOrderItems` per call."""
        return await mesh.start_workflow(ctx, workflows.ReturnDeliveredOrderItems.run, request)

    @nexus.workflow_run_operation
    async def exchange_delivered_order_items(
        self, ctx: nexus.WorkflowRunOperationContext, replacement: orders.Replacement
    ) -> nexus.WorkflowHandle[orders.Order]:
        """Start one `ExchangeDeliveredOrderItems` per call."""
        return await mesh.start_workflow(ctx, workflows.ExchangeDeliveredOrderItems.run, replacement)

    @nexus.workflow_run_operation
    async def assist(self, ctx: nexus.WorkflowRunOperationContext, goal: Goal) -> nexus.WorkflowHandle[Assistance]:
        """Start one `Assist` per call."""
        return await mesh.start_workflow(ctx, workflows.Assist.run, goal)
