"""The demo's customers: what each wants, and how to tell that it was settled rightly.

Customers are looked for in the made-up shop, so that the facts fit: somebody who moved has an order on its way, who
wants an exchange has something to exchange. What became of a case is judged by the records, not by the answer.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from callboard.example import Records
from callboard_contracts.customers import v1 as customers
from callboard_contracts.orders import v1 as orders

NEW_ADDRESS: Final = customers.Address(
    address1="17 Harbour Road", address2="Flat 4", city="Portland", state="OR", country="USA", zip="97205"
)

Judge = Callable[[Records, Records], str | None]
"""Compares the shop before and after a case; says what is wrong, or None."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One customer and what they want."""

    title: str
    """What it shows, for the audience."""

    customer: customers.Customer
    words: str
    """What the customer says. For a typed workflow: what it is told, in words."""

    relocation: bool = False
    """Whether the typed workflow `Relocate` settles it; otherwise a model plans it from the words."""

    refused: tuple[str, str] | None = None
    """Service and operation that must be refused for the case to be settled rightly."""

    teams: frozenset[str] = frozenset()
    """Teams that must have been called, directly or by one another."""

    judge: Judge


class NoCaseError(Exception):
    """The shop has nobody whom a case fits; a larger shop would."""


def choose(shop: Records) -> tuple[Case, ...]:
    """Return the demo's cases, each about another customer of `shop`.

    Raises:
        NoCaseError: The shop is too small.
    """
    taken: set[str] = set()
    cases: list[Case] = []
    for find in (_moved, _five_teams, _return, _too_late):
        case = next((case for case in find(shop) if case.customer.user_id not in taken), None)
        if case is None:
            raise NoCaseError(f"the shop has nobody for {find.__name__.strip('_')!r}; make a larger one")
        taken.add(case.customer.user_id)
        cases.append(case)
    return tuple(cases)


def _moved(shop: Records) -> Iterator[Case]:
    for customer in shop.users.values():
        pending = _orders(shop, customer, "pending")
        if len(pending) >= 2:

            def judge(before: Records, after: Records, who: str = customer.user_id) -> str | None:
                places = [
                    after.users[who].address,
                    *(after.orders[each].address for each in _ids(before, who, "pending")),
                ]
                wrong = [place for place in places if place is None or place.model_dump() != NEW_ADDRESS.model_dump()]
                return f"{len(wrong)} of {len(places)} addresses are still the old one" if wrong else None

            yield Case(
                title="moved house: one typed workflow, no model",
                customer=customer,
                words=f"{_full_name(customer)} moved to {_in_words(NEW_ADDRESS)}",
                relocation=True,
                teams=frozenset({"customers", "orders"}),
                judge=judge,
            )


def _five_teams(shop: Records) -> Iterator[Case]:
    for customer in shop.users.values():
        pending, delivered = _orders(shop, customer, "pending"), _orders(shop, customer, "delivered")
        for order in delivered:
            item = next((each for each in order.items if _has_cheaper(shop, each) and _is_only_one(order, each)), None)
            if not pending or item is None:
                continue

            def judge(
                _: Records, after: Records, gone: str = pending[0].order_id, other: str = order.order_id
            ) -> str | None:
                return _unless_status(after, {gone: "cancelled", other: "exchange requested"})

            yield Case(
                title="cancel one order, exchange from another, and the sum of it: all five teams",
                customer=customer,
                words=(
                    f"{_introduction(customer)} Please cancel order {pending[0].order_id}, I no longer need it,"
                    f" and exchange the {item.name.lower()} of order {order.order_id} for the cheapest one."
                    " How much money will I get back in total?"
                ),
                teams=frozenset({"billing", "customers", "inventory", "orders", "support"}),
                judge=judge,
            )


def _return(shop: Records) -> Iterator[Case]:
    for customer in shop.users.values():
        for order in _orders(shop, customer, "delivered"):

            def judge(_: Records, after: Records, order_id: str = order.order_id) -> str | None:
                return _unless_status(after, {order_id: "return requested"})

            yield Case(
                title="send a whole order back: planned from words",
                customer=customer,
                words=f"{_introduction(customer)} I want to return everything from order {order.order_id}.",
                teams=frozenset({"customers", "orders"}),
                judge=judge,
            )


def _too_late(shop: Records) -> Iterator[Case]:
    for customer in shop.users.values():
        for order in _orders(shop, customer, "processed"):

            def judge(before: Records, after: Records) -> str | None:
                return None if before == after else "something changed, and nothing may"

            yield Case(
                title="cancel what is on its way already: rightly refused, nothing changes",
                customer=customer,
                words=f"{_introduction(customer)} Please cancel order {order.order_id}, I no longer need it.",
                refused=("orders.v1", "cancel_pending_order"),
                teams=frozenset({"customers", "orders"}),
                judge=judge,
            )


def _orders(shop: Records, customer: customers.Customer, status: str) -> list[orders.Order]:
    return [shop.orders[each] for each in customer.orders if shop.orders[each].status == status]


def _ids(shop: Records, user_id: str, status: str) -> list[str]:
    return [each.order_id for each in _orders(shop, shop.users[user_id], status)]


def _has_cheaper(shop: Records, item: orders.Item) -> bool:
    variants = shop.products[item.product_id].variants.values()
    return any(each.available and each.item_id != item.item_id and each.price < item.price for each in variants)


def _is_only_one(order: orders.Order, item: orders.Item) -> bool:
    return sum(each.product_id == item.product_id for each in order.items) == 1


def _unless_status(after: Records, expected: Mapping[str, str]) -> str | None:
    wrong = [
        f"order {order_id} is {after.orders[order_id].status!r} instead of {status!r}"
        for order_id, status in expected.items()
        if after.orders[order_id].status != status
    ]
    return "; ".join(wrong) or None


def _introduction(customer: customers.Customer) -> str:
    assert customer.address is not None  # `Records` lets nobody in without
    return f"I am {_full_name(customer)}, zip {customer.address.zip}."


def _full_name(customer: customers.Customer) -> str:
    assert customer.name is not None  # `Records` lets nobody in without
    return f"{customer.name.first_name} {customer.name.last_name}"


def _in_words(address: customers.Address) -> str:
    return f"{address.address1}, {address.address2}, {address.city}, {address.state} {address.zip}"
