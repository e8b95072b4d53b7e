"""What a verdict says: where, why, by which document; and when it says that it does not know."""

import json
from typing import Any

import pytest

from callboard_registry.compatibility import Budget, Draft, Finding, compare

STRING, INTEGER = {"type": "string"}, {"type": "integer"}


def members(*required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


def only(old: Any, new: Any, direction: Any = "backward") -> Finding:
    findings = compare(old, new, direction).findings
    assert len(findings) == 1
    return findings[0]


# name: old, new, direction, rule, pointer, place, sentence, document
SAID: dict[str, tuple[Any, Any, str, str, str, str, str, Any]] = {
    "a required member": (
        members(a=STRING),
        members("b", a=STRING, b=INTEGER),
        "input",
        "required",
        "/required",
        "",
        "the new input requires 'b', and an old caller may leave it out",
        {},
    ),
    "a value that is gone": (
        members("a", a={"enum": ["x", "y"]}),
        members("a", a={"enum": ["x"]}),
        "input",
        "enum",
        "/properties/a/enum",
        "/a",
        'the new input does not take "y" at /a, and an old caller may send it',
        {"a": "y"},
    ),
    "a type behind a reference": (
        {"type": "array", "items": {"$ref": "#/$defs/A"}, "minItems": 1, "$defs": {"A": {"type": ["integer", "null"]}}},
        {"type": "array", "items": {"$ref": "#/$defs/A"}, "minItems": 1, "$defs": {"A": INTEGER}},
        "backward",
        "type",
        "/$defs/A/type",
        "/0",
        "the new schema demands integer at /0, and a document of the old one may have null",
        [None],
    ),
    "a bound inside a branch": (
        members("a", a={"anyOf": [{"type": "string", "maxLength": 3}, {"type": "null"}]}),
        members("a", a={"anyOf": [{"type": "string", "maxLength": 9}, {"type": "null"}]}),
        "output",
        "maxLength",
        "/properties/a/anyOf/0/maxLength",
        "/a",
        'the old output demands maxLength 3 at /a, and the new service may answer "aaaa"',
        {"a": "aaaa"},
    ),
    "a member that is not allowed": (
        members("a", a=STRING),
        {**members(b=STRING), "additionalProperties": False},
        "input",
        "additionalProperties",
        "/additionalProperties",
        "",
        "the new input allows no 'a', and an old caller may send that",
        {"a": ""},
    ),
    "no branch": (
        {"enum": ["a", 1]},
        {"anyOf": [INTEGER, {"type": "null"}]},
        "backward",
        "anyOf",
        "/anyOf",
        "",
        'the new schema has no branch for "a", and a document of the old one may have it',
        "a",
    ),
    "more than one branch": (
        INTEGER,
        {"oneOf": [{"minimum": 0}, {"maximum": 0}]},
        "backward",
        "oneOf",
        "/oneOf",
        "",
        "the new schema takes one branch only, and 0, which a document of the old one may have, fits more than one",
        0,
    ),
}


@pytest.mark.parametrize(
    ("old", "new", "direction", "rule", "pointer", "place", "sentence", "document"), SAID.values(), ids=SAID
)
def test_it_is_said_what_breaks(
    old: Any, new: Any, direction: Any, rule: str, pointer: str, place: str, sentence: str, document: Any
) -> None:
    finding = only(old, new, direction)

    assert (finding.rule, finding.pointer, finding.place) == (rule, pointer, place)
    assert finding.sentence == sentence
    assert (finding.has_counterexample, finding.counterexample) == (True, document)


def test_everything_that_breaks_is_named() -> None:
    old = members(a=STRING, b={"type": "integer", "maximum": 9}, c={"enum": ["x", "y", "z"]})
    new = members("d", a=INTEGER, b={"type": "integer", "maximum": 5}, c={"enum": ["x"]})
    verdict = compare(old, new, "input")

    assert {(each.rule, each.pointer) for each in verdict.findings} == {
        ("required", "/required"),
        ("type", "/properties/a/type"),
        ("maximum", "/properties/b/maximum"),
        ("enum", "/properties/c/enum"),
    }
    assert {each.counterexample.get("c") for each in verdict.findings if isinstance(each.counterexample, dict)} == {
        None,
        "y",
        "z",
    }


def test_the_proof_can_be_read() -> None:
    old = {"anyOf": [{"type": "string", "pattern": "^a+$"}, {"type": "null"}]}
    new = {"anyOf": [{"type": "null"}, {"type": "string", "pattern": "a"}]}

    assert list(compare(old, new).trace()) == [
        "nothing is possible",
        "  no string",
        "    no string is both: pattern '^a+$', not pattern 'a'",
    ]


def test_a_recursion_is_proved_by_meeting_it_again() -> None:
    def tree(leaf: Any) -> Any:
        inner = {"type": "array", "items": {"$ref": "#/$defs/T"}}
        return {"$ref": "#/$defs/T", "$defs": {"T": {**members(), "properties": {"leaf": leaf, "trees": inner}}}}

    verdict = compare(tree(INTEGER), tree({"type": "number"}))

    assert verdict.answer == "compatible"
    assert any("met again inside itself" in line for line in verdict.trace())


def test_what_was_assumed_inside_a_recursion_is_forgotten_if_it_was_wrong() -> None:
    definitions = {
        "A": {"anyOf": [{"type": "array", "items": {"$ref": "#/$defs/B"}, "minItems": 1}, {"type": "object"}]},
        "B": {"type": "array", "items": {"$ref": "#/$defs/A"}, "minItems": 1},
    }
    to_a, to_b = {"$ref": "#/$defs/A"}, {"$ref": "#/$defs/B"}

    for first, second in ((to_a, to_b), (to_b, to_a)):
        old = {**members("p", "q", p=first, q=second), "$defs": definitions}
        assert only(old, {"required": ["z"]}).rule == "required"


def nested(depth: int, leaf: Any) -> Any:
    for _ in range(depth):
        leaf = members("a", a=leaf)
    return leaf


MANY = {"oneOf": [members(**{f"a{at}": STRING, f"b{at}": INTEGER}) for at in range(40)]}

UNKNOWN: dict[str, tuple[Any, Any, str, str]] = {
    "a format that nobody knows": (STRING, {**STRING, "format": "shoe-size"}, "undecided", "the validator judges it"),
    "a reference that leads elsewhere": ({"$ref": "other.json#/a"}, STRING, "schema", "this is no schema"),
    "what is no schema": ({"type": "strong"}, STRING, "schema", "this is no schema"),
    "what is no JSON": ("string", STRING, "schema", "a schema is an object or a boolean"),
    "a draft that nobody knows": ({"$schema": "https://example.com/mine"}, STRING, "schema", "which is none of"),
    "what is too deep": (nested(80, INTEGER), nested(80, STRING), "undecided", "nested deeper than 64 levels"),
    "what is far too deep": (nested(2000, INTEGER), STRING, "undecided", "nested too deep to follow"),
    "a number that is none": ({"enum": [float("nan")]}, INTEGER, "schema", "nan is no JSON number"),
    "a string that is too long to write": ({**STRING, "minLength": 10**9}, False, "undecided", "too long to look for"),
    "an array that is too long to write": ({"type": "array", "minItems": 10**9}, False, "undecided", "too long to"),
    "what takes too long": (MANY, {"oneOf": MANY["oneOf"][:39]}, "budget", "not decided within 2000 steps"),
}


@pytest.mark.parametrize(("old", "new", "rule", "said"), UNKNOWN.values(), ids=UNKNOWN)
def test_what_cannot_be_decided_is_unknown(old: Any, new: Any, rule: str, said: str) -> None:
    verdict = compare(old, new, budget=Budget(steps=2000))

    assert verdict.answer == "unknown"
    assert verdict.findings[0].rule == rule
    assert said in verdict.findings[0].sentence
    assert not verdict.findings[0].has_counterexample


def test_the_time_allowed_is_kept() -> None:
    verdict = compare(MANY, {"oneOf": MANY["oneOf"][::-1]}, budget=Budget(steps=10**9, seconds=0.0))

    assert [each.sentence for each in verdict.findings] == ["not decided within the time allowed"]


OLD_STYLE = {"type": "number", "minimum": 10, "exclusiveMinimum": True}
NEW_STYLE = {"type": "number", "exclusiveMinimum": 10}

DRAFTS: dict[str, tuple[Any, Any]] = {
    "an exclusive bound": (OLD_STYLE, NEW_STYLE),
    "a tuple": (
        {"type": "array", "items": [STRING], "additionalItems": INTEGER},
        {"type": "array", "prefixItems": [STRING], "items": INTEGER},
    ),
    "what a member entails": (
        {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "dependencies": {"a": ["b"]}},
        {"type": "object", "dependentRequired": {"a": ["b"]}},
    ),
    "a reference by name": (
        {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "properties": {"a": {"$ref": "#A", "maxLength": 1}},
            "definitions": {"A": {"$id": "#A", **STRING}},
        },
        {"properties": {"a": {"$ref": "#A"}}, "$defs": {"A": {"$anchor": "A", **STRING}}},
    ),
}


@pytest.mark.parametrize(("old", "new"), DRAFTS.values(), ids=DRAFTS)
def test_drafts_say_the_same_in_other_words(old: Any, new: Any) -> None:
    assert compare(old, new).answer == "compatible"
    assert compare(old, new, "forward").answer == "compatible"


def test_a_draft_is_guessed_from_the_words_of_a_schema() -> None:
    older = {"definitions": {"A": STRING}, "properties": {"a": {"$ref": "#/definitions/A", "type": "integer"}}}
    newer = {"$defs": {"A": STRING}, "properties": {"a": {"$ref": "#/$defs/A", "type": "integer"}}}

    assert compare({"properties": {"a": STRING}}, older).answer == "compatible"
    assert compare({"properties": {"a": STRING}}, newer).answer == "incompatible"


def test_a_draft_can_be_given() -> None:
    later = {"type": "array", "prefixItems": [STRING]}

    assert compare({"type": "array"}, later).answer == "incompatible"
    assert compare({"type": "array"}, later, new_draft=Draft.DRAFT7).answer == "compatible"


def test_schemas_are_not_changed() -> None:
    old, new = members(a={"enum": ["x", "y"]}), members("b", a={"enum": ["x"]})
    before = json.dumps([old, new])

    compare(old, new, "input")

    assert json.dumps([old, new]) == before
