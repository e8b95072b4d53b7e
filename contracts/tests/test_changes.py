"""What a change of promises does to a caller: each row is one change of a listing, and what is said about it."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from callboard_contracts import describe
from callboard_contracts.changes import PromiseChange, promise_changes
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
    "a read becomes a write": (
        lambda new: of(new, "get_order_details")["promise"].update(kind="task", effect="write"),
        "get_order_details: promised effect 'read', has 'write'",
    ),
    "the longest duration is shorter": (
        lambda new: cancel(new)["promise"].update(longest_seconds=60.0),
        "cancel_pending_order: promised to work for up to 300 s, gives up after 60 s",
    ),
    "the entity is another": (
        lambda new: cancel(new)["promise"].update(entity="reason"),
        "cancel_pending_order: promised to act on 'order_id', acts on 'reason'",
    ),
    "repeating is no longer harmless": (
        lambda new: of(new, "get_order_details")["promise"].update(idempotency="token"),
        "get_order_details: promised idempotency 'natural', has 'token'",
    ),
    "idempotency keys are forgotten sooner": (
        lambda new: cancel(new)["promise"].update(remembered_seconds=None),
        "cancel_pending_order: promised to remember idempotency keys for 30 d, does for 1 d",
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

WARNED: dict[str, tuple[Edit, str]] = {
    "the target latency is longer": (
        lambda new: cancel(new)["promise"].update(latency_seconds=20.0),
        "cancel_pending_order: aimed to answer within 2 s, aims at 20 s",
    ),
    "a field is held to be sensitive from now on": (
        lambda new: cancel(new)["promise"]["sensitive"].update(order_id="payment"),
        "cancel_pending_order: treats 'order_id' as 'payment' from now on; callers may have to, too",
    ),
}

HARMLESS: dict[str, Edit] = {
    "words are changed": lambda new: new.update(summary="Other words."),
    "schemas are changed": lambda new: cancel(new)["input"]["properties"]["reason"].pop("enum"),
    "an operation is added": lambda new: new["operations"].append({**cancel(new), "name": "cancel_it"}),
    "operations change places": lambda new: new["operations"].reverse(),
    "a promise is better": lambda new: cancel(new)["promise"].update(
        effect="write", latency_seconds=1.0, longest_seconds=600.0, remembered_seconds=1e7, idempotency="natural"
    ),
    "what is sensitive is gone altogether": lambda new: (
        cancel(new)["output"]["properties"].pop("address"),
        cancel(new)["promise"]["sensitive"].pop("address"),
    ),
    "an example is added": lambda new: cancel(new)["promise"]["examples"].append(
        {"input": {"order_id": "#W2", "reason": "no longer needed"}, "output": {}}
    ),
}


def said(changes: list[PromiseChange]) -> list[str]:
    return [f"{each.operation}: {each.sentence}" if each.operation else each.sentence for each in changes]


@pytest.mark.parametrize(("edit", "words"), BREAKING.values(), ids=BREAKING)
def test_it_breaks_callers_when(edit: Edit, words: str) -> None:
    changes = promise_changes(listing(), edited(edit))

    assert (words in said(changes), {each.breaks for each in changes}) == (True, {True})


@pytest.mark.parametrize(("edit", "words"), WARNED.values(), ids=WARNED)
def test_callers_are_warned_when(edit: Edit, words: str) -> None:
    changes = promise_changes(listing(), edited(edit))

    assert (said(changes), {each.breaks for each in changes}) == ([words], {False})


@pytest.mark.parametrize("edit", HARMLESS.values(), ids=HARMLESS)
def test_it_is_harmless_when(edit: Edit) -> None:
    assert promise_changes(listing(), edited(edit)) == []


def test_a_change_says_where_it_stands() -> None:
    [longest] = promise_changes(listing(), edited(BREAKING["the longest duration is shorter"][0]))
    [endpoint] = promise_changes(listing(), edited(BREAKING["the endpoint is another"][0]))

    assert (longest.rule, longest.pointer) == ("longest", "/promise/longest_seconds")
    assert (endpoint.rule, endpoint.pointer, endpoint.operation) == ("endpoint", "/endpoint", "")
