"""Customers, version 1: who somebody is, and where they live.

Frozen once released. A change that would break a caller is a new `v2.py`.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Final

import nexusrpc
from pydantic import Field

from callboard_contracts import Assistance, Example, Goal, Message, promise
from callboard_contracts.billing import v1 as billing
from callboard_contracts.conversations import Contribution, Turn

ENDPOINT: Final = "customers"
"""The Nexus endpoint that serves every version of this service."""

Line = Annotated[str, Field(max_length=200)]
Word = Annotated[str, Field(min_length=1, max_length=200)]


class EmailAddress(Message):
    """Somebody's e-mail address."""

    email: Word
    """The e-mail address the customer is registered with. Upper and lower case are the same."""


class NameAndZip(Message):
    """Somebody's name and where they live."""

    first_name: Word
    """The first name. Upper and lower case are the same."""

    last_name: Word
    """The last name. Upper and lower case are the same."""

    zip: Word
    """The postal code of the customer's own address."""


class UserId(Message):
    """Which customer is meant."""

    user_id: Annotated[str, Field(min_length=1, max_length=100)]
    """The customer's id, for instance `noah_brown_6181`."""


class Name(Message):
    """What somebody is called."""

    first_name: str
    """The first name."""

    last_name: str
    """The last name."""


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


class AddressChange(Message):
    """A customer's new address, complete: nothing of the old one is kept."""

    user_id: Annotated[str, Field(min_length=1, max_length=100)]
    """The customer's id."""

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

    etag: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    """The `etag` of the customer that this was decided on. Refused when what it stands for has changed since; absent,
    it is changed whatever it is by now."""


class Customer(Message):
    """Everything that is known about a customer.

    What may be kept from a caller by policy is absent then.
    """

    user_id: str
    """The customer's id."""

    name: Name | None = None
    """What the customer is called."""

    address: Address | None = None
    """Where the customer lives. An order has an address of its own."""

    email: str | None = None
    """The customer's e-mail address."""

    payment_methods: Mapping[str, billing.PaymentMethod] = {}
    """What the customer can pay with, by id, as billing has it at this moment."""

    orders: tuple[str, ...] = ()
    """The ids of the customer's orders, oldest first."""

    etag: str | None = None
    """Stands for the customer as it is here, apart from the payment methods, and changes with it. Absent: it is not
    told."""


class News(Message):
    """One thing that became of an order."""

    order_id: str
    """Which order."""

    text: str
    """What became of it, in one sentence, with what was known when it was noted."""

    at: datetime
    """When it happened."""


class OrderNews(Message):
    """What became of a customer's orders."""

    news: tuple[News, ...] = ()
    """Newest first, up to 100 of it. Empty: nothing that was noted."""


_ADDRESS: Final[Mapping[str, object]] = {
    "address1": "12 Garden Lane",
    "address2": "",
    "city": "Denver",
    "state": "CO",
    "country": "USA",
    "zip": "80200",
}
_CUSTOMER: Final[Mapping[str, object]] = {
    "user_id": "ada_smith_1234",
    "name": {"first_name": "Ada", "last_name": "Smith"},
    "address": _ADDRESS,
    "email": "ada.smith@example.com",
    "payment_methods": {"paypal_1000003": {"source": "paypal", "id": "paypal_1000003"}},
    "orders": ["#W1000001"],
}
_IN_A_CUSTOMER: Final[Mapping[str, str]] = {
    "name": "name",
    "address": "location",
    "email": "contact",
    "payment_methods": "payment",
}


