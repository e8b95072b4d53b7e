"""What documents made at random do not find: one needle, and the same haystack without it."""

from typing import Any

import pytest

from callboard_registry.compatibility import compare

WORDS = [f"word-{number}" for number in range(1000)]
WITHOUT_ONE = [word for word in WORDS if word != "word-777"]


def branch(number: int, **members: Any) -> dict[str, Any]:
    texts = {f"text-{at}": {"type": "string"} for at in range(6)}
    tag = {"kind": {"const": f"kind-{number}"}}
    return {"type": "object", "properties": {**texts, **tag, **members}, "required": ["kind", "text-1"]}


def branches(word: str, *, changed: int | None = None) -> dict[str, Any]:
    short = {"text-3": {"type": "string", "maxLength": 5}}
    return {word: [branch(number, **(short if number == changed else {})) for number in range(40)]}


def nested(depth: int, leaf: Any) -> Any:
    for level in range(depth):
        inner = leaf
        leaf = {"type": "object", "properties": {"inner": inner}, "required": ["inner"]}
        if level % 3 == 1:
            leaf = {"type": "array", "items": inner, "minItems": 1}
        if level % 3 == 2:
            leaf = {"anyOf": [{"type": "null"}, inner]}
    return leaf


def recursive(leaf: Any) -> Any:
    tree = {
        "type": "object",
        "properties": {
            "value": leaf,
            "left": {"anyOf": [{"$ref": "#/$defs/Tree"}, {"type": "null"}]},
            "children": {"type": "array", "items": {"$ref": "#/$defs/Child"}},
        },
        "required": ["value"],
    }
    child = {"oneOf": [{"$ref": "#/$defs/Tree"}, {"type": "string"}]}
    root = {"type": "object", "properties": {"tree": {"$ref": "#/$defs/Tree"}}}
    return {**root, "$defs": {"Tree": tree, "Child": child}}


def ranges(*, gap: bool) -> Any:
    ends = [9 - (gap and number == 57) for number in range(100)]
    return {"anyOf": [{"minimum": 10 * number, "maximum": 10 * number + end} for number, end in enumerate(ends)]}


THOUSAND = {"type": "integer", "minimum": 0, "maximum": 999}

# name: a schema that says more, one that says less, and the document between them
NEEDLES: dict[str, tuple[Any, Any, Any]] = {
    "one value of a thousand": ({"enum": WORDS}, {"enum": WITHOUT_ONE}, "word-777"),
    "one value of a thousand, each a branch": (
        {"anyOf": [{"const": word} for word in WORDS]},
        {"enum": WITHOUT_ONE},
        "word-777",
    ),
    "a bound off by one": (
        {"type": "integer", "minimum": -(10**18), "maximum": 10**18},
        {"type": "integer", "minimum": -(10**18), "maximum": 10**18 - 1},
        10**18,
    ),
    "a bound off by a little": ({"type": "number", "maximum": 0.3}, {"type": "number", "exclusiveMaximum": 0.3}, 0.3),
    "a length off by one": ({"type": "string", "maxLength": 500}, {"type": "string", "maxLength": 499}, "a" * 500),
    "one letter of a pattern": (
        {"type": "string", "pattern": "^[a-z]{4}-[0-9]{3}$"},
        {"type": "string", "pattern": "^[a-z]{3}[a-ik-z]-[0-9]{3}$"},
        "aaaj-000",
    ),
    "one number of a thousand": (THOUSAND, {**THOUSAND, **ranges(gap=True)}, 579),
    "one multiple": (
        {"type": "integer", "multipleOf": 7},
        {"type": "integer", "multipleOf": 7, "not": {"const": 7007}},
        7007,
    ),
    "a member of one branch of a union": (
        branches("oneOf"),
        branches("oneOf", changed=33),
        {"kind": "kind-33", "text-1": "", "text-3": "aaaaaa"},
    ),
    "a member of one branch, without exclusion": (
        branches("anyOf"),
        branches("anyOf", changed=7),
        {"kind": "kind-7", "text-1": "", "text-3": "aaaaaa"},
    ),
    "a branch of a union": (
        branches("oneOf"),
        {"oneOf": branches("oneOf")["oneOf"][:39]},
        {"kind": "kind-39", "text-1": ""},
    ),
    "a bound deep inside": (
        nested(36, {"type": "integer", "minimum": 1}),
        nested(36, {"type": "integer", "minimum": 2}),
        ...,
    ),
    "a bound in a recursion": (recursive({"type": "integer"}), recursive({"type": "integer", "minimum": 0}), ...),
    "a name of a member": (
        {"type": "object", "propertyNames": {"pattern": "^[a-z]+$"}},
        {"type": "object", "propertyNames": {"pattern": "^[a-z]+$", "not": {"const": "secret"}}},
        {"secret": None},
    ),
    "the last item of a tuple": (
        {"type": "array", "prefixItems": [{"type": "integer"}] * 30, "items": False},
        {"type": "array", "prefixItems": [{"type": "integer"}] * 29, "items": False},
        [0] * 30,
    ),
}


@pytest.mark.parametrize(("more", "less", "needle"), NEEDLES.values(), ids=NEEDLES)
def test_a_needle_is_found(more: Any, less: Any, needle: Any) -> None:
    verdict = compare(more, less)

    assert verdict.answer == "incompatible"
    if needle is not ...:
        assert verdict.findings[0].counterexample == needle


@pytest.mark.parametrize(("more", "less"), [row[:2] for row in NEEDLES.values()], ids=NEEDLES)
def test_without_the_needle_it_is_proved(more: Any, less: Any) -> None:
    verdict = compare(less, more)

    assert verdict.answer == "compatible"
    assert list(verdict.trace())
