"""The Nexus handlers of `billing.v1`."""

import asyncio

from nexusrpc.handler import StartOperationContext, service_handler, sync_operation
from temporalio import nexus

from callboard_contracts.billing import v1 as billing
from callboard_kit import mesh
from callboard_team_billing.store import Ledger
from callboard_team_billing.workflows import Charge, Refund, Reverse


@service_handler(service=billing.Billing)
class BillingService:
    """Serves `billing.v1`."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    @sync_operation
    async def list_payment_methods(self, _ctx: StartOperationContext, wallet: billing.Wallet) -> billing.PaymentMethods:
        """Read what the customer can pay with."""
        return await asyncio.to_thread(self._ledger.payment_methods, wallet.user_id)

    @sync_operation
    async def list_refunds(self, _ctx: StartOperationContext, period: billing.RefundPeriod) -> billing.BookedRefunds:
        """Read what was given back since a moment."""
        return await asyncio.to_thread(self._ledger.refunds, period)

    @nexus.workflow_run_operation
    async def charge(
        self, ctx: nexus.WorkflowRunOperationContext, charge: billing.Charge
    ) -> nexus.WorkflowHandle[billing.Receipt]:
        """Start one `Charge` per call."""
        return await mesh.start_workflow(ctx, Charge.run, charge)

    @nexus.workflow_run_operation
    async def refund(
        self, ctx: nexus.WorkflowRunOperationContext, refund: billing.Refund
    ) -> nexus.WorkflowHandle[billing.Receipt]:
        """Start one `Refund` per call."""
        return await mesh.start_workflow(ctx, Refund.run, refund)

    @nexus.workflow_run_operation
    async def reverse(
        self, ctx: nexus.WorkflowRunOperationContext, reversal: billing.Reversal
    ) -> nexus.WorkflowHandle[billing.ReversalReceipt]:
        """Start one `Reverse` per call."""
        return await mesh.start_workflow(ctx, Reverse.run, reversal)
