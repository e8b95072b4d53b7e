"""The two sides of an operation: who writes is typed, and who reads ignores what it does not know."""

from typing import Any

import pytest

from callboard_registry.compatibility import compare

STRING, INTEGER = {"type": "string"}, {"type": "integer"}


def members(*required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


def both(*parts: Any) -> dict[str, Any]:
    return {"allOf": list(parts)}


TAGGED = {
    "oneOf": [
        members("kind", kind={"const": "card"}, number=STRING),
        members("kind", kind={"const": "voucher"}, code=STRING),
    ],
    "discriminator": {"propertyName": "kind"},
}
WITH_TIP = {
    "oneOf": [
        members("kind", kind={"const": "card"}, number=STRING, tip=INTEGER),
        members("kind", kind={"const": "voucher"}, code=STRING),
    ]
}

# name: old, new, as an input, as an output
CHANGES: dict[str, tuple[Any, Any, str, str]] = {
    "an optional member is added": (members(a=STRING), members(a=STRING, b=INTEGER), "compatible", "compatible"),
    "a required member is added": (members(a=STRING), members("b", a=STRING, b=INTEGER), "incompatible", "compatible"),
    "a member need not be there": (members("a", a=STRING), members(a=STRING), "compatible", "incompatible"),
    "a member is of more types": (
        members(a=STRING),
        members(a={"type": ["string", "null"]}),
        "compatible",
        "incompatible",
    ),
    "a member has a default": (members(a=STRING), members(a={**STRING, "default": "x"}), "compatible", "compatible"),
    "a member is added inside": (
        members(a=members(b=STRING)),
        members(a=members(b=STRING, c=INTEGER)),
        "compatible",
        "compatible",
    ),
    "a member is added inside a list": (
        members(a={"type": "array", "items": members(b=STRING)}),
        members(a={"type": "array", "items": members(b=STRING, c=INTEGER)}),
        "compatible",
        "compatible",
    ),
    "a member is added behind a reference": (
        {**members(a={"$ref": "#/$defs/A"}), "$defs": {"A": members(b=STRING)}},
        {**members(a={"$ref": "#/$defs/A"}), "$defs": {"A": members(b=STRING, c=INTEGER)}},
        "compatible",
        "compatible",
    ),
    "a member is added to a branch": (TAGGED, WITH_TIP, "compatible", "compatible"),
    "a branch is added": (TAGGED["oneOf"][0], TAGGED, "compatible", "incompatible"),
    "a map keeps any member": (
        {"type": "object", "additionalProperties": STRING},
        members(b=INTEGER),
        "incompatible",
        "incompatible",
    ),
    "who says that others may be there may send them": (
        {**members(a=STRING), "additionalProperties": True},
        members(a=STRING, b=INTEGER),
        "incompatible",
        "compatible",
    ),
    "members declared in parts are declared together": (
        both(members("a", a=STRING), members("b", b=STRING)),
        {**members("a", "b", a=STRING, b=STRING), "additionalProperties": False},
        "compatible",
        "compatible",
    ),
    "what is declared in parts has to fit too": (
        both(members("a", a=STRING), members("b", b=STRING)),
        members(a=STRING, b=INTEGER),
        "incompatible",
        "incompatible",
    ),
    "parts that speak of the same member": (
        both(members("a", a=members("x", x=STRING)), members("a", a=members("y", y=STRING))),
        members(a=members(x=INTEGER)),
        "incompatible",
        "incompatible",
    ),
    "a member that is required and not declared": (
        members("b", a=STRING),
        members(a=INTEGER),
        "incompatible",
        "incompatible",
    ),
    "more members than are declared": (
        {**members(a=STRING), "minProperties": 3},
        members(a=INTEGER, b=INTEGER),
        "incompatible",
        "incompatible",
    ),
}


@pytest.mark.parametrize(("old", "new", "as_input", "as_output"), CHANGES.values(), ids=CHANGES)
def test_a_change_of_an_operation(old: Any, new: Any, as_input: str, as_output: str) -> None:
    assert compare(old, new, "input").answer == as_input
    assert compare(old, new, "output").answer == as_output


INSIDE: dict[str, tuple[Any, Any]] = {
    "parts that speak of the same member": (
        both(members(a=members("x", x=STRING)), members(a=members("y", y=STRING))),
        members(a=members(x=INTEGER)),
    ),
    "a member that is required and not declared": (members(o=members("b", a=STRING)), members(o=members("c"))),
    "more members than are declared": (
        members(o={**members(a=STRING), "minProperties": 3}),
        members(o=members(a=INTEGER, b=INTEGER)),
    ),
    "a value with members that are not declared": (
        members(o={**members(a=STRING), "const": {"a": "", "b": 1}}),
        members(o=members(b=STRING)),
    ),
}


@pytest.mark.parametrize(("old", "new"), INSIDE.values(), ids=INSIDE)
def test_closing_a_writer_leaves_it_what_it_says_it_needs(old: Any, new: Any) -> None:
    assert compare(old, new, "input").answer == "incompatible"


def test_a_writer_that_could_write_nothing_if_closed_is_taken_as_it_is() -> None:
    never_what_is_declared = {**members(a=STRING), "propertyNames": {"enum": ["c"]}, "minProperties": 1}

    assert compare(never_what_is_declared, {"required": ["z"]}, "input").answer == "incompatible"
    assert compare(never_what_is_declared, {"required": ["c"]}, "input").answer == "compatible"


def test_a_member_that_is_gone_breaks_nothing_and_is_told() -> None:
    old = {**members(a=STRING, b={"$ref": "#/$defs/B"}), "$defs": {"B": members(x=STRING, y=STRING)}}
    new = members(b={"type": "array", "items": STRING})
    inside = {**members(a=STRING, b={"$ref": "#/$defs/B"}), "$defs": {"B": members(y=STRING)}}

    assert compare(old, new, "output").dropped == ("/a",)
    assert compare(old, inside, "input").answer == "compatible"
    assert compare(old, inside, "input").dropped == ("/b/x",)
    assert compare(old, inside, "backward").dropped == ()


def test_plain_inclusion_closes_nobody() -> None:
    assert compare(members(a=STRING), members(a=STRING, b=INTEGER), "backward").answer == "incompatible"
    assert compare(members(a=STRING), members(a=STRING, b=INTEGER), "forward").answer == "compatible"
