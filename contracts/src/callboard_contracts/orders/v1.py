"""Orders, version 1: what was ordered, and what may still change about it.

What may change depends on the order's status: only a pending order can be cancelled or modified, only a delivered one
returned or exchanged, and items can be modified, returned or exchanged once per order. Whatever an operation
changes, it answers with the whole order as it is then.

Frozen once released. A change that would break a caller is a new `v2.py`.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Final, Literal

import nexusrpc
from pydantic import Field

from callboard_contracts import Assistance, Example, Goal, Message, promise
from callboard_contracts.billing import v1 as billing

ENDPOINT: Final = "orders"
"""The Nexus endpoint that serves every version of this service."""

Id = Annotated[str, Field(min_length=1, max_length=100)]
ItemIds = Annotated[tuple[Id, ...], Field(min_length=1, max_length=200)]
Line = Annotated[str, Field(max_length=200)]
Word = Annotated[str, Field(min_length=1, max_length=200)]
Etag = Annotated[str, Field(min_length=1, max_length=100)]

CancelReason = Literal["no longer needed", "ordered by mistake"]
"""Why a customer may cancel."""

Status = Literal[
    "pending",
    "processed",
    "delivered",
    "cancelled",
    "pending (item modified)",
    "return requested",
    "exchange requested",
]
"""How far an order is. `processed` is on its way: nothing about it can be changed."""


class OrderId(Message):
    """Which order is meant."""

    order_id: Id
    """The order's id, for instance `#W2378156`. The `#` belongs to it."""


class Decision(Message):
    """Something to do to an order, decided on what the order was."""

    etag: Etag | None = None
    """The `etag` of the order that this was decided on. Refused when the order has changed since; absent, it is changed
    whatever it is by now."""


class Cancellation(Decision):
    """A pending order that is to be cancelled."""

    order_id: Id
    """The order's id, for instance `#W2378156`. The `#` belongs to it."""

    reason: CancelReason
    """Why the customer cancels."""


class AddressChange(Decision):
    """Where a pending order is to be delivered instead: the complete address."""

    order_id: Id
    """The order's id, for instance `#W2378156`. The `#` belongs to it."""

    address1: Word
    """Street and number."""

    address2: Line
    """Flat, floor or suite. Empty: there is none."""

    city: Word
    """The city."""

    state: Word
    """The state, for instance `CO`."""

    country: Word
    """The country, for instance `USA`."""

    zip: Word
    """The postal code, for instance `80279`."""


class PaymentChange(Decision):
    """What a pending order is to be paid with instead."""

    order_id: Id
    """The order's id, for instance `#W2378156`. The `#` belongs to it."""

    payment_method_id: Id
    """The new payment method. One of the customer's own, and not the one the order was paid with."""


class Replacement(Decision):
    """Items of an order, and the variants to have instead of them."""

    order_id: Id
    """The order's id, for instance `#W2378156`. The `#` belongs to it."""

    item_ids: ItemIds
    """The items to replace. An id stands here as often as the item is to be replaced."""

    new_item_ids: ItemIds
    """What to have instead: as many as `item_ids`, in the same order, each an available variant of the same product."""

    payment_method_id: Id
    """Where a difference in price is paid from or refunded to. One of the customer's own."""


class Return(Decision):
    """Items of a delivered order that are to be sent back."""

    order_id: Id
    """The order's id, for instance `#W2378156`. The `#` belongs to it."""

    item_ids: ItemIds
    """The items to send back. An id stands here as often as the item is to be sent back."""

    payment_method_id: Id
    """Where the money is to go: the order's own payment method, or a gift card of the customer."""


class Address(Message):
    """A postal address."""

    address1: str
    """Street and number."""

    address2: str = ""
    """Flat, floor or suite. Empty: there is none."""

    city: str
    """The city."""

    country: str
    """The country, for instance `USA`."""

    state: str
    """The state, for instance `CO`."""

    zip: str
    """The postal code, for instance `80279`."""


class Item(Message):
    """One thing that was ordered."""

    name: str
    """The product's name, for instance `T-Shirt`."""

    product_id: str
    """The product's id."""

    item_id: str
    """The variant's id. Two of the same are two items with the same id."""

    price: float
    """What it cost when it was ordered, US dollars."""

    options: Mapping[str, str]
    """The variant's options, for instance `{"color": "blue", "size": "M"}`."""


class Fulfillment(Message):
    """One shipment."""

    tracking_id: tuple[str, ...]
    """The carrier's numbers for it."""

    item_ids: tuple[str, ...]
    """The items in it."""


