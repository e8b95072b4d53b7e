"""What a customer can read about their orders: one sentence for each thing that became of one."""

from collections.abc import Mapping
from typing import Final

from callboard_contracts.billing import v1 as billing
from callboard_contracts.orders import feed
from callboard_contracts.orders import v1 as orders

_BECAME: Final[Mapping[orders.Status, str]] = {
    "cancelled": "was cancelled",
    "pending (item modified)": "has other items now",
    "return requested": "is to be returned in part or whole",
    "exchange requested": "is to be exchanged in part or whole",
}


def sentence(changed: feed.OrderChanged, order: orders.Order, methods: Mapping[str, billing.PaymentMethod]) -> str:
    """Say what became of an order, and where money went back to if any did.

    Args:
        changed: What happened.
        order: The order as it is by now, which may be later than that.
        methods: What the customer can pay with, by id.
    """
    became = _BECAME.get(changed.status, f"is {changed.status}") if changed.status != changed.before else "was changed"
    back = [each for each in order.payment_history if each.transaction_type == "refund"]
    if changed.status != "cancelled" or not back:
        return f"Order {changed.order_id} {became}."
    money = ", ".join(f"US$ {each.amount:,.2f} to {_named(methods.get(each.payment_method_id))}" for each in back)
    return f"Order {changed.order_id} {became}; what was paid goes back: {money}."


def _named(method: billing.PaymentMethod | None) -> str:
    match method:
        case billing.CreditCard():
            return f"the {method.brand} card that ends in {method.last_four}"
        case billing.GiftCard():
            return "a gift card"
        case billing.PayPal():
            return "PayPal"
        case None:
            return "what it was paid with"
