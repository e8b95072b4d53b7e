"""No verdict is contradicted: neither by documents that are made at random, nor by another prover."""

from typing import Any

import jsonschema_rs
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from callboard_registry.compatibility import Answer, Verdict, compare

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


PAIRS = DEFINITIONS.flatmap(
    lambda definitions: PARTS.flatmap(
        lambda part: st.tuples(
            st.just(whole(part, definitions)), changed(part).map(lambda new: whole(new, definitions))
        )
    )
)


def validator(schema: Schema) -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for(schema, validate_formats=True)


def judged(old: Schema, new: Schema, direction: Any = "backward") -> Verdict:
    verdict = compare(old, new, direction)
    assume(not any(finding.rule == "schema" for finding in verdict.findings))
    return verdict


SETTINGS = settings(max_examples=150, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))


@SETTINGS
@given(pair=PAIRS, documents=st.lists(VALUES, min_size=10, max_size=10))
def test_no_document_contradicts_a_verdict(pair: tuple[Schema, Schema], documents: list[Any]) -> None:
    old, new = pair
    verdict = judged(old, new)

    breaking = [each for each in documents if validator(old).is_valid(each) and not validator(new).is_valid(each)]
    assert not (verdict.answer is Answer.COMPATIBLE and breaking)
    for finding in verdict.findings:
        if verdict.answer is Answer.INCOMPATIBLE:
            assert validator(old).is_valid(finding.counterexample)
            assert not validator(new).is_valid(finding.counterexample)


@SETTINGS
@given(pair=PAIRS)
def test_another_prover_does_not_contradict_a_verdict(pair: tuple[Schema, Schema]) -> None:
    old, new = pair
    verdict = judged(old, new)
    try:
        before, after = (jsonschema_rs.canonicalize(schema, validate_formats=True) for schema in pair)
        contained = str(after.covers(before))
    except (jsonschema_rs.canonical.CanonicalizationError, jsonschema_rs.canonical.UnsupportedOperand):
        return

    assert (str(verdict.answer), contained) not in (("compatible", "no"), ("incompatible", "yes"))


@SETTINGS
@given(pair=PAIRS)
def test_a_verdict_is_the_same_each_time_and_from_the_other_side(pair: tuple[Schema, Schema]) -> None:
    old, new = pair

    first, second = compare(old, new), compare(old, new)
    assert (first.answer, first.findings, first.steps) == (second.answer, second.findings, second.steps)
    assert list(first.trace()) == list(second.trace())
    assert compare(old, new, "forward").answer is compare(new, old, "backward").answer


@SETTINGS
@given(pair=PAIRS)
def test_what_is_compatible_for_any_writer_is_so_for_a_typed_one(pair: tuple[Schema, Schema]) -> None:
    old, new = pair
    anyone, typed = judged(old, new, "backward"), judged(old, new, "input")

    assert not (anyone.answer is Answer.COMPATIBLE and typed.answer is Answer.INCOMPATIBLE)


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


@SETTINGS
@given(old=SIMPLE, data=st.data())
def test_a_typed_writer_is_one_whose_objects_are_closed(old: Schema, data: st.DataObject) -> None:
    new = data.draw(changed(old))
    typed = judged(old, new, "input")

    assert typed.answer is judged(closed(old), new, "backward").answer
    for finding in typed.findings:
        assert typed.answer is not Answer.INCOMPATIBLE or validator(closed(old)).is_valid(finding.counterexample)
