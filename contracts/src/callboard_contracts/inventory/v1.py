"""Inventory, version 1: which products there are, in which variants, at which price.

Frozen once released. A change that would break a caller is a new `v2.py`.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Final

import nexusrpc
from pydantic import Field

from callboard_contracts import Assistance, Example, Goal, Message, Nothing, promise

ENDPOINT: Final = "inventory"
"""The Nexus endpoint that serves every version of this service."""


class ProductId(Message):
    """Which product is meant."""

    product_id: Annotated[str, Field(min_length=1, max_length=100)]
    """The product's id, for instance `6086499569`. Not the id of one of its variants."""


class ItemId(Message):
    """Which variant of a product is meant."""

    item_id: Annotated[str, Field(min_length=1, max_length=100)]
    """The variant's id, for instance `1008292230`. Not the id of the product."""


class ProductTypes(Message):
    """Every kind of product on sale."""

    product_types: Mapping[str, str]
    """Product id by product name, in alphabetical order of the names."""


class Variant(Message):
    """One thing that can be bought: a product with every option decided."""

    item_id: str
    """The variant's id, unique among all products."""

    options: Mapping[str, str]
    """What distinguishes it from the product's other variants, for instance `{"color": "blue", "size": "M"}`."""

    available: bool
    """Whether it can be had now."""

    price: float
    """What one costs now, US dollars. An order keeps the price of the day it was placed."""


class Product(Message):
    """A product with all its variants."""

    product_id: str
    """The product's id."""

    name: str
    """What it is called, for instance `T-Shirt`."""

    variants: Mapping[str, Variant]
    """Its variants by item id, those that cannot be had now included."""


_MUG: Final[Mapping[str, object]] = {
    "item_id": "2000000001",
    "options": {"color": "blue", "capacity": "350ml"},
    "available": True,
    "price": 12.5,
}


@nexusrpc.service(name="inventory.v1")
class Inventory:
    """Knows which products there are.

    A product has an id and a name; what is bought is one of its variants, with an id of its own.
    """

    list_all_product_types: nexusrpc.Operation[Nothing, ProductTypes] = promise(
        kind="query",
        effect="read",
        idempotency="natural",
        latency=timedelta(seconds=1),
        longest=timedelta(seconds=30),
        examples=(Example(input={}, output={"product_types": {"Mug": "1000000001", "T-Shirt": "1000000002"}}),),
    )
    """List the name and the id of every product.

    The names are kinds of products, each with several variants: ask `get_product_details` for those.
    """

    get_product_details: nexusrpc.Operation[ProductId, Product] = promise(
        kind="query",
        effect="read",
        entity="product_id",
        idempotency="natural",
        latency=timedelta(seconds=1),
        longest=timedelta(seconds=30),
        examples=(
            Example(
                input={"product_id": "1000000001"},
                output={"product_id": "1000000001", "name": "Mug", "variants": {"2000000001": _MUG}},
            ),
        ),
    )
    """Look up a product and all its variants. Refused when there is no such product."""

    get_item_details: nexusrpc.Operation[ItemId, Variant] = promise(
        kind="query",
        effect="read",
        entity="item_id",
        idempotency="natural",
        latency=timedelta(seconds=1),
        longest=timedelta(seconds=30),
        examples=(Example(input={"item_id": "2000000001"}, output=_MUG),),
    )
    """Look up one variant of a product. Refused when there is no such variant."""

    assist: nexusrpc.Operation[Goal, Assistance] = promise(
        kind="agent",
        effect="read",
        latency=timedelta(seconds=30),
        longest=timedelta(minutes=5),
        sensitive={"goal": "words"},
        examples=(
            Example(
                input={"goal": "Is there a blue mug that holds more than 300 ml?"},
                output={
                    "answer": "Yes: item 2000000001, 350 ml, at $12.50, available now.",
                    "deeds": [{"service": "inventory.v1", "operation": "get_product_details", "outcome": "ok"}],
                    "usage": {"input_tokens": 900, "output_tokens": 60, "model_calls": 2, "tool_calls": 1},
                },
            ),
        ),
    )
    """Answer a question about products in words. Changes nothing."""
