"""Schemas and listings made at random, changes of them, and what a typed writer would write by a schema."""

from typing import Any

from hypothesis import strategies as st

from callboard_contracts import describe
from callboard_contracts.support.v1 import Support

Schema = Any  # a schema is an object or a boolean, and is edited as the JSON it is

NAMES = st.sampled_from(["a", "b", "ab", "x1"])
WORDS = st.text("abx1", max_size=4)
NUMBERS = st.integers(-3, 6) | st.sampled_from([0.5, 2.5, -1.5, 4.0])
PATTERNS = st.sampled_from(
    ["^a", "b$", "^[a-b]+$", "x|^1", "^(a|b){1,2}$", "^.?$", "^\\d*$", "^(?=a)", "^[^a]*$", "a.*b"]
)
FORMATS = st.sampled_from(["date", "uuid", "ipv4", "date-time", "made-up"])
SCALARS = st.none() | st.booleans() | NUMBERS | WORDS
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=6
)
COUNTS = st.integers(0, 3)


def _some(**keywords: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=keywords)


def _typed(name: str | list[str], keywords: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[Schema]:
    return keywords.flatmap(lambda found: st.sampled_from([{"type": name, **found}] * 3 + [found]))


LEAVES: st.SearchStrategy[Schema] = st.one_of(
    st.booleans(),
    st.sampled_from(["null", "boolean", "string", "integer", "number", "array", "object"]).map(lambda n: {"type": n}),
    st.just({"type": ["string", "null"]}),
    st.lists(VALUES, min_size=1, max_size=4).map(lambda found: {"enum": found}),
    SCALARS.map(lambda found: {"const": found}),
    _typed(
        "number",
        _some(
            minimum=NUMBERS,
            maximum=NUMBERS,
            exclusiveMinimum=NUMBERS,
            exclusiveMaximum=NUMBERS,
            multipleOf=st.sampled_from([1, 2, 3, 0.5, 1.5]),
        ),
    ),
    _typed("integer", _some(minimum=NUMBERS, maximum=NUMBERS, multipleOf=st.sampled_from([2, 3]))),
    _typed("string", _some(minLength=COUNTS, maxLength=COUNTS, pattern=PATTERNS)),
    _typed("string", _some(format=FORMATS, minLength=COUNTS)),
    st.just({"$ref": "#/$defs/tree"}),
    st.just({"$ref": "#/$defs/list"}),
)


def _nested(inner: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    arrays = _some(
        items=inner,
        prefixItems=st.lists(inner, min_size=1, max_size=2),
        minItems=COUNTS,
        maxItems=COUNTS,
        contains=inner,
        uniqueItems=st.booleans(),
    )
    counted = _some(contains=inner, minContains=COUNTS, maxContains=COUNTS, maxItems=COUNTS)
    members = st.dictionaries(NAMES, inner, min_size=1, max_size=3)
    objects = _some(
        properties=members,
        required=st.lists(NAMES, unique=True, max_size=2),
        additionalProperties=inner,
        minProperties=COUNTS,
        maxProperties=COUNTS,
    )
    special = _some(
        properties=members,
        patternProperties=st.dictionaries(PATTERNS, inner, min_size=1, max_size=2),
        propertyNames=inner | _some(pattern=PATTERNS, maxLength=COUNTS),
        dependentRequired=st.dictionaries(NAMES, st.lists(NAMES, unique=True, max_size=2), max_size=2),
        dependentSchemas=st.dictionaries(NAMES, inner, max_size=1),
        additionalProperties=st.booleans(),
    )
    unevaluated = _some(
        properties=members,
        anyOf=st.lists(
            members.map(lambda found: {"properties": found, "required": sorted(found)[:1]}), min_size=1, max_size=2
        ),
        allOf=st.lists(members.map(lambda found: {"properties": found}), min_size=1, max_size=2),
        unevaluatedProperties=inner,
    )
    tagged = st.lists(members, min_size=1, max_size=3).map(
        lambda found: {
            "oneOf": [
                {
                    "type": "object",
                    "properties": {**each, "kind": {"const": f"k{number}"}},
                    "required": ["kind", *sorted(each)[:1]],
                }
                for number, each in enumerate(found)
            ]
        }
    )
    return st.one_of(
        _typed("array", arrays),
        _typed("array", counted),
        _typed("object", objects),
        _typed("object", special),
        _typed("object", unevaluated),
        tagged,
        st.lists(inner, min_size=1, max_size=3).map(lambda found: {"anyOf": found}),
        st.lists(inner, min_size=1, max_size=3).map(lambda found: {"oneOf": found}),
        st.lists(inner, min_size=1, max_size=2).map(lambda found: {"allOf": found}),
        inner.map(lambda found: {"not": found}),
        st.tuples(inner, inner, inner).map(lambda found: {"if": found[0], "then": found[1], "else": found[2]}),
        inner.map(lambda found: {"anyOf": [found, {"type": "null"}]}),
    )


PARTS = st.recursive(LEAVES, _nested, max_leaves=8)

DEFINITIONS = st.fixed_dictionaries(
    {
        "tree": st.sampled_from(
            [
                {"type": "object", "properties": {"a": {"$ref": "#/$defs/tree"}, "b": {"type": "integer"}}},
                {
                    "type": "object",
                    "properties": {"a": {"type": "array", "items": {"$ref": "#/$defs/tree"}}, "b": {"type": "integer"}},
                    "required": ["b"],
                },
                {"anyOf": [{"type": "null"}, {"type": "object", "additionalProperties": {"$ref": "#/$defs/tree"}}]},
                {"type": "object", "properties": {"a": {"$ref": "#/$defs/tree"}}, "required": ["a"]},
            ]
        ),
        "list": st.sampled_from(
            [
                {"anyOf": [{"type": "string"}, {"type": "array", "items": {"$ref": "#/$defs/list"}}]},
                {
                    "oneOf": [
                        {"type": "array", "items": {"$ref": "#/$defs/list"}, "minItems": 1},
                        {"$ref": "#/$defs/tree"},
                    ]
                },
            ]
        ),
    }
)


def whole(part: Schema, definitions: dict[str, Schema]) -> Schema:
    """Return a part as a schema of its own, with the definitions that it may refer to."""
    return {**part, "$defs": definitions} if isinstance(part, dict) else part


@st.composite
def changed(draw: st.DrawFn, schema: Schema) -> Schema:
    """Return the schema with one change somewhere in it."""
    if not isinstance(schema, dict) or not schema or draw(st.integers(0, 9)) == 0:
        return draw(st.one_of(PARTS, st.just({"anyOf": [schema, {"type": "null"}]}), st.just({"not": {"not": schema}})))
    key = draw(st.sampled_from(sorted(schema)))
    value = schema[key]
    rest = {name: kept for name, kept in schema.items() if name != key}
    if draw(st.integers(0, 4)) == 0:
        return rest
    return {**rest, key: draw(_changed_value(key, value))}


@st.composite
def _changed_value(draw: st.DrawFn, key: str, value: Any) -> Any:
    if key in ("enum", "required", "type") and isinstance(value, list):
        return value[1:] or value
    if key in ("anyOf", "oneOf", "allOf", "prefixItems"):
        at = draw(st.integers(0, len(value) - 1))
        ways = [[*value[:at], draw(changed(value[at])), *value[at + 1 :]], [*value, draw(PARTS)]]
        return draw(st.sampled_from([*ways, value[1:] or value, value[::-1]]))
    if isinstance(value, dict) and key in ("properties", "patternProperties", "dependentSchemas") and value:
        name = draw(st.sampled_from(sorted(value)))
        return {**value, name: draw(changed(value[name]))}
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        by = draw(st.sampled_from([-1, 1, 0.5]))
        if key == "multipleOf":
            return value * 2
        return (
            value + by
            if key in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
            else max(0, int(value + by))
        )
    if isinstance(value, dict) and key not in ("const", "dependentRequired"):
        return draw(changed(value))
    return value


def closed(schema: Any) -> Any:
    """The schema of what a typed writer writes, for schemas in which no two speak of the same value."""
    if isinstance(schema, list):
        return [closed(member) for member in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: closed(value) for key, value in schema.items()}
    return {"additionalProperties": False, **inner} if isinstance(schema.get("properties"), dict) else inner


SIMPLE = st.recursive(
    LEAVES.filter(lambda leaf: isinstance(leaf, dict) and "$ref" not in leaf and leaf.get("type") != "object"),
    lambda inner: st.one_of(
        st.dictionaries(NAMES, inner, min_size=1, max_size=3).flatmap(
            lambda members: st.lists(st.sampled_from(sorted(members)), unique=True).map(
                lambda required: {"type": "object", "properties": members, "required": required}
            )
        ),
        inner.map(lambda member: {"type": "array", "items": member}),
        inner.map(lambda member: {"type": "object", "additionalProperties": member}),
        st.lists(inner, min_size=1, max_size=3).map(lambda branches: {"anyOf": branches}),
    ),
    max_leaves=8,
)


def written(schema: Schema) -> st.SearchStrategy[Any]:
    """What a typed writer may write by a simple schema: no members but those that it declares. Not all of it fits."""
    if isinstance(schema, bool) or not schema:
        return VALUES
    if "anyOf" in schema:
        return st.one_of([written(branch) for branch in schema["anyOf"]])
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    match schema.get("type"):
        case "object" if "properties" in schema:
            members = {name: written(member) for name, member in schema["properties"].items()}
            required = {name: member for name, member in members.items() if name in schema.get("required", ())}
            return st.fixed_dictionaries(required, optional={n: m for n, m in members.items() if n not in required})
        case "object":
            return st.dictionaries(NAMES, written(schema.get("additionalProperties", {})), max_size=2)
        case "array":
            return st.lists(written(schema.get("items", {})), max_size=3)
        case "string":
            return WORDS
        case "number" | "integer":
            return NUMBERS
        case _:
            return VALUES


PROMISES = st.fixed_dictionaries(
    {
        "kind": st.just("task"),
        "effect": st.sampled_from(["read", "write", "irreversible"]),
        "latency_seconds": st.sampled_from([1.0, 2.0]),
        "longest_seconds": st.sampled_from([30.0, 60.0]),
        "idempotency": st.sampled_from(["token", "natural", "key:a"]),
        "model_callable": st.booleans(),
        "entity": st.sampled_from([None, "a"]),
    }
)

_OPERATIONS = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["look", "buy", "sell"]),
        "summary": WORDS,
        "description": st.just(""),
        "input": SIMPLE,
        "output": SIMPLE,
        "promise": PROMISES,
    }
)

