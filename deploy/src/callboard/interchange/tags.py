"""Unions of objects whose kind stands in one field, the tag.

Pydantic and OpenAPI name that field in `discriminator` and want it to be there. Others read it off the schemas: the
tag is required in each, and holds a value of its own.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final, cast

from callboard.interchange.schemas import Schema, as_schema, everywhere, mapping, rebuilt, references, sequence, strings

_UNIONS: Final = ("oneOf", "anyOf")


def with_required_tags(schema: Mapping[str, object]) -> Schema:
    """Return the schema without `discriminator`, and with each tag required where it tells objects apart."""
    definitions = dict(mapping(schema, "$defs"))
    tagged = Counter(
        (name, tag)
        for _, union in everywhere(dict(schema))
        for tag in [_tag(union)]
        if tag is not None
        for name in _branch_names(union)
    )
    uses = Counter(name.removeprefix("#/$defs/") for name in references(dict(schema)))
    instead: dict[tuple[str, str], str] = {}
    for (name, tag), count in tagged.items():
        target = as_schema(definitions.get(name))
        if target is None or tag in strings(target, "required"):
            continue
        # Where the object also stands alone, the tag stays as optional as it is there.
        instead[name, tag] = name if uses[name] == count else f"Tagged{name}"
        definitions[instead[name, tag]] = _requiring(target, tag)
    return _rewritten({**schema, **({"$defs": definitions} if definitions else {})}, instead)


def _rewritten(schema: Schema, instead: Mapping[tuple[str, str], str]) -> Schema:
    tag = _tag(schema)
    kept = {keyword: value for keyword, value in schema.items() if keyword != "discriminator"}
    if tag is not None:
        for keyword in _UNIONS:
            if keyword in kept:
                kept[keyword] = [_branch(branch, tag, instead) for branch in sequence(kept, keyword)]
    return rebuilt(kept, lambda part: _rewritten(inner, instead) if (inner := as_schema(part)) is not None else part)


def _branch(branch: object, tag: str, instead: Mapping[tuple[str, str], str]) -> object:
    found = as_schema(branch)
    if found is None:
        return branch
    if "$ref" in found:
        name = str(found["$ref"]).removeprefix("#/$defs/")
        return {**found, "$ref": f"#/$defs/{instead.get((name, tag), name)}"}
    return _requiring(found, tag)


def _requiring(schema: Schema, tag: str) -> Schema:
    if tag not in mapping(schema, "properties") or tag in strings(schema, "required"):
        return schema
    return {**schema, "required": [tag, *strings(schema, "required")]}


def _tag(schema: Mapping[str, object]) -> str | None:
    hint = as_schema(schema.get("discriminator"))
    tag = hint.get("propertyName") if hint else None
    return tag if isinstance(tag, str) else None


def _branch_names(union: Mapping[str, object]) -> Iterator[str]:
    for keyword in _UNIONS:
        for branch in sequence(union, keyword):
            found = as_schema(branch)
            if found is not None and "$ref" in found:
                yield cast(str, found["$ref"]).removeprefix("#/$defs/")
