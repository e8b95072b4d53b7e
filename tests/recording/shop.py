"""A shop as small as histories should be: one customer, one product, an order for each thing that can be done."""

from typing import Final

USER: Final = "ada_smith_1234"
EMAIL: Final = "ada.smith@example.com"
PRODUCT: Final = "1000000001"
BLUE_MUG: Final = "2000000001"
RED_MUG: Final = "2000000002"
CARD: Final = "credit_card_1000001"
GIFT_CARD: Final = "gift_card_1000002"
ADDRESS: Final = {
    "address1": "12 Garden Lane",
    "address2": "",
    "city": "Denver",
    "country": "USA",
    "state": "CO",
    "zip": "80200",
}
NEW_ADDRESS: Final = {**ADDRESS, "address1": "3 Harbour Street", "city": "Austin", "state": "TX", "zip": "73301"}

_STATUSES: Final = {
    "#W1": "pending",
    "#W2": "pending",
    "#W3": "pending",
    "#W4": "pending",
    "#W5": "delivered",
    "#W6": "delivered",
    "#W7": "pending",
}


def records() -> dict[str, dict[str, object]]:
    """Return every record, as an example file holds it."""
    user = {
        "user_id": USER,
        "name": {"first_name": "Ada", "last_name": "Smith"},
        "address": ADDRESS,
        "email": EMAIL,
        "payment_methods": {
            CARD: {"source": "credit_card", "id": CARD, "brand": "visa", "last_four": "4242"},
            GIFT_CARD: {"source": "gift_card", "id": GIFT_CARD, "balance": 90.0},
        },
        "orders": list(_STATUSES),
    }
    variants = {
        BLUE_MUG: {"item_id": BLUE_MUG, "options": {"color": "blue"}, "available": True, "price": 12.5},
        RED_MUG: {"item_id": RED_MUG, "options": {"color": "red"}, "available": True, "price": 13.0},
    }
    product = {"product_id": PRODUCT, "name": "Mug", "variants": variants}
    orders = {order_id: _order(order_id, status) for order_id, status in _STATUSES.items()}
    return {"users": {USER: user}, "orders": orders, "products": {PRODUCT: product}}


def _order(order_id: str, status: str) -> dict[str, object]:
    mug = {"name": "Mug", "product_id": PRODUCT, "item_id": BLUE_MUG, "price": 12.5, "options": {"color": "blue"}}
    return {
        "order_id": order_id,
        "user_id": USER,
        "address": ADDRESS,
        "items": [mug],
        "status": status,
        "fulfillments": [],
        "payment_history": [{"transaction_type": "payment", "amount": 12.5, "payment_method_id": CARD}],
    }
