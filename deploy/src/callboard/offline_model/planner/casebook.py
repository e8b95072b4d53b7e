"""What is known about a case: who asks, which orders there are, what was decided and what was said."""

from dataclasses import dataclass, field
from typing import Final, TypeVar

from pydantic import ValidationError

from callboard.offline_model.planner.desk import Desk, Result
from callboard.offline_model.planner.words import Case
from callboard_contracts import Message
from callboard_contracts.customers import v1 as customers
from callboard_contracts.orders import v1 as orders

_WITHOUT_ORDERS: Final = frozenset({"human", "calculate", "stock", "total"})

MessageT = TypeVar("MessageT", bound=Message)


class GivenUpError(Exception):
    """Nothing more can be done for the case; the message is the answer."""


@dataclass(frozen=True)
class Deed:
    """Something to do, and how to speak of it."""

    operation: str
    arguments: dict[str, object]
    about: str
    """What must not be touched by two deeds at once: an order, or the customer."""

    done: str
    """The sentence when it is done."""

    tried: str
    """What could not be done, for the sentence when it is not: `cancel order #W1`."""

    amount: str = ""
    """What the customer gets back by it, as part of a sum. Empty: nothing."""


@dataclass
class Casebook:
    """What is known about a case, and what has been decided."""

    case: Case
    desk: Desk
    customer: customers.Customer | None = None
    known: dict[str, orders.Order] = field(default_factory=dict[str, orders.Order])
    """The orders that were looked at, by their ids."""
    deeds: list[Deed] = field(default_factory=list[Deed])
    answers: list[str] = field(default_factory=list[str])
    refusals: list[str] = field(default_factory=list[str])


def find_customer(book: Casebook) -> None:
    """Find out who speaks; orders that are named are looked at in the same breath."""
    case, desk = book.case, book.desk
    for order_id in case.order_ids:
        desk.ask("get_order_details", order_id=order_id)
    user_id = case.user_id
    found: Result | None = None
    if user_id is None and case.email is not None and desk.offers("find_user_id_by_email"):
        found = desk.ask("find_user_id_by_email", email=case.email)
    elif user_id is None and case.name and case.zip and desk.offers("find_user_id_by_name_zip"):
        first, last = case.name
        found = desk.ask("find_user_id_by_name_zip", first_name=first, last_name=last, zip=case.zip)
    desk.wait()
    if found is not None:
        if not found.ok:
            raise GivenUpError(f"I could not find out who you are: {found.kind}, {found.error}.")
        user_id = found.field("user_id")
    if user_id is not None and desk.offers("get_user_details"):
        result = desk.fetch("get_user_details", user_id=user_id)
        book.customer = read(result, customers.Customer, f"look up the customer {user_id}")


def find_orders(book: Casebook) -> None:
    """Look at the orders: those that are named, and all of the customer's if a wish names none."""
    case, desk = book.case, book.desk
    wanted = list(case.order_ids)
    unnamed = any(
        not wish.order_ids for wish in case.wishes if wish.kind not in ("human", "calculate", "stock", "total")
    )
    if book.customer is not None and unnamed:
        wanted.extend(book.customer.orders)
    results = {order_id: desk.ask("get_order_details", order_id=order_id) for order_id in dict.fromkeys(wanted)}
    desk.wait()
    for order_id, result in results.items():
        assert result is not None
        order = read(result, orders.Order, f"look at order {order_id}")
        if book.customer is not None and order.user_id != book.customer.user_id:
            raise GivenUpError(f"Order {order_id} is not one of yours, so I left everything as it is.")
        book.known[order_id] = order


def read(result: Result, kind: type[MessageT], what: str) -> MessageT:
    """Read a result by its contract; without it the case cannot go on."""
    if not result.ok:
        raise GivenUpError(sorry(what, result))
    try:
        return kind.model_validate(result.value)
    except ValidationError:
        raise GivenUpError(f"I could not {what}: the answer is not what the contract says.") from None


def sorry(what: str, result: Result) -> str:
    """Say what could not be done and why."""
    reason = {"refused": "it was refused", "unavailable": "it is not possible just now"}.get(result.kind, "it failed")
    return f"I could not {what}: {reason}, {result.error}."
