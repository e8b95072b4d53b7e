"""When a change is called harmless, no value that was good before is bad after it: tried with random schemas."""

from typing import Any

import jsonschema_rs
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from callboard_contracts import describe
from callboard_contracts.changes import breaking_changes
from callboard_contracts.support.v1 import Support

Schema = dict[str, Any]

NAMES = st.sampled_from(["a", "b", "c"])
WORDS = st.text("xy", max_size=3)
NUMBERS = st.integers(0, 4) | st.sampled_from([0.5, 2.5])


def _some(**keywords: st.SearchStrategy[Any]) -> st.SearchStrategy[Schema]:
    return st.fixed_dictionaries({}, optional=keywords)


SCALARS: st.SearchStrategy[Schema] = st.one_of(
    _some(minLength=st.integers(0, 3), maxLength=st.integers(0, 3), enum=st.lists(WORDS, min_size=1)).map(
        lambda found: {"type": "string", **found}
    ),
    _some(minimum=st.integers(0, 3), maximum=st.integers(1, 4), exclusiveMinimum=st.integers(0, 3)).flatmap(
        lambda found: st.sampled_from([{"type": "number", **found}, {"type": "integer", **found}])
    ),
    st.just({"type": "null"}),
    st.just({"type": "boolean"}),
    WORDS.map(lambda word: {"const": word}),
)


def _nested(inner: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    objects = st.dictionaries(NAMES, inner, max_size=3).flatmap(
        lambda members: (
            st.lists(st.sampled_from(sorted(members)), unique=True).map(
                lambda required: {"type": "object", "properties": members, "required": required}
            )
            if members
            else st.just({"type": "object", "properties": {}})
        )
    )
    return st.one_of(
        objects,
        inner.map(lambda member: {"type": "object", "additionalProperties": member}),
        st.tuples(inner, _some(minItems=st.integers(0, 2), maxItems=st.integers(0, 2))).map(
            lambda both: {"type": "array", "items": both[0], **both[1]}
        ),
        st.lists(inner, min_size=1, max_size=3).map(lambda branches: {"anyOf": branches}),
    )


SCHEMAS = st.recursive(SCALARS, _nested, max_leaves=6)


def written(schema: Schema) -> st.SearchStrategy[Any]:
    """What a typed writer may write by the schema: no fields but those that it declares. Not all of it fits."""
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
            return st.text("xy", max_size=4)
        case "number" | "integer":
            return NUMBERS
        case "boolean":
            return st.booleans()
        case "null":
            return st.none()
        case _:
            return WORDS | NUMBERS | st.none() | st.dictionaries(NAMES, WORDS, max_size=2)


def changed(schema: Schema) -> st.SearchStrategy[Schema]:
    """The schema with one change somewhere in it: most changes of a contract are small."""
    changes: list[st.SearchStrategy[Schema]] = [SCHEMAS, st.just({"anyOf": [schema, {"type": "null"}]})]
    for key, value in schema.items():
        rest = {name: kept for name, kept in schema.items() if name != key}
        changes.append(st.just(rest))
        if key in ("items", "additionalProperties"):
            changes.append(changed(value).map(lambda new, key=key, rest=rest: {**rest, key: new}))
        elif key == "properties":
            for name, member in value.items():
                changes.append(
                    changed(member).map(
                        lambda new, name=name, rest=rest, value=value: {**rest, "properties": {**value, name: new}}
                    )
                )
            changes.append(SCALARS.map(lambda new, rest=rest, value=value: {**rest, "properties": {**value, "c": new}}))
            changes.append(
                st.lists(st.sampled_from(sorted(value)), unique=True).map(
                    lambda new, rest=rest, value=value: {**rest, "properties": value, "required": new}
                )
                if value
                else st.just(schema)
            )
        elif key in ("anyOf", "enum"):
            changes.append(st.just({**rest, key: value[1:] or value}))
        elif isinstance(value, int):
            changes.append(
                st.sampled_from([-1, 1]).map(
                    lambda by, key=key, value=value, rest=rest: {**rest, key: max(0, value + by)}
                )
            )
    return st.one_of(changes)


def closed(schema: Any) -> Any:
    """The schema of what a typed writer writes: no fields but those that it declares."""
    if isinstance(schema, list):
        return [closed(member) for member in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: closed(value) for key, value in schema.items()}
    return {**inner, "additionalProperties": False} if isinstance(schema.get("properties"), dict) else inner


def listing(direction: str, schema: Schema) -> dict[str, Any]:
    document = describe(Support).model_dump(mode="json")
    document["operations"][0][direction] = schema
    return document


@settings(max_examples=250, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), direction=st.sampled_from(["input", "output"]), old=SCHEMAS)
def test_what_is_called_harmless_breaks_nobody(data: st.DataObject, direction: str, old: Schema) -> None:
    new = data.draw(changed(old))
    assume(not breaking_changes(listing(direction, old), listing(direction, new)))
    writer, reader = (old, new) if direction == "input" else (new, old)
    value = data.draw(written(writer))
    assume(jsonschema_rs.validator_for(closed(writer)).is_valid(value))

    jsonschema_rs.validator_for(reader).validate(value)


@settings(derandomize=True, deadline=None)
@given(old=SCHEMAS)
def test_a_schema_can_take_its_own_place(old: Schema) -> None:
    assume(old)

    assert breaking_changes(listing("input", old), listing("input", dict(reversed(old.items())))) == []
