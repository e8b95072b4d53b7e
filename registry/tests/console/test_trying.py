"""Forms made from schemas: what they show, what they say, and what is wrong with it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard_contracts import describe
from callboard_contracts.billing import v1 as billing
from callboard_contracts.customers import v1 as customers
from callboard_contracts.inbox import v1 as inbox
from callboard_contracts.inventory import v1 as inventory
from callboard_contracts.orders import v1 as orders
from callboard_registry.console.snippets import example
from callboard_registry.console.trying.fields import Field, Form
from callboard_registry.console.trying.reading import (
    Read,
    checked,
    read_form,
    read_json,
    with_entry,
    without_entry,
)

PARCEL = {
    "type": "object",
    "required": ["to", "things", "kind"],
    "properties": {
        "kind": {"const": "parcel"},
        "to": {"$ref": "#/$defs/Address"},
        "back": {"anyOf": [{"$ref": "#/$defs/Address"}, {"type": "null"}], "default": None},
        "things": {"type": "array", "items": {"$ref": "#/$defs/Thing"}, "minItems": 1},
        "notes": {"type": "array", "items": {"type": "string"}},
        "speed": {"enum": ["slow", "fast"], "default": "slow"},
        "weight": {"type": "number", "minimum": 0.1, "maximum": 30},
        "fragile": {"type": "boolean"},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
    },
    "$defs": {
        "Address": {
            "type": "object",
            "required": ["street"],
            "properties": {"street": {"type": "string", "minLength": 1}, "zip": {"type": "string"}},
        },
        "Thing": {
            "type": "object",
            "required": ["name", "count"],
            "properties": {"name": {"type": "string"}, "count": {"type": "integer", "minimum": 1}},
        },
    },
}

FULL = {
    "kind": "parcel",
    "to": {"street": "Main St 1", "zip": "8000"},
    "back": {"street": "Side St 2"},
    "things": [{"name": "cup", "count": 2}, {"name": "a \"plate\"", "count": 1}],
    "notes": ["careful", "ring twice"],
    "speed": "fast",
    "weight": 1.5,
    "fragile": False,
    "labels": {"color": "red"},
}  # fmt: skip


def sent(root: Field) -> dict[str, tuple[str, ...]]:
    """Return what a browser sends that changes nothing."""
    if root.kind in ("object", "list"):
        return {name: values for each in root.fields for name, values in sent(each).items()}
    text = root.choices[0] if root.kind == "fixed" else root.text
    return {f"v{root.pointer}": (text,)}


def again(schema: dict[str, object], value: object) -> Read:
    return checked(schema, read_form(schema, sent(Form(schema).fields(value, {}, {}))))


def test_a_form_that_nobody_changes_says_what_it_was_filled_with():
    assert again(PARCEL, FULL) == Read(FULL)


def test_an_empty_field_is_a_value_that_is_absent():
    small = {"kind": "parcel", "to": {"street": "x"}, "things": [{"name": "cup", "count": 1}]}

    assert again(PARCEL, small) == Read({**small, "speed": "slow"})


@pytest.mark.parametrize(
    "operation",
    [
        pytest.param(each, id=f"{service.service} {each.name}")
        for service in map(describe, (orders.Orders, customers.Customers, billing.Billing, inventory.Inventory))
        for each in service.operations
    ],
)
def test_every_operation_s_own_example_goes_through_its_form(operation):
    value = example(operation)

    read = again(operation.input, value)

    assert read.wrong == {}
    assert {name: read.value[name] for name in value} == value


def test_what_is_no_value_is_shown_again_with_what_is_wrong():
    form = sent(Form(PARCEL).fields(FULL, {}, {})) | {
        "v/weight": ("heavy",),
        "v/things/0/count": ("0",),
        "v/to/street": ("",),
    }

    read = checked(PARCEL, read_form(PARCEL, form))
    root = Form(PARCEL).fields(read.value, read.wrong, read.typed)
    shown = {field.label: field for field in root.fields}

    assert set(read.wrong) == {"/weight", "/things/0/count", "/to/street"}
    assert (shown["weight"].text, shown["weight"].wrong) == ("heavy", "'heavy' is not a number")


def test_what_is_needed_and_missing_is_told_where_it_belongs():
    read = checked(PARCEL, Read({"kind": "parcel", "to": {}, "things": [{"name": "cup"}]}))

    assert read.wrong == {"/to/street": "this is needed", "/things/0/count": "this is needed"}


def test_entries_come_and_go():
    more = with_entry(PARCEL, FULL, "/things")
    less = without_entry(FULL, "/things/0")
    first = with_entry(PARCEL, {}, "/notes")

    assert [each.get("name") for each in more["things"]] == ["cup", 'a "plate"', None]
    assert [each["name"] for each in less["things"]] == ['a "plate"']
    assert first == {"notes": [None]}


def test_what_no_form_can_say_is_json():
    schema = {
        "type": "object",
        "properties": {
            "either": {"anyOf": [{"type": "string"}, {"type": "object", "properties": {"a": {}}}]},
            "tree": {"$ref": "#/$defs/Tree"},
        },
        "$defs": {"Tree": {"type": "object", "properties": {"below": {"$ref": "#/$defs/Tree"}}}},
    }
    value = {"either": {"a": 1}, "tree": {"below": {"below": {}}}}

    root = Form(schema).fields(value, {}, {})

    assert root.fields[0].kind == "json"
    assert json.loads(root.fields[0].text) == {"a": 1}
    assert again(schema, value).wrong == {}


@pytest.mark.parametrize(
    "text", ["{", "", "NaN", '{"weight": Infinity}', '"\\ud800"', "[" * 100_000, "[" * 900 + "]" * 900]
)
def test_json_that_is_none_is_shown_again(text):
    read = checked(PARCEL, read_json(text))

    assert read.wrong
    if "" in read.typed:
        assert read.typed == {"": text}
        assert "no JSON" in read.wrong[""]
    assert Form(PARCEL).fields(read.value, read.wrong, read.typed).wrong


NAMES = ["v", "v/", "v/to", "v/to/street", "v/things/0/name", "v/things/x", "v/things/99999", "v/labels", "v/back/zip"]


@given(st.dictionaries(st.sampled_from(NAMES), st.text(max_size=8).map(lambda text: (text,))))
def test_whatever_is_sent_is_read_or_refused(form):
    read = checked(PARCEL, read_form(PARCEL, form))

    Form(PARCEL).fields(read.value, read.wrong, read.typed)


def test_long_texts_and_many_entries_have_room():
    question = next(each for each in describe(inbox.Inbox).operations if each.name == "ask")
    root = Form(question.input).fields(example(question), {}, {})
    many = Form(PARCEL).fields({**FULL, "notes": ["x"] * 60}, {}, {})

    assert {field.label: field.kind for field in root.fields}["words"] == "lines"
    assert {field.label: field.kind for field in many.fields}["notes"] == "json"
