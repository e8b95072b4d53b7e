"""Billing, version 1: the payment methods of a customer, and money in and out of them.

Money moves once per *key*. The caller chooses a key for each movement and keeps it as long as it keeps the record
the movement belongs to; billing remembers keys for good, so they outlive whatever Temporal retains.

- The same key with the same content again: the first receipt again, and nothing moves.
- The same key with other content: refused, and nothing moves.
- `reverse` undoes the movement with a key, once, however often it is asked. Reversing a key that nothing was done
  under is remembered too: a `charge` or `refund` with that key which arrives later is refused. So a caller that does
  not know whether its movement happened reverses the key and can be sure that, in the end, no money has moved.

Frozen once released. A change that would break a caller is a new `v2.py`.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Final, Literal

import nexusrpc
from pydantic import AwareDatetime, ConfigDict, Field

from callboard_contracts import Example, Message, promise

ENDPOINT: Final = "billing"
"""The Nexus endpoint that serves every version of this service."""

Id = Annotated[str, Field(min_length=1, max_length=100)]
Key = Annotated[str, Field(min_length=1, max_length=200)]
Dollars = Annotated[float, Field(gt=0, le=1_000_000)]

# The tag that tells the payment methods apart is always written, so the published schema may rely on it.
_TAGGED: Final = ConfigDict(json_schema_serialization_defaults_required=True)


class GiftCard(Message):
    """A gift card: money that was paid beforehand."""

    model_config = _TAGGED

    source: Literal["gift_card"] = "gift_card"
    """What kind of payment method it is."""

    id: str
    """The payment method's id, for instance `gift_card_4332117`."""

    balance: float
    """What is left on it, US dollars. Never below zero."""


class CreditCard(Message):
    """A credit card."""

    model_config = _TAGGED

    source: Literal["credit_card"] = "credit_card"
    """What kind of payment method it is."""

    id: str
    """The payment method's id, for instance `credit_card_9513926`."""

    brand: str
    """Who issued it, for instance `mastercard`."""

    last_four: str
    """The last four digits of its number."""


class PayPal(Message):
    """A PayPal account."""

    model_config = _TAGGED

    source: Literal["paypal"] = "paypal"
    """What kind of payment method it is."""

    id: str
    """The payment method's id, for instance `paypal_3798357`."""


PaymentMethod = Annotated[GiftCard | CreditCard | PayPal, Field(discriminator="source")]
"""What a customer pays with. `source` says which kind it is."""


class Wallet(Message):
    """Whose payment methods are meant."""

    user_id: Id
    """The customer's id, for instance `noah_brown_6181`."""


class PaymentMethods(Message):
    """What a customer can pay with."""

    payment_methods: Mapping[str, PaymentMethod] = {}
    """Payment methods by their ids, in the order in which they were added. Empty: the customer has none."""


class Transaction(Message):
    """One movement of money, as an order's payment history keeps it."""

    transaction_type: Literal["payment", "refund"]
    """`payment`: the customer paid. `refund`: the customer got money back."""

    amount: float
    """How much, US dollars, exactly as it was asked for: always above zero, never rounded."""

    payment_method_id: str
    """What it was paid with or paid back to."""


class Charge(Message):
    """Money to take from a customer."""

    user_id: Id
    """Who pays."""

    payment_method_id: Id
    """What is paid with. One of the customer's own."""

    amount: Dollars
    """How much, US dollars."""

    order_id: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    """The order that it is for. Absent: for no order."""

    reason: Annotated[str, Field(max_length=500)] = ""
    """Why, in a few words, for the books."""

    key: Key
    """The movement's idempotency key, chosen by the caller."""


class Refund(Message):
    """Money to give back to a customer."""

    user_id: Id
    """Who gets it."""

    payment_method_id: Id
    """Where it goes. One of the customer's own."""

    amount: Dollars
    """How much, US dollars."""

    order_id: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    """The order that it is for. Absent: for no order."""

    reason: Annotated[str, Field(max_length=500)] = ""
    """Why, in a few words, for the books."""

    key: Key
    """The movement's idempotency key, chosen by the caller."""


class Receipt(Message):
    """Proof that money has moved."""

    key: str
    """The movement's key."""

    transaction: Transaction
    """What moved."""

    balance: float | None = None
    """What the movement left on the gift card, US dollars, in whole cents. Absent: it is not a gift card."""


class RefundPeriod(Message):
    """Which refunds are meant."""

    since: AwareDatetime
    """The refunds that were booked at this moment or later."""

    most: Annotated[int, Field(ge=1, le=1000)] = 500
    """How many, at most: the latest."""


class BookedRefund(Message):
    """A refund that was booked and not taken back."""

    user_id: str
    """Who got it."""

    amount: float
    """How much, US dollars."""

    order_id: str | None = None
    """The order that it was for. Absent: for no order."""

    at: AwareDatetime
    """When it was booked."""


class BookedRefunds(Message):
    """The refunds of a period."""

    refunds: tuple[BookedRefund, ...] = ()
    """The refunds, the latest first. Empty: there were none."""

    cut_off: bool = False
    """Whether there were more than were asked for."""


class Reversal(Message):
    """A movement of money to undo."""

    key: Key
    """The key of the charge or refund that must not have happened."""

    reason: Annotated[str, Field(max_length=500)] = ""
    """Why, in a few words, for the books."""


