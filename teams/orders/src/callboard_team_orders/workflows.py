"""The workflows behind the orders team's operations: what the order desk does, made durable."""

from typing import Final

from temporalio import workflow

from callboard_contracts import Assistance, Goal
from callboard_contracts.orders import v1 as orders
from callboard_kit import mesh

with workflow.unsafe.imports_passed_through():
    from callboard_kit.assistance import room_agent
    from callboard_team_orders.agent import INSTRUCTIONS
    from callboard_team_orders.guards import LARGE_REFUND, SHIPPED_STAYS

from callboard_team_orders.mesh_parts import order_desk

AGENT: Final = room_agent("orders", instructions=INSTRUCTIONS, guards=(SHIPPED_STAYS, LARGE_REFUND))


@workflow.defn
class CancelPendingOrder:
    """Cancels a pending order and refunds what was paid."""

    @workflow.run
    async def run(self, cancellation: orders.Cancellation) -> orders.Order:
        """Decide, refund, write the order."""
        return await order_desk().cancel(cancellation, key=mesh.effect_key())


@workflow.defn
class ModifyPendingOrderAddress:
    """Delivers a pending order elsewhere."""

    @workflow.run
    async def run(self, change: orders.AddressChange) -> orders.Order:
        """Decide, write the order."""
        return await order_desk().change_address(change, key=mesh.effect_key())


@workflow.defn
class ModifyPendingOrderItems:
    """Replaces items of a pending order and settles the difference in price."""

    @workflow.run
    async def run(self, replacement: orders.Replacement) -> orders.Order:
        """Ask inventory and billing, decide, charge or refund, write the order."""
        return await order_desk().replace_items(replacement, key=mesh.effect_key())


@workflow.defn
class ModifyPendingOrderPayment:
    """Pays a pending order with another method."""

    @workflow.run
    async def run(self, change: orders.PaymentChange) -> orders.Order:
        """Ask billing, decide, charge the one, refund the other, write the order."""
        return await order_desk().change_payment(change, key=mesh.effect_key())


@workflow.defn
class ReturnDeliveredOrderItems:
    """Notes that items of a delivered order come back."""

    @workflow.run
    async def run(self, request: orders.Return) -> orders.Order:
        """Ask billing, decide, write the order."""
        return await order_desk().return_items(request, key=mesh.effect_key())


@workflow.defn
class ExchangeDeliveredOrderItems:
    """Notes that items of a delivered order are exchanged."""

    @workflow.run
    async def run(self, replacement: orders.Replacement) -> orders.Order:
        """Ask inventory and billing, decide, write the order."""
        return await order_desk().exchange_items(replacement, key=mesh.effect_key())


@workflow.defn
class Assist:
    """Does what is asked in words about orders."""

    @workflow.run
    async def run(self, goal: Goal) -> Assistance:
        """Let a model work on the goal with the team's tools."""
        return await AGENT.assist(goal)