@nexusrpc.service(name="customers.v1")
class Customers:
    """Knows who the customers are."""

    find_user_id_by_email: nexusrpc.Operation[EmailAddress, UserId] = promise(
        kind="query",
        effect="read",
        idempotency="natural",
        latency=timedelta(seconds=1),
        longest=timedelta(seconds=30),
        sensitive={"email": "contact"},
        examples=(Example(input={"email": "ada.smith@example.com"}, output={"user_id": "ada_smith_1234"}),),
    )
    """Find a customer's id by e-mail address. Refused when nobody has it."""

    find_user_id_by_name_zip: nexusrpc.Operation[NameAndZip, UserId] = promise(
        kind="query",
        effect="read",
        idempotency="natural",
        latency=timedelta(seconds=1),
        longest=timedelta(seconds=30),
        sensitive={"first_name": "name", "last_name": "name", "zip": "location"},
        examples=(
            Example(
                input={"first_name": "Ada", "last_name": "Smith", "zip": "80200"},
                output={"user_id": "ada_smith_1234"},
            ),
        ),
    )
    """Find a customer's id by first name, last name and postal code.

    Refused when nobody matches. The e-mail address is the surer way; use this when the customer does not know it.
    """

    get_user_details: nexusrpc.Operation[UserId, Customer] = promise(
        kind="query",
        effect="read",
        entity="user_id",
        idempotency="natural",
        latency=timedelta(seconds=1),
        longest=timedelta(seconds=30),
        sensitive=_IN_A_CUSTOMER,
        examples=(Example(input={"user_id": "ada_smith_1234"}, output=_CUSTOMER),),
    )
    """Look up a customer: name, address, e-mail, payment methods and order ids. Refused when there is none."""

    modify_user_address: nexusrpc.Operation[AddressChange, Customer] = promise(
        kind="task",
        effect="write",
        entity="user_id",
        latency=timedelta(seconds=2),
        longest=timedelta(minutes=5),
        remembered=timedelta(days=30),
        sensitive={
            **_IN_A_CUSTOMER,
            "address1": "location",
            "address2": "location",
            "city": "location",
            "state": "location",
            "country": "location",
            "zip": "location",
        },
        examples=(Example(input={"user_id": "ada_smith_1234", **_ADDRESS}, output=_CUSTOMER),),
    )
    """Replace a customer's own address, and answer with the customer as it is then.

    The addresses of orders stay as they are. Refused when there is no such customer.
    """

    list_order_news: nexusrpc.Operation[UserId, OrderNews] = promise(
        kind="query",
        effect="read",
        entity="user_id",
        idempotency="natural",
        latency=timedelta(seconds=1),
        longest=timedelta(seconds=30),
        sensitive={"news.text": "words"},
        model_callable=False,
        examples=(
            Example(
                input={"user_id": "ada_smith_1234"},
                output={
                    "news": [
                        {"order_id": "#W1000001", "text": "Order #W1000001 was changed.", "at": "2026-05-04T09:30:00Z"}
                    ]
                },
            ),
        ),
    )
    """List what became of a customer's orders, soon after it happened. Refused when there is no such customer."""

    assist: nexusrpc.Operation[Goal, Assistance] = promise(
        kind="agent",
        effect="write",
        latency=timedelta(seconds=30),
        longest=timedelta(minutes=5),
        sensitive={"goal": "words", "facts": "words", "answer": "words"},
        examples=(
            Example(
                input={"goal": "Who has the e-mail address ada.smith@example.com?"},
                output={
                    "answer": "That is the customer ada_smith_1234.",
                    "deeds": [{"service": "customers.v1", "operation": "find_user_id_by_email", "outcome": "ok"}],
                    "usage": {"input_tokens": 800, "output_tokens": 40, "model_calls": 2, "tool_calls": 1},
                },
            ),
        ),
    )
    """Do what is asked in words about one customer: find them, tell what is known, change the address."""

    converse: nexusrpc.Operation[Turn, Contribution] = promise(
        kind="agent",
        effect="irreversible",
        latency=timedelta(seconds=30),
        longest=timedelta(minutes=10),
        sensitive={
            "text": "words",
            "reason": "words",
            "facts": "words",
            "summary": "words",
            "earlier.text": "words",
            "earlier.answer": "words",
        },
        model_callable=False,
        examples=(
            Example(
                input={
                    "conversation": "ada-monday",
                    "text": "I have moved to 12 Elm Street, Austin, 73301.",
                    "reason": "The customer has moved.",
                    "facts": {"user_id": "ada_smith_1234"},
                },
                output={
                    "text": "Your address is 12 Elm Street in Austin now. Is there anything else?",
                    "then": "back",
                    "reason": "The address is changed.",
                    "deeds": [{"service": "customers.v1", "operation": "modify_user_address", "outcome": "ok"}],
                    "usage": {"input_tokens": 1800, "output_tokens": 80, "model_calls": 2, "tool_calls": 2},
                },
            ),
        ),
    )
    """Answer one message of another team's conversation with a customer, about who they are and where they live.

    Whoever holds the conversation needs the right to every effect that the message leads to.
    """