class Order(Message):
    """An order, with everything that happened to it.

    What may be kept from a caller by policy is absent then.
    """

    order_id: str
    """The order's id, for instance `#W2378156`. The `#` belongs to it."""

    user_id: str
    """The customer who ordered."""

    address: Address | None = None
    """Where it is delivered."""

    items: tuple[Item, ...]
    """What was ordered, as it is after modifications; returned and exchanged items stay here."""

    status: Status
    """How far it is."""

    fulfillments: tuple[Fulfillment, ...] = ()
    """Its shipments, oldest first. Empty: nothing has been sent yet."""

    payment_history: tuple[billing.Transaction, ...] = ()
    """Money that moved for it, oldest first."""

    cancel_reason: CancelReason | None = None
    """Why it was cancelled. Absent: it was not, or before reasons were kept."""

    return_items: tuple[str, ...] | None = None
    """The ids of the items to be sent back, sorted. Absent: no return was asked for."""

    return_payment_method_id: str | None = None
    """Where the money for a return goes. Absent: no return was asked for."""

    exchange_items: tuple[str, ...] | None = None
    """The ids of the items to be exchanged, sorted. Absent: no exchange was asked for."""

    exchange_new_items: tuple[str, ...] | None = None
    """The ids of what is sent instead, sorted. Absent: no exchange was asked for."""

    exchange_payment_method_id: str | None = None
    """What a difference in price is settled with. Absent: no exchange was asked for."""

    exchange_price_difference: float | None = None
    """What the new items cost more than the old ones, US dollars; below zero, the customer gets it back.
    Absent: no exchange was asked for."""

    etag: str | None = None
    """Stands for the order as it is here, and changes with it. Absent: it is not told."""


_ADDRESS: Final[Mapping[str, object]] = {
    "address1": "12 Garden Lane",
    "address2": "",
    "city": "Denver",
    "state": "CO",
    "country": "USA",
    "zip": "80200",
}
_MUG: Final[Mapping[str, object]] = {
    "name": "Mug",
    "product_id": "1000000001",
    "item_id": "2000000001",
    "price": 12.5,
    "options": {"color": "blue", "capacity": "350ml"},
}
_RED_MUG: Final[Mapping[str, object]] = {
    **_MUG,
    "item_id": "2000000002",
    "price": 13.0,
    "options": {"color": "red", "capacity": "350ml"},
}
_PAID: Final[Mapping[str, object]] = {
    "transaction_type": "payment",
    "amount": 12.5,
    "payment_method_id": "paypal_1000003",
}
_REFUNDED: Final[Mapping[str, object]] = {**_PAID, "transaction_type": "refund"}
_PENDING: Final[Mapping[str, object]] = {
    "order_id": "#W1000001",
    "user_id": "ada_smith_1234",
    "address": _ADDRESS,
    "items": [_MUG],
    "status": "pending",
    "fulfillments": [],
    "payment_history": [_PAID],
}
_DELIVERED: Final[Mapping[str, object]] = {
    **_PENDING,
    "status": "delivered",
    "fulfillments": [{"tracking_id": ["300000000001"], "item_ids": ["2000000001"]}],
}
_IN_AN_ORDER: Final[Mapping[str, str]] = {
    "address": "location",
    "payment_history.payment_method_id": "payment",
    "return_payment_method_id": "payment",
    "exchange_payment_method_id": "payment",
}
_QUICKLY: Final = timedelta(seconds=2)
_LONGEST: Final = timedelta(minutes=5)
_REMEMBERED: Final = timedelta(days=30)