LISTINGS = st.lists(_OPERATIONS, min_size=1, max_size=3, unique_by=lambda each: each["name"]).map(
    lambda operations: {**describe(Support).model_dump(mode="json"), "operations": operations}
)
"""Descriptions of a service with up to three operations. Their digest is another one's."""


@st.composite
def changed_listing(draw: st.DrawFn, listing: dict[str, Any]) -> dict[str, Any]:
    """Return the listing with a change or two somewhere in it."""
    operations = [dict(each) for each in listing["operations"]]
    definitions = draw(DEFINITIONS)
    for _ in range(draw(st.integers(1, 2))):
        at = draw(st.integers(0, len(operations) - 1))
        part = draw(st.sampled_from(["input", "output", "input", "output", "promise", "summary", "gone", "more"]))
        if part in ("input", "output"):
            schema = draw(changed(operations[at][part]))
            # A listing's schemas are objects, complete in themselves.
            operations[at][part] = whole({"allOf": [schema]} if isinstance(schema, bool) else schema, definitions)
        elif part == "promise":
            operations[at]["promise"] = draw(PROMISES)
        elif part == "summary":
            operations[at]["summary"] = draw(WORDS)
        elif part == "gone" and len(operations) > 1:
            del operations[at]
        elif part == "more" and not any(each["name"] == "melt" for each in operations):
            operations.append({**operations[at], "name": "melt"})
    return {**listing, "operations": operations}
