"""The workflows behind billing's operations: each movement is one transaction, retried until it is in the books."""

from datetime import timedelta
from typing import Final

from temporalio import workflow

from callboard_contracts.billing import v1 as billing

with workflow.unsafe.imports_passed_through():
    from callboard_team_billing.activities import BillingActivities

_ONE_TRY: Final = timedelta(seconds=10)
_PATIENCE: Final = timedelta(minutes=1)


@workflow.defn
class Charge:
    """Takes money from a customer."""

    @workflow.run
    async def run(self, charge: billing.Charge) -> billing.Receipt:
        """Book the charge."""
        return await workflow.execute_activity_method(
            BillingActivities.charge, charge, start_to_close_timeout=_ONE_TRY, schedule_to_close_timeout=_PATIENCE
        )


@workflow.defn
class Refund:
    """Gives money back to a customer."""

    @workflow.run
    async def run(self, refund: billing.Refund) -> billing.Receipt:
        """Book the refund."""
        return await workflow.execute_activity_method(
            BillingActivities.refund, refund, start_to_close_timeout=_ONE_TRY, schedule_to_close_timeout=_PATIENCE
        )


@workflow.defn
class Reverse:
    """Undoes a movement of money, or sees to it that it never happens."""

    @workflow.run
    async def run(self, reversal: billing.Reversal) -> billing.ReversalReceipt:
        """Book the reversal."""
        return await workflow.execute_activity_method(
            BillingActivities.reverse, reversal, start_to_close_timeout=_ONE_TRY, schedule_to_close_timeout=_PATIENCE
        )