@nexusrpc.service(name="orders.v1")
class Orders:
    """Knows every order and changes what may be changed about one.

    An order can be changed only as far as its status allows; a request that its status does not allow is refused
    and changes nothing. Where money has to move, it has moved when the operation answers.
    """

    get_order_details: nexusrpc.Operation[OrderId, Order] = promise(
        kind="query",
        effect="read",
        entity="order_id",
        idempotency="natural",
        latency=timedelta(seconds=1),
        longest=timedelta(seconds=30),
        sensitive=_IN_AN_ORDER,
        examples=(Example(input={"order_id": "#W1000001"}, output=_PENDING),),
    )
    """Look up an order: items, status, address, shipments and payments. Refused when there is no such order."""

    cancel_pending_order: nexusrpc.Operation[Cancellation, Order] = promise(
        kind="task",
        effect="irreversible",
        entity="order_id",
        latency=_QUICKLY,
        longest=_LONGEST,
        remembered=_REMEMBERED,
        sensitive=_IN_AN_ORDER,
        examples=(
            Example(
                input={"order_id": "#W1000001", "reason": "no longer needed"},
                output={
                    **_PENDING,
                    "status": "cancelled",
                    "payment_history": [_PAID, _REFUNDED],
                    "cancel_reason": "no longer needed",
                },
            ),
        ),
    )
    """Cancel a pending order for good, and refund what was paid to where it came from.

    A gift card has the money at once, other payment methods within days. Refused unless the order is pending.
    """

    modify_pending_order_address: nexusrpc.Operation[AddressChange, Order] = promise(
        kind="task",
        effect="write",
        entity="order_id",
        latency=_QUICKLY,
        longest=_LONGEST,
        remembered=_REMEMBERED,
        sensitive={
            **_IN_AN_ORDER,
            "address1": "location",
            "address2": "location",
            "city": "location",
            "state": "location",
            "country": "location",
            "zip": "location",
        },
        examples=(Example(input={"order_id": "#W1000001", **_ADDRESS}, output=_PENDING),),
    )
    """Deliver a pending order to another address.

    The customer's own address stays as it is. Refused unless the order is pending.
    """

    modify_pending_order_items: nexusrpc.Operation[Replacement, Order] = promise(
        kind="task",
        effect="irreversible",
        entity="order_id",
        latency=_QUICKLY,
        longest=_LONGEST,
        remembered=_REMEMBERED,
        sensitive={**_IN_AN_ORDER, "payment_method_id": "payment"},
        examples=(
            Example(
                input={
                    "order_id": "#W1000001",
                    "item_ids": ["2000000001"],
                    "new_item_ids": ["2000000002"],
                    "payment_method_id": "paypal_1000003",
                },
                output={
                    **_PENDING,
                    "status": "pending (item modified)",
                    "items": [_RED_MUG],
                    "payment_history": [_PAID, {**_PAID, "amount": 0.5}],
                },
            ),
        ),
    )
    """Replace items of a pending order by other variants of the same products; possible once per order.

    The difference in price is charged or refunded at once. Collect everything that is to be replaced before calling:
    afterwards the order can be neither modified nor cancelled. Refused unless the order is pending, every new item is
    an available variant of the same product, and a gift card that has to pay covers the difference.
    """

    modify_pending_order_payment: nexusrpc.Operation[PaymentChange, Order] = promise(
        kind="task",
        effect="write",
        entity="order_id",
        latency=_QUICKLY,
        longest=_LONGEST,
        remembered=_REMEMBERED,
        sensitive={**_IN_AN_ORDER, "payment_method_id": "payment"},
        examples=(
            Example(
                input={"order_id": "#W1000001", "payment_method_id": "gift_card_1000001"},
                output={
                    **_PENDING,
                    "payment_history": [_PAID, {**_PAID, "payment_method_id": "gift_card_1000001"}, _REFUNDED],
                },
            ),
        ),
    )
    """Pay a pending order with another payment method.

    The new one is charged in full, then the old one is refunded. Refused unless the order is pending and was paid in
    one payment, the method is another one of the customer's, and a gift card covers the whole amount.
    """

    return_delivered_order_items: nexusrpc.Operation[Return, Order] = promise(
        kind="task",
        effect="irreversible",
        entity="order_id",
        latency=_QUICKLY,
        longest=_LONGEST,
        remembered=_REMEMBERED,
        sensitive={**_IN_AN_ORDER, "payment_method_id": "payment"},
        examples=(
            Example(
                input={
                    "order_id": "#W1000001",
                    "item_ids": ["2000000001"],
                    "payment_method_id": "paypal_1000003",
                },
                output={
                    **_DELIVERED,
                    "status": "return requested",
                    "return_items": ["2000000001"],
                    "return_payment_method_id": "paypal_1000003",
                },
            ),
        ),
    )
    """Ask for items of a delivered order to be sent back; possible once per order.

    The money is refunded when the items have arrived, not now. Refused unless the order is delivered, holds the
    items, and the payment method is the order's own or a gift card of the customer.
    """

    exchange_delivered_order_items: nexusrpc.Operation[Replacement, Order] = promise(
        kind="task",
        effect="irreversible",
        entity="order_id",
        latency=_QUICKLY,
        longest=_LONGEST,
        remembered=_REMEMBERED,
        sensitive={**_IN_AN_ORDER, "payment_method_id": "payment"},
        examples=(
            Example(
                input={
                    "order_id": "#W1000001",
                    "item_ids": ["2000000001"],
                    "new_item_ids": ["2000000002"],
                    "payment_method_id": "paypal_1000003",
                },
                output={
                    **_DELIVERED,
                    "status": "exchange requested",
                    "exchange_items": ["2000000001"],
                    "exchange_new_items": ["2000000002"],
                    "exchange_payment_method_id": "paypal_1000003",
                    "exchange_price_difference": 0.5,
                },
            ),
        ),
    )
    """Ask for items of a delivered order to be exchanged for other variants of the same products; once per order.

    The difference in price is settled when the items have arrived, not now. Collect everything that is to be
    exchanged before calling. Refused unless the order is delivered, every new item is an available variant of the
    same product, and a gift card that will have to pay covers the difference already.
    """

    assist: nexusrpc.Operation[Goal, Assistance] = promise(
        kind="agent",
        effect="irreversible",
        latency=timedelta(seconds=30),
        longest=timedelta(minutes=10),
        sensitive={"goal": "words", "facts": "words", "answer": "words"},
        examples=(
            Example(
                input={"goal": "Cancel order #W1000001, it was a mistake.", "facts": {"user_id": "ada_smith_1234"}},
                output={
                    "answer": "Order #W1000001 is cancelled; $12.50 goes back to PayPal.",
                    "deeds": [
                        {"service": "orders.v1", "operation": "get_order_details", "outcome": "ok"},
                        {"service": "orders.v1", "operation": "cancel_pending_order", "outcome": "ok"},
                    ],
                    "usage": {"input_tokens": 2100, "output_tokens": 90, "model_calls": 3, "tool_calls": 2},
                },
            ),
        ),
    )
    """Do what is asked in words about orders: explain, cancel, modify, return, exchange.

    Whoever asks needs the right to every effect that the goal leads to.
    """
