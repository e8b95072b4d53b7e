"""What holds whatever a model says, and whoever asks: the orders team's guards, and the rules behind them.

The agent's own look into the records by an activity; the till's holds what is about to move against the order that it
moves for.
"""

from datetime import timedelta
from typing import Final

from pydantic import Field, TypeAdapter

from callboard_contracts import Message
from callboard_contracts.orders import v1 as orders
from callboard_kit.approvals import Terms
from callboard_kit.guards import PASS, BeforeEffect, ByActivity, Doing, Heard, Verdict, ask, refuse

ADDRESS_MAY_CHANGE: Final = "orders.address_may_change"
"""The activity that looks whether an order is still here."""

REFUND_WITHIN_LIMIT: Final = "orders.refund_within_limit"
"""The activity that looks what may go back to the customer."""

LARGE: Final = 5_000.0
"""US dollars that the agent may have given back without a person of finance."""

VERY_LARGE: Final = 8_000.0
"""US dollars that go back to nobody without a person of finance, whoever asks."""

_CENT: Final = 0.005
_STILL_HERE: Final[frozenset[orders.Status]] = frozenset({"pending", "pending (item modified)", "cancelled"})
_TEXTS: Final = TypeAdapter(tuple[str, ...])
_SEEN: Final = "get_order_details"


class RefundLimit(Message):
    """How much may go back before a person is asked, and whom to ask."""

    above: float = Field(gt=0)
    """US dollars."""

    approvers: tuple[str, ...]
    """See `Terms`."""

    patience: timedelta = timedelta(hours=1)
    """How long they have; never longer than whoever called waits."""


SHIPPED_STAYS: Final = BeforeEffect(
    name="shipped-stays", tools=("orders.v1.modify_pending_order_address",), check=ByActivity(ADDRESS_MAY_CHANGE)
)
"""The address of an order that has left cannot be changed."""

LARGE_REFUND: Final = BeforeEffect(
    name="large-refund",
    tools=(
        "orders.v1.cancel_pending_order",
        "orders.v1.modify_pending_order_items",
        "orders.v1.return_delivered_order_items",
    ),
    check=ByActivity(
        REFUND_WITHIN_LIMIT,
        given=RefundLimit(above=LARGE, approvers=("role:finance",)).model_dump(mode="json"),
    ),
)
"""Before the agent has more than a limit given back, finance agrees."""


def address_may_change(order: orders.Order) -> Verdict:
    """Say whether an order can still go elsewhere."""
    if order.fulfillments or order.status not in _STILL_HERE:
        return refuse(f"order {order.order_id!r} has left ({order.status}): its address cannot be changed any more")
    return PASS


def refund_within(limit: RefundLimit, order: orders.Order, doing: Doing) -> Verdict:
    """Say whether what may go back is so much that somebody must agree."""
    amount = most_refunded(order, doing)
    if amount <= limit.above:
        return PASS
    terms = Terms(approvers=limit.approvers, patience=limit.patience)
    return ask(f"up to {amount:.2f} US dollars go back to the customer, above {limit.above:g}", terms)


def most_refunded(order: orders.Order, doing: Doing) -> float:
    """Return how much goes back to the customer at most, US dollars.

    Raises:
        ValueError: It cannot be told: the request is about items that the order does not hold, or about none.
    """
    if doing.operation == "cancel_pending_order":
        return sum(row.amount for row in order.payment_history if row.transaction_type == "payment")
    wanted = _TEXTS.validate_python(doing.arguments.get("item_ids"))
    prices = {item.item_id: item.price for item in order.items}
    if not wanted or not prices.keys() >= set(wanted):
        raise ValueError("it is about no items, or about some that are not the order's")
    # What comes in its place may cost something too: then less goes back.
    return sum(prices[each] for each in wanted)


def amount_as_paid(doing: Doing) -> Verdict:
    """Say whether money that is about to move is what the order says: no more goes back than was paid."""
    [seen] = doing.heard
    order = orders.Order.model_validate(seen.result)
    kind = "payment" if doing.operation == "charge" else "refund"
    method, amount = str(doing.arguments["payment_method_id"]), float(str(doing.arguments["amount"]))
    noted = [
        row.amount for row in order.payment_history if (row.transaction_type, row.payment_method_id) == (kind, method)
    ]
    if not any(abs(each - amount) < _CENT for each in noted):
        return refuse(f"a {kind} of {amount:.2f} to {method!r} is not what order {order.order_id!r} says: {noted}")
    if kind == "payment":
        return PASS
    if (left := _paid(order)) < -_CENT:
        return refuse(f"{-left:.2f} more would go back than was paid for order {order.order_id!r}")
    if order.status == "cancelled" and abs(owed := _paid(order, method)) > _CENT:
        return refuse(f"what goes back differs by {owed:.2f} from what was paid with {method!r} for {order.order_id!r}")
    return PASS


def refund_is_usual(doing: Doing) -> Verdict:
    """Say whether so much goes back that somebody must agree, whoever asks."""
    amount = float(str(doing.arguments["amount"]))
    if amount <= VERY_LARGE:
        return PASS
    terms = Terms(approvers=("role:finance",))
    return ask(f"{amount:.2f} US dollars go back to the customer, above {VERY_LARGE:g}", terms)


FINANCE_AGREES: Final = BeforeEffect(name="very-large-refund", tools=("billing.v1.refund",), check=refund_is_usual)
"""Before more than a limit goes back, finance agrees, whoever asks."""

AS_PAID: Final = BeforeEffect(
    name="amount-as-paid", tools=("billing.v1.charge", "billing.v1.refund"), check=amount_as_paid
)
"""Money moves as the order says, and no more goes back than was paid."""


def seen(order: orders.Order) -> Heard:
    """Return an order as guards see what was looked at."""
    return Heard(
        tool="",
        service="orders.v1",
        operation=_SEEN,
        arguments={"order_id": order.order_id},
        result=order.model_dump(mode="json"),
    )


def _paid(order: orders.Order, method: str | None = None) -> float:
    """Return what is paid for an order, with one method or with all, when everything that it says has happened."""
    return sum(
        row.amount if row.transaction_type == "payment" else -row.amount
        for row in order.payment_history
        if method in (None, row.payment_method_id)
    )
