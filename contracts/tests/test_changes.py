"""Which change is breaking: each row is one change of a listing, and what is said about it."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from callboard_contracts import describe
from callboard_contracts.billing.v1 import Billing
from callboard_contracts.changes import breaking_changes
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


BREAKING: dict[str, tuple[Edit, str]] = {
    "an operation is removed": (
        lambda new: new["operations"].remove(cancel(new)),
        "cancel_pending_order: the operation was removed",
    ),
    "an operation is renamed": (
        lambda new: cancel(new).update(name="cancel_order"),
        "cancel_pending_order: the operation was removed",
    ),
    "an input field is added and required": (
        lambda new: (
            cancel(new)["input"]["properties"].update(note={"type": "string"}),
            cancel(new)["input"]["required"].append("note"),
        ),
        "cancel_pending_order: input.note: required now",
    ),
    "an input field is removed": (
        lambda new: (
            cancel(new)["input"]["properties"].pop("reason"),
            cancel(new)["input"]["required"].remove("reason"),
        ),
        "cancel_pending_order: input.reason: the field was removed",
    ),
    "an input enum is narrowed": (
        lambda new: cancel(new)["input"]["properties"]["reason"]["enum"].remove("ordered by mistake"),
        "cancel_pending_order: input.reason: no longer takes 'ordered by mistake'",
    ),
    "an input type is changed": (
        lambda new: cancel(new)["input"]["properties"]["order_id"].update(type="integer"),
        "cancel_pending_order: input.order_id: type is ['integer'], was ['string']",
    ),
    "an input bound is narrowed": (
        lambda new: cancel(new)["input"]["properties"]["order_id"].update(maxLength=8),
        "cancel_pending_order: input.order_id: maxLength is 8, was 100",
    ),
    "an input gets a pattern": (
        lambda new: cancel(new)["input"]["properties"]["order_id"].update(pattern="^#W"),
        "cancel_pending_order: input.order_id: pattern is '^#W', was None",
    ),
    "the elements of an input list are narrowed": (
        lambda new: of(new, "return_delivered_order_items")["input"]["properties"]["item_ids"]["items"].update(
            minLength=5
        ),
        "return_delivered_order_items: input.item_ids[]: minLength is 5, was 1",
    ),
    "an output field is removed": (
        lambda new: order(new)["properties"].pop("cancel_reason"),
        "cancel_pending_order: output.cancel_reason: the field was removed",
    ),
    "an output field is not always there any more": (
        lambda new: order(new)["required"].remove("status"),
        "cancel_pending_order: output.status: no longer always there",
    ),
    "an output may be something new": (
        lambda new: order(new)["properties"]["status"]["enum"].append("lost"),
        "cancel_pending_order: output.status: may now be 'lost'",
    ),
    "an output may be nothing": (
        lambda new: order(new)["properties"].update(user_id={"anyOf": [{"type": "string"}, {"type": "null"}]}),
        "cancel_pending_order: output.user_id: type is ['null'], was ['string']",
    ),
    "a field deep in an output is removed": (
        lambda new: (
            order(new)["$defs"]["Item"]["properties"].pop("price")
            and order(new)["$defs"]["Item"]["required"].remove("price")
        ),
        "cancel_pending_order: output.items[].price: no longer always there",
    ),
    "a read becomes a write": (
        lambda new: of(new, "get_order_details")["promise"].update(kind="task", effect="write"),
        "get_order_details: promised effect 'read', has 'write'",
    ),
    "the longest duration is shorter": (
        lambda new: cancel(new)["promise"].update(longest_seconds=60.0),
        "cancel_pending_order: promised to work for up to 300 s, gives up after 60 s",
    ),
    "the target latency is longer": (
        lambda new: cancel(new)["promise"].update(latency_seconds=20.0),
        "cancel_pending_order: promised to answer within 2 s, answers within 20 s",
    ),
    "the entity is another": (
        lambda new: cancel(new)["promise"].update(entity="reason"),
        "cancel_pending_order: promised to act on 'order_id', acts on 'reason'",
    ),
    "repeating is no longer harmless": (
        lambda new: of(new, "get_order_details")["promise"].update(idempotency="token"),
        "get_order_details: promised idempotency 'natural', has 'token'",
    ),
    "a model may not call it any more": (
        lambda new: cancel(new)["promise"].update(model_callable=False),
        "cancel_pending_order: promised to be callable by a model, is not",
    ),
    "a field is not held to be sensitive any more": (
        lambda new: cancel(new)["promise"]["sensitive"].pop("address"),
        "cancel_pending_order: promised to treat 'address' as 'location', treats it as None",
    ),
    "the endpoint is another": (
        lambda new: new.update(endpoint="orders-2"),
        "the endpoint is 'orders-2', was 'orders'",
    ),
}

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


@pytest.mark.parametrize(("edit", "said"), BREAKING.values(), ids=BREAKING)
def test_it_is_breaking_when(edit: Edit, said: str) -> None:
    assert said in breaking_changes(listing(), edited(edit))


@pytest.mark.parametrize("edit", HARMLESS.values(), ids=HARMLESS)
def test_it_is_harmless_when(edit: Edit) -> None:
    assert breaking_changes(listing(), edited(edit)) == []


def test_a_new_kind_of_answer_is_breaking_and_one_less_is_not() -> None:
    old, new = (describe(Billing).model_dump(mode="json") for _ in range(2))
    methods = of(new, "list_payment_methods")["output"]["properties"]["payment_methods"]["additionalProperties"]
    methods["oneOf"].pop()

    assert breaking_changes(old, new) == []
    assert breaking_changes(new, old) != []


def test_what_cannot_be_compared_is_named() -> None:
    old, new = listing(), listing()
    cancel(new)["input"]["not"] = {"required": ["note"]}

    assert breaking_changes(old, new) == [
        "cancel_pending_order: input: not is {'required': ['note']}, was None",
    ]
