"""A made-up shop: customers, products and orders that add up, the same for the same seed."""

import itertools
from random import Random
from typing import Final, TypedDict

from callboard.example.words import CARD_BRANDS, FIRST_NAMES, GOODS, LAST_NAMES, PLACES, STREETS

_STATUSES: Final = (
    "pending",
    "pending",
    "pending",
    "pending",
    "delivered",
    "delivered",
    "delivered",
    "processed",
    "cancelled",
)
_VARIANTS_PER_PRODUCT: Final = 8
_ORDERS_PER_CUSTOMER: Final = (0, 1, 1, 2, 2, 3, 4)

Record = dict[str, object]


class Shop(TypedDict):
    """Every record of the example, each table keyed by id."""

    products: dict[str, Record]
    users: dict[str, Record]
    orders: dict[str, Record]


class Variant(TypedDict):
    """One thing that can be ordered."""

    item_id: str
    options: dict[str, str]
    available: bool
    price: float


class Product(TypedDict):
    """A kind of thing, in several variants."""

    name: str
    product_id: str
    variants: dict[str, Variant]


def generate(seed: int, customers: int = 500) -> Shop:
    """Make a shop of `customers` customers; the same seed makes the same shop."""
    random = Random(seed)
    numbers = _Numbers(random)
    products = [_product(random, numbers, name) for name in GOODS]
    users: dict[str, Record] = {}
    orders: dict[str, Record] = {}
    for _ in range(customers):
        user, theirs = _customer(random, numbers, products)
        users[str(user["user_id"])] = user
        orders.update(theirs)
    return Shop(products={p["product_id"]: dict(p) for p in products}, users=users, orders=orders)


class _Numbers:
    """Numbers of a given length, none of them twice."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._given: set[int] = set()

    def next(self, digits: int) -> str:
        while (number := self._random.randrange(10 ** (digits - 1), 10**digits)) in self._given:
            pass
        self._given.add(number)
        return str(number)


def _product(random: Random, numbers: _Numbers, name: str) -> Product:
    middle, choices = GOODS[name]
    combinations = [dict(zip(choices, values, strict=True)) for values in itertools.product(*choices.values())]
    variants: dict[str, Variant] = {}
    for options in random.sample(combinations, k=min(_VARIANTS_PER_PRODUCT, len(combinations))):
        price = round(middle * random.uniform(0.8, 1.3), 2)
        item_id = numbers.next(10)
        variants[item_id] = Variant(item_id=item_id, options=options, available=random.random() < 0.7, price=price)
    if not any(variant["available"] for variant in variants.values()):
        next(iter(variants.values()))["available"] = True
    return Product(name=name, product_id=numbers.next(10), variants=variants)


def _customer(random: Random, numbers: _Numbers, products: list[Product]) -> tuple[Record, dict[str, Record]]:
    first, last = random.choice(FIRST_NAMES), random.choice(LAST_NAMES)
    user_id = f"{first.lower()}_{last.lower()}_{numbers.next(4 if random.random() < 0.9 else 5)}"
    address = _address(random)
    methods = _payment_methods(random, numbers)
    orders: dict[str, Record] = {}
    for _ in range(random.choice(_ORDERS_PER_CUSTOMER)):
        order = _order(random, numbers, products, user_id=user_id, address=address, method=random.choice(list(methods)))
        orders[str(order["order_id"])] = order
    user: Record = {
        "user_id": user_id,
        "name": {"first_name": first, "last_name": last},
        "address": address,
        "email": f"{first.lower()}.{last.lower()}{numbers.next(6)}@example.com",
        "payment_methods": methods,
        "orders": list(orders),
    }
    return user, orders


def _address(random: Random) -> Record:
    city, state, zip_start = random.choice(PLACES)
    return {
        "address1": f"{random.randrange(1, 400)} {random.choice(STREETS)}",
        "address2": random.choice(("", f"Flat {random.randrange(1, 40)}", f"Floor {random.randrange(1, 12)}")),
        "city": city,
        "country": "USA",
        "state": state,
        "zip": f"{zip_start}{random.randrange(100):02}",
    }


def _payment_methods(random: Random, numbers: _Numbers) -> dict[str, Record]:
    methods: dict[str, Record] = {}
    for source in random.sample(("credit_card", "gift_card", "paypal"), k=random.choice((1, 2, 2, 3))):
        method: Record = {"source": source, "id": f"{source}_{numbers.next(7)}"}
        if source == "credit_card":
            method |= {"brand": random.choice(CARD_BRANDS), "last_four": f"{random.randrange(10_000):04}"}
        if source == "gift_card":
            method["balance"] = float(random.randrange(5, 300))
        methods[str(method["id"])] = method
    return methods


def _order(
    random: Random, numbers: _Numbers, products: list[Product], *, user_id: str, address: Record, method: str
) -> Record:
    chosen = [
        (product, random.choice(list(product["variants"].values())))
        for product in random.sample(products, k=random.randint(1, 5))
    ]
    if random.random() < 0.05:
        chosen.append(chosen[0])  # Now and then somebody wants two of a kind.
    total = round(sum(variant["price"] for _, variant in chosen), 2)
    status = random.choice(_STATUSES)
    history: list[Record] = [{"transaction_type": "payment", "amount": total, "payment_method_id": method}]
    if status == "cancelled":
        history.append({"transaction_type": "refund", "amount": total, "payment_method_id": method})
    sent = status in ("processed", "delivered")
    return {
        "order_id": f"#W{numbers.next(7)}",
        "user_id": user_id,
        "address": dict(address),
        "items": [
            {
                "name": product["name"],
                "product_id": product["product_id"],
                "item_id": variant["item_id"],
                "price": variant["price"],
                "options": dict(variant["options"]),
            }
            for product, variant in chosen
        ],
        "status": status,
        "fulfillments": [{"tracking_id": [numbers.next(12)], "item_ids": [variant["item_id"] for _, variant in chosen]}]
        if sent
        else [],
        "payment_history": history,
    }
