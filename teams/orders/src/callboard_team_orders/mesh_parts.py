"""What the order desk needs, as a workflow has it: the team's records by activities, other teams over the mesh."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Final, TypeVar

from temporalio import workflow

from callboard_contracts import UnavailableError
from callboard_contracts.billing import v1 as billing
from callboard_contracts.inventory import v1 as inventory
from callboard_contracts.orders import v1 as orders
from callboard_kit import mesh
from callboard_kit.entities.holding import let_go

with workflow.unsafe.imports_passed_through():
    from callboard_kit.approvals import Proposal
    from callboard_kit.guards import require
    from callboard_team_orders.activities import Look, OrderActivities
    from callboard_team_orders.agent import Change, OrderDesk, Seen, Written
    from callboard_team_orders.guards import AS_PAID, FINANCE_AGREES, seen
    from callboard_team_orders.rules import PaymentMethods

_ONE_TRY: Final = timedelta(seconds=10)
_PATIENCE: Final = timedelta(seconds=30)
_UNTIL_AGREED: Final = timedelta(minutes=2)
"""How long moving money may take: as long as billing promises, since its policy may have a person agree first."""

_WAITS_UNTIL_AGREED: Final = "orders-waits-until-billing-is-agreed-with"
_BETWEEN_TRIES: Final = timedelta(seconds=5)
_TRIES_TO_MOVE: Final = 3
_TRIES_TO_REVERSE: Final = 200

ResultT = TypeVar("ResultT")


def order_desk() -> OrderDesk:
    """Return the desk, for one run of a workflow."""
    return OrderDesk(book=_Records(), till=_BillingTill(), shelf=_InventoryShelf(), overseer=_Finance())


class _Records:
    async def look(self, order_id: str, *, key: str, asked: str) -> Seen:
        return await workflow.execute_activity_method(
            OrderActivities.look_at_order,
            Look(order_id=order_id, key=key, asked=asked),
            start_to_close_timeout=_ONE_TRY,
            schedule_to_close_timeout=_PATIENCE,
        )

    async def write(self, change: Change) -> Written:
        # Tried until the store answers: the money has moved, and only the store knows whether the order was written.
        return await workflow.execute_activity_method(
            OrderActivities.write_order, change, start_to_close_timeout=_ONE_TRY
        )


class _BillingTill:
    async def payment_methods(self, user_id: str) -> PaymentMethods:
        found = await _billing().execute_operation(
            billing.Billing.list_payment_methods,
            billing.Wallet(user_id=user_id),
            schedule_to_close_timeout=_PATIENCE,
        )
        return found.payment_methods

    async def move(self, order: orders.Order, transaction: billing.Transaction, *, key: str) -> None:
        # Whoever asked for it, and whatever was decided: this is the one door that money goes through.
        await require((AS_PAID,), _movement(order, transaction), seen=(seen(order),))

        # Runs that began when this was not so wait as they did.
        patience = _UNTIL_AGREED if workflow.patched(_WAITS_UNTIL_AGREED) else _PATIENCE

        async def once() -> billing.Receipt:
            if transaction.transaction_type == "payment":
                charge = billing.Charge(
                    user_id=order.user_id,
                    payment_method_id=transaction.payment_method_id,
                    amount=transaction.amount,
                    order_id=order.order_id,
                    reason=order.status,
                    key=key,
                )
                return await _billing().execute_operation(
                    billing.Billing.charge, charge, schedule_to_close_timeout=patience
                )
            refund = billing.Refund(
                user_id=order.user_id,
                payment_method_id=transaction.payment_method_id,
                amount=transaction.amount,
                order_id=order.order_id,
                reason=order.status,
                key=key,
            )
            return await _billing().execute_operation(
                billing.Billing.refund, refund, schedule_to_close_timeout=patience
            )

        await _again_while_unavailable(once, tries=_TRIES_TO_MOVE)

    async def reverse(self, key: str) -> None:
        async def once() -> billing.ReversalReceipt:
            reversal = billing.Reversal(key=key, reason="the order could not be changed")
            # The caller may be gone, or may have no right to an undo: this is the team's own to put right.
            with mesh.on_own_behalf():
                return await _billing().execute_operation(
                    billing.Billing.reverse, reversal, schedule_to_close_timeout=_PATIENCE
                )

        await _again_while_unavailable(once, tries=_TRIES_TO_REVERSE)


class _Finance:
    async def agree(self, order: orders.Order, movements: Sequence[billing.Transaction]) -> bool:
        back = sum(each.amount if each.transaction_type == "refund" else -each.amount for each in movements)
        proposal = Proposal(
            tool="",
            service="billing.v1",
            operation="refund",
            arguments={"user_id": order.user_id, "order_id": order.order_id, "amount": round(back, 2)},
            effect="write",
            sensitive={},
        )
        return await require((FINANCE_AGREES,), proposal, meanwhile=let_go)


class _InventoryShelf:
    async def product(self, product_id: str) -> inventory.Product:
        team = workflow.create_nexus_client(service=inventory.Inventory, endpoint=inventory.ENDPOINT)
        return await team.execute_operation(
            inventory.Inventory.get_product_details,
            inventory.ProductId(product_id=product_id),
            schedule_to_close_timeout=_PATIENCE,
        )


def _movement(order: orders.Order, transaction: billing.Transaction) -> Proposal:
    return Proposal(
        tool="",
        service="billing.v1",
        operation="charge" if transaction.transaction_type == "payment" else "refund",
        arguments={
            "user_id": order.user_id,
            "payment_method_id": transaction.payment_method_id,
            "amount": transaction.amount,
            "order_id": order.order_id,
        },
        effect="write",
        sensitive={"payment_method_id": "payment"},
    )


def _billing() -> workflow.NexusClient[billing.Billing]:
    return workflow.create_nexus_client(service=billing.Billing, endpoint=billing.ENDPOINT)


async def _again_while_unavailable(once: Callable[[], Awaitable[ResultT]], *, tries: int) -> ResultT:
    # Safe to repeat: billing moves money once per key.
    for _ in range(tries - 1):
        try:
            return await once()
        except UnavailableError:
            await workflow.sleep(_BETWEEN_TRIES)
    return await once()
