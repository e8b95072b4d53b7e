"""What each keyword comes to: a row is two schemas, and whether each is included in the other."""

from typing import Any

import pytest

from callboard_registry.compatibility import compare

Row = tuple[Any, Any, str, str]


def members(*required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


STRING, INTEGER, NUMBER, NULL = ({"type": name} for name in ("string", "integer", "number", "null"))
YES, NO, UNKNOWN = "compatible", "incompatible", "unknown"

# name: old, new, whether old is in new, whether new is in old
ROWS: dict[str, Row] = {
    "anything": (STRING, True, YES, NO),
    "nothing": (False, STRING, YES, NO),
    "remarks": ({"title": "a", "default": 1, "type": "string"}, {"description": "b", "type": "string"}, YES, YES),
    "integers are numbers": (INTEGER, NUMBER, YES, NO),
    "a list of types": (STRING, {"type": ["string", "null"]}, YES, NO),
    "an enum": ({"enum": ["a", "b"]}, {"enum": ["b", "c", "a"]}, YES, NO),
    "a const is an enum of one": ({"const": 1}, {"enum": [1.0]}, YES, YES),
    "true is not 1": ({"const": True}, {"const": 1}, NO, NO),
    "an enum by its type": ({"enum": ["a", "b"]}, STRING, YES, NO),
    "both booleans": ({"enum": [True, False]}, {"type": "boolean"}, YES, YES),
    "an enum of objects": ({"enum": [{"a": 1}, {"a": 2}]}, members("a", a=INTEGER), YES, NO),
    "an enum that a bound narrows": ({"enum": [1, 2, 30], "maximum": 9}, {"enum": [1, 2]}, YES, YES),
    "a lower bound": ({"type": "integer", "minimum": 2}, {"type": "integer", "minimum": 1}, YES, NO),
    "a bound that is left out": (
        {"type": "integer", "exclusiveMinimum": 0, "maximum": 9},
        {"type": "integer", "minimum": 1, "exclusiveMaximum": 10},
        YES,
        YES,
    ),
    "a bound that is left out between numbers": (
        {"type": "number", "exclusiveMinimum": 0},
        {"type": "number", "minimum": 1},
        NO,
        YES,
    ),
    "multiples": ({"multipleOf": 6}, {"allOf": [{"multipleOf": 2}, {"multipleOf": 3}]}, YES, YES),
    "decimal multiples": ({"type": "number", "multipleOf": 0.3}, {"type": "number", "multipleOf": 0.1}, YES, NO),
    "multiples within bounds": (
        {"type": "integer", "multipleOf": 5, "minimum": 1, "maximum": 9},
        {"const": 5},
        YES,
        YES,
    ),
    "pieces that cover a range": (
        {"type": "integer", "minimum": 0, "maximum": 9},
        {"anyOf": [{"minimum": 0, "maximum": 4}, {"minimum": 5, "maximum": 9}]},
        YES,
        NO,
    ),
    "pieces that leave a gap between numbers": (
        {"type": "number", "minimum": 0, "maximum": 9},
        {"anyOf": [{"minimum": 0, "maximum": 4}, {"minimum": 5, "maximum": 9}]},
        NO,
        NO,
    ),
    "a length": ({"type": "string", "maxLength": 5}, {"type": "string", "maxLength": 9}, YES, NO),
    "a pattern and its length": (
        {"type": "string", "pattern": "^#W[0-9]{7}$"},
        {"minLength": 9, "maxLength": 9},
        YES,
        NO,
    ),
    "a pattern in another": (
        {"type": "string", "pattern": "^[a-f0-9]{8}$"},
        {"type": "string", "pattern": "^[a-z0-9]+$"},
        YES,
        NO,
    ),
    "any letters": ({"type": "string", "pattern": "^.{1,200}$"}, {"type": "string", "pattern": "^.{0,500}$"}, YES, NO),
    "a dot, which engines read differently": (
        {"type": "string", "pattern": "^.$"},
        {"type": "string", "pattern": "^[^\\n]$"},
        YES,
        UNKNOWN,
    ),
    "patterns that say the same": ({"pattern": "^(ab)*$"}, {"pattern": "^(?:ab)*?$"}, YES, YES),
    "a pattern that says nothing": (STRING, {"type": "string", "pattern": "a*"}, YES, YES),
    "no pattern is all": ({"not": {"pattern": "^a"}, "type": "string"}, {"pattern": "^(|[^a](.|\\s)*)$"}, YES, NO),
    "a format": ({"type": "string", "format": "date"}, STRING, YES, NO),
    "two formats": ({"format": "date", "type": "string"}, {"format": "date-time", "type": "string"}, NO, NO),
    "a format and its length": ({"type": "string", "format": "uuid"}, {"minLength": 36, "maxLength": 36}, YES, NO),
    "items": ({"type": "array", "items": INTEGER}, {"type": "array", "items": NUMBER}, YES, NO),
    "items of no kind are no items": ({"type": "array", "items": False}, {"const": []}, YES, YES),
    "a tuple": (
        {"type": "array", "prefixItems": [STRING, INTEGER], "items": False, "minItems": 2},
        {"type": "array", "items": {"type": ["string", "integer"]}, "minItems": 2},
        YES,
        NO,
    ),
    "a tuple's rest": (
        {"type": "array", "prefixItems": [STRING], "items": INTEGER},
        {"type": "array", "prefixItems": [STRING, INTEGER], "items": NUMBER},
        YES,
        NO,
    ),
    "a number of items": ({"type": "array", "minItems": 2, "maxItems": 3}, {"type": "array", "minItems": 1}, YES, NO),
    "different items of a few": (
        {"type": "array", "items": {"enum": ["a", "b", "c"]}, "uniqueItems": True},
        {"type": "array", "maxItems": 3},
        YES,
        NO,
    ),
    "different items": ({"type": "array", "uniqueItems": True}, {"type": "array"}, YES, NO),
    "different items of which one leaves less to another": (
        {"prefixItems": [{"enum": [1, 2]}, {"const": 1}], "uniqueItems": True, "minItems": 2, "type": "array"},
        {"type": "array", "prefixItems": [{"const": 2}, {"const": 1}]},
        YES,
        NO,
    ),
    "different items of which there are some": (
        {"prefixItems": [{"enum": [1, 2]}, {"const": 1}], "uniqueItems": True, "minItems": 2, "type": "array"},
        False,
        NO,
        YES,
    ),
    "something among the items": (
        {"type": "array", "contains": {"const": 1}},
        {"type": "array", "contains": INTEGER, "minItems": 1},
        YES,
        NO,
    ),
    "something twice": ({"contains": INTEGER, "minContains": 2, "type": "array"}, {"contains": INTEGER}, YES, NO),
    "something at most once": (
        {"type": "array", "contains": STRING, "minContains": 0, "maxContains": 1, "items": STRING},
        {"type": "array", "maxItems": 1, "items": STRING},
        YES,
        YES,
    ),
    "too many of one thing, or of another": (
        {
            "type": "array",
            "items": {"type": ["string", "integer"]},
            "minItems": 2,
            "allOf": [{"contains": STRING, "maxContains": 1}, {"contains": INTEGER, "maxContains": 1}],
        },
        {"type": "array", "maxItems": 1},
        NO,
        NO,
    ),
    "too many of one thing and of another": (
        {
            "type": "array",
            "items": {"type": ["string", "integer"]},
            "minItems": 3,
            "allOf": [{"contains": STRING, "maxContains": 1}, {"contains": INTEGER, "maxContains": 1}],
        },
        False,
        UNKNOWN,
        YES,
    ),
    "equal items": ({"type": "array", "not": {"uniqueItems": True}}, {"type": "array", "minItems": 2}, YES, NO),
    "equal items of one kind": (
        {"type": "array", "not": {"uniqueItems": True}, "items": {"const": 1}},
        {"contains": {"const": 1}, "minContains": 2},
        YES,
        NO,
    ),
    "a required member": (members("a", "b", a=STRING), members("a", a=STRING), YES, NO),
    "a member that may be there": (members(a=STRING), members(a=STRING, b=INTEGER), NO, YES),
    "no others": ({**members(a=STRING), "additionalProperties": False}, members(a=STRING, b=INTEGER), YES, NO),
    "others of one kind": (
        {**members(a=STRING), "additionalProperties": INTEGER},
        {**members(a=STRING, b=NUMBER), "additionalProperties": NUMBER},
        YES,
        NO,
    ),
    "a member that cannot be": (members(a=False), {"type": "object", "not": {"required": ["a"]}}, YES, YES),
    "members by pattern": (
        {"type": "object", "patternProperties": {"^x": INTEGER}},
        {"type": "object", "properties": {"x1": NUMBER}},
        YES,
        NO,
    ),
    "others that patterns leave": (
        {"patternProperties": {"^x": INTEGER}, "additionalProperties": False, "type": "object"},
        {"additionalProperties": INTEGER, "propertyNames": {"pattern": "^x"}, "type": "object"},
        YES,
        YES,
    ),
    "names": ({"propertyNames": {"maxLength": 2}, "type": "object"}, {"not": {"required": ["abc"]}}, YES, NO),
    "names of a few": (
        {"type": "object", "propertyNames": {"enum": ["a", "b"]}},
        {"type": "object", "maxProperties": 2},
        YES,
        NO,
    ),
    "one member for two demands": (
        {
            "type": "object",
            "maxProperties": 1,
            "allOf": [{"not": {"additionalProperties": STRING}}, {"not": {"additionalProperties": INTEGER}}],
        },
        {"type": "object", "minProperties": 1, "maxProperties": 1},
        YES,
        NO,
    ),
    "one member for two demands, or two": (
        {
            "type": "object",
            "maxProperties": 1,
            "allOf": [{"not": {"additionalProperties": STRING}}, {"not": {"additionalProperties": INTEGER}}],
        },
        {"type": "object", "minProperties": 2},
        NO,
        NO,
    ),
    "required members are a number": (members("a", "b"), {"type": "object", "minProperties": 2}, YES, NO),
    "what a member entails": (
        {"dependentRequired": {"a": ["b"]}, "type": "object", "required": ["a"]},
        {"type": "object", "required": ["b"]},
        YES,
        NO,
    ),
    "what a member says of the rest": (
        {"dependentSchemas": {"a": members("b", b=INTEGER)}, "type": "object"},
        {"dependentRequired": {"a": ["b"]}},
        YES,
        NO,
    ),
    "nothing or something": ({"anyOf": [STRING, NULL]}, {"type": ["null", "string"]}, YES, YES),
    "a branch more": ({"anyOf": [STRING, NULL]}, {"anyOf": [NULL, INTEGER, STRING]}, YES, NO),
    "branches that exclude each other": ({"oneOf": [STRING, INTEGER]}, {"anyOf": [INTEGER, STRING]}, YES, YES),
    "branches that do not": ({"anyOf": [NUMBER, INTEGER]}, {"oneOf": [NUMBER, INTEGER]}, NO, YES),
    "branches that exclude others inside": (
        INTEGER,
        {"oneOf": [INTEGER, {"type": "number", "not": {"oneOf": [NUMBER, INTEGER]}}]},
        NO,
        YES,
    ),
    "a tag that need not be there": (
        members("y", kind={"const": "a"}),
        {"anyOf": [members("y", kind={"const": "b"}), members("z")]},
        NO,
        NO,
    ),
    "all of them": ({"allOf": [{"minimum": 1}, {"maximum": 3}]}, {"minimum": 1, "maximum": 3}, YES, YES),
    "not": ({"not": {"type": ["string", "null"]}}, {"not": STRING}, YES, NO),
    "not not": ({"not": {"not": STRING}}, STRING, YES, YES),
    "if": (
        {"if": {"required": ["a"]}, "then": {"required": ["b"]}, "type": "object"},
        {"dependentRequired": {"a": ["b"]}, "type": "object"},
        YES,
        YES,
    ),
    "a member in one of two shapes": (
        members("a", a={"type": ["string", "integer"]}),
        {"anyOf": [members("a", a=STRING), members("a", a=INTEGER)]},
        YES,
        YES,
    ),
    "unevaluated members": (
        {"allOf": [members(a=STRING), members(b=INTEGER)], "unevaluatedProperties": False},
        {**members(a=STRING, b=INTEGER), "additionalProperties": False},
        YES,
        YES,
    ),
    "unevaluated members of a branch": (
        {"anyOf": [members("a", a=STRING), members("b", b=INTEGER)], "unevaluatedProperties": False},
        {"type": "object", "propertyNames": {"enum": ["a", "b"]}},
        YES,
        NO,
    ),
    "unevaluated items": (
        {"type": "array", "prefixItems": [STRING], "unevaluatedItems": INTEGER},
        {"type": "array", "prefixItems": [STRING], "items": INTEGER},
        YES,
        YES,
    ),
    "a format that nobody knows": ({"type": "string", "format": "shoe-size"}, STRING, YES, UNKNOWN),
    "a pattern that cannot be read": (
        {"type": "string", "pattern": "^(?=.*a)(?=.*b)"},
        {"type": "string", "pattern": "^(?=.*a)(?=.*b)", "minLength": 0},
        YES,
        YES,
    ),
}


@pytest.mark.parametrize(("old", "new", "included", "includes"), ROWS.values(), ids=ROWS)
def test_a_schema_is_included_in_another(old: Any, new: Any, included: str, includes: str) -> None:
    assert (compare(old, new).answer, compare(old, new, "forward").answer) == (included, includes)


@pytest.mark.parametrize(("old", "new"), [row[:2] for row in ROWS.values()], ids=ROWS)
def test_a_schema_takes_its_own_place(old: Any, new: Any) -> None:
    again = {"allOf": [new], "description": "The same in other words."}

    assert compare(old, old).answer == "compatible"
    assert compare(new, again).answer == compare(again, new).answer == "compatible"
