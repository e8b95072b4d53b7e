"""Edits of a listing, each with what is to be found out about it: those of schemas, and those of promises."""

import copy
from collections.abc import Callable
from typing import Any

from callboard_contracts import describe
from callboard_contracts.orders.v1 import Orders

# A listing is edited as the JSON it is, so what is edited has no types.
Listing = dict[str, Any]
Edit = Callable[[Listing], object]


def listing() -> Listing:
    return describe(Orders).model_dump(mode="json")


def of(document: Listing, name: str) -> dict[str, Any]:
    return next(operation for operation in document["operations"] if operation["name"] == name)


def cancel(document: Listing) -> dict[str, Any]:
    return of(document, "cancel_pending_order")


def order(document: Listing) -> dict[str, Any]:
    return cancel(document)["output"]


def edited(edit: Edit) -> Listing:
    document = copy.deepcopy(listing())
    edit(document)
    return document


BREAKING: dict[str, tuple[Edit, str, str]] = {
    "an input field is added and required": (
        lambda new: (
            cancel(new)["input"]["properties"].update(note={"type": "string"}),
            cancel(new)["input"]["required"].append("note"),
        ),
        "required",
        "/required",
    ),
    "an input enum is narrowed": (
        lambda new: cancel(new)["input"]["properties"]["reason"]["enum"].remove("ordered by mistake"),
        "enum",
        "/properties/reason/enum",
    ),
    "an input type is changed": (
        lambda new: cancel(new)["input"]["properties"]["order_id"].update(type="integer"),
        "type",
        "/properties/order_id/type",
    ),
    "an input bound is narrowed": (
        lambda new: cancel(new)["input"]["properties"]["order_id"].update(maxLength=8),
        "maxLength",
        "/properties/order_id/maxLength",
    ),
    "an input gets a pattern": (
        lambda new: cancel(new)["input"]["properties"]["order_id"].update(pattern="^#W"),
        "pattern",
        "/properties/order_id/pattern",
    ),
    "the elements of an input list are narrowed": (
        lambda new: of(new, "return_delivered_order_items")["input"]["properties"]["item_ids"]["items"].update(
            minLength=5
        ),
        "minLength",
        "/properties/item_ids/items/minLength",
    ),
    "an output field is not always there any more": (
        lambda new: order(new)["required"].remove("status"),
        "required",
        "/required",
    ),
    "an output may be something new": (
        lambda new: order(new)["properties"]["status"]["enum"].append("lost"),
        "enum",
        "/properties/status/enum",
    ),
    "an output may be nothing": (
        lambda new: order(new)["properties"].update(user_id={"anyOf": [{"type": "string"}, {"type": "null"}]}),
        "type",
        "/properties/user_id/type",
    ),
    "a field deep in an output is removed": (
        lambda new: (
            order(new)["$defs"]["Item"]["properties"].pop("price")
            and order(new)["$defs"]["Item"]["required"].remove("price")
        ),
        "required",
        "/$defs/Item/required",
    ),
}
"""What breaks a schema: the edit, the rule, and the place in the schema that refuses."""

MISSED: dict[str, tuple[Edit, str, str]] = {
    "an input field is removed": (
        lambda new: (
            cancel(new)["input"]["properties"].pop("reason"),
            cancel(new)["input"]["required"].remove("reason"),
        ),
        "dropped",
        "/reason is not looked at any more",
    ),
    "an output field is removed": (
        lambda new: order(new)["properties"].pop("cancel_reason"),
        "dropped",
        "/cancel_reason is not answered any more",
    ),
}
"""What breaks nobody, but may be missed: the edit, the rule, the sentence."""

HARMLESS: dict[str, Edit] = {
    "words are changed": lambda new: (
        new.update(summary="Other words."),
        cancel(new)["input"].update(title="Storno", description="Other words."),
    ),
    "an operation is added": lambda new: new["operations"].append({**cancel(new), "name": "cancel_it"}),
    "operations change places": lambda new: new["operations"].reverse(),
    "an input field is added that may be left out": lambda new: cancel(new)["input"]["properties"].update(
        note={"type": "string", "default": ""}
    ),
    "an input enum is widened": lambda new: cancel(new)["input"]["properties"]["reason"]["enum"].append("too late"),
    "an input bound is widened": lambda new: cancel(new)["input"]["properties"]["order_id"].update(maxLength=200),
    "an input bound is dropped": lambda new: cancel(new)["input"]["properties"]["order_id"].pop("minLength"),
    "an input may be left out": lambda new: cancel(new)["input"]["required"].remove("reason"),
    "an input may also be a number": lambda new: cancel(new)["input"]["properties"].update(
        order_id={"anyOf": [{"type": "integer"}, {"type": "string", "minLength": 1, "maxLength": 100}]}
    ),
    "an output field is added": lambda new: (
        order(new)["properties"].update(gift={"type": "boolean"}),
        order(new)["required"].append("gift"),
    ),
    "an output says less": lambda new: order(new)["properties"]["status"]["enum"].remove("processed"),
    "an output field is always there now": lambda new: order(new)["required"].append("fulfillments"),
    "a definition is renamed": lambda new: (
        order(new)["$defs"].update(Thing=order(new)["$defs"].pop("Item")),
        order(new)["properties"]["items"].update(items={"$ref": "#/$defs/Thing"}),
    ),
    "a promise is better": lambda new: cancel(new)["promise"].update(
        effect="write", latency_seconds=1.0, longest_seconds=600.0, idempotency="natural"
    ),
    "an example is added": lambda new: cancel(new)["promise"]["examples"].append(
        {"input": {"order_id": "#W2", "reason": "no longer needed"}, "output": {}}
    ),
}