class ReversalReceipt(Message):
    """Proof that no money has moved under a key, or no longer."""

    key: str
    """The key that was reversed. No charge and no refund will be accepted under it any more."""

    transaction: Transaction | None = None
    """What was booked to undo the movement: the same amount the other way. Absent: nothing had been done under
    the key, so there was nothing to undo."""

    balance: float | None = None
    """What the reversal left on the gift card, US dollars, in whole cents. Absent: it is not a gift card, or nothing
    had been done."""


@nexusrpc.service(name="billing.v1")
class Billing:
    """Keeps the customers' payment methods, and moves their money.

    No operation that moves money is offered to a language model: other teams' code calls them.
    """

    list_payment_methods: nexusrpc.Operation[Wallet, PaymentMethods] = promise(
        kind="query",
        effect="read",
        entity="user_id",
        idempotency="natural",
        latency=timedelta(seconds=1),
        longest=timedelta(seconds=30),
        sensitive={"payment_methods": "payment"},
        examples=(
            Example(
                input={"user_id": "ada_smith_1234"},
                output={
                    "payment_methods": {
                        "gift_card_1000001": {"source": "gift_card", "id": "gift_card_1000001", "balance": 40.0},
                        "credit_card_1000002": {
                            "source": "credit_card",
                            "id": "credit_card_1000002",
                            "brand": "visa",
                            "last_four": "4321",
                        },
                    }
                },
            ),
        ),
    )
    """List what a customer can pay with. Refused when there is no such customer."""

    charge: nexusrpc.Operation[Charge, Receipt] = promise(
        kind="task",
        effect="write",
        entity="payment_method_id",
        idempotency="key:key",
        latency=timedelta(seconds=2),
        longest=timedelta(minutes=2),
        model_callable=False,
        sensitive={"payment_method_id": "payment", "transaction.payment_method_id": "payment", "balance": "payment"},
        examples=(
            Example(
                input={
                    "user_id": "ada_smith_1234",
                    "payment_method_id": "gift_card_1000001",
                    "amount": 12.5,
                    "order_id": "#W1000001",
                    "reason": "price difference",
                    "key": "orders:#W1000001:modify:7f3a",
                },
                output={
                    "key": "orders:#W1000001:modify:7f3a",
                    "transaction": {
                        "transaction_type": "payment",
                        "amount": 12.5,
                        "payment_method_id": "gift_card_1000001",
                    },
                    "balance": 27.5,
                },
            ),
        ),
    )
    """Take money from a customer, once per key.

    Refused when the customer has no such payment method, when a gift card does not cover the amount, when the key
    was used for anything else, or when the key has been reversed.
    """

    refund: nexusrpc.Operation[Refund, Receipt] = promise(
        kind="task",
        effect="write",
        entity="payment_method_id",
        idempotency="key:key",
        latency=timedelta(seconds=2),
        longest=timedelta(minutes=2),
        model_callable=False,
        sensitive={"payment_method_id": "payment", "transaction.payment_method_id": "payment", "balance": "payment"},
        examples=(
            Example(
                input={
                    "user_id": "ada_smith_1234",
                    "payment_method_id": "credit_card_1000002",
                    "amount": 12.5,
                    "order_id": "#W1000001",
                    "reason": "order cancelled",
                    "key": "orders:#W1000001:cancel:9c01:0",
                },
                output={
                    "key": "orders:#W1000001:cancel:9c01:0",
                    "transaction": {
                        "transaction_type": "refund",
                        "amount": 12.5,
                        "payment_method_id": "credit_card_1000002",
                    },
                },
            ),
        ),
    )
    """Give money back to a customer, once per key. A gift card has it at once.

    Refused when the customer has no such payment method, when the key was used for anything else, or when the key
    has been reversed.
    """

    list_refunds: nexusrpc.Operation[RefundPeriod, BookedRefunds] = promise(
        kind="query",
        effect="read",
        idempotency="natural",
        latency=timedelta(seconds=1),
        longest=timedelta(seconds=30),
        model_callable=False,
        examples=(
            Example(
                input={"since": "2026-11-01T00:00:00Z"},
                output={
                    "refunds": [
                        {
                            "user_id": "ada_smith_1234",
                            "amount": 12.5,
                            "order_id": "#W1000001",
                            "at": "2026-11-03T09:30:00Z",
                        }
                    ],
                    "cut_off": False,
                },
            ),
        ),
    )
    """List the refunds that were booked since a moment and not taken back, for whoever watches over them."""

    reverse: nexusrpc.Operation[Reversal, ReversalReceipt] = promise(
        kind="task",
        effect="write",
        entity="key",
        idempotency="key:key",
        latency=timedelta(seconds=2),
        longest=timedelta(minutes=2),
        model_callable=False,
        sensitive={"transaction.payment_method_id": "payment", "balance": "payment"},
        examples=(
            Example(
                input={"key": "orders:#W1000001:modify:7f3a", "reason": "the order could not be changed"},
                output={
                    "key": "orders:#W1000001:modify:7f3a",
                    "transaction": {
                        "transaction_type": "refund",
                        "amount": 12.5,
                        "payment_method_id": "gift_card_1000001",
                    },
                    "balance": 40.0,
                },
            ),
            Example(
                input={"key": "orders:#W1000001:cancel:9c01:1"},
                output={"key": "orders:#W1000001:cancel:9c01:1"},
            ),
        ),
    )
    """Undo the charge or refund with this key, or see to it that it never happens.

    Asked again, it answers the same and moves nothing. `reason` is not compared: a repeated reversal may word it
    differently. Refused only when a refund cannot be taken back because the gift card it went to has been spent.
    """
