"""Where the schemas inside a JSON Schema (2020-12) are. Everything else in it is data, whatever it looks like."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, cast

Schema = dict[str, object]
"""A JSON Schema that is an object. (`true` and `false` are schemas too.)"""

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

MAPS: Final = frozenset({"$defs", "properties", "patternProperties", "dependentSchemas"})
LISTS: Final = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
SINGLE: Final = frozenset(
    {
        "items", "additionalProperties", "propertyNames", "contains", "not", "if", "then", "else",
        "unevaluatedItems", "unevaluatedProperties", "contentSchema",
    }
)  # fmt: skip

ANNOTATIONS: Final = ("title", "description", "deprecated", "$comment", "default", "examples")
"""Keywords that constrain nothing."""


def as_schema(value: object) -> Schema | None:
    """Return `value` if it is a JSON object, else None."""
    return cast(Schema, value) if isinstance(value, dict) else None


def mapping(schema: Mapping[str, object], keyword: str) -> Mapping[str, object]:
    """Return the object at `keyword`, or an empty one."""
    value = schema.get(keyword)
    return cast(Mapping[str, object], value) if isinstance(value, dict) else {}


def sequence(schema: Mapping[str, object], keyword: str) -> Sequence[object]:
    """Return the array at `keyword`, or an empty one."""
    value = schema.get(keyword)
    return cast(Sequence[object], value) if isinstance(value, list | tuple) else ()


def strings(schema: Mapping[str, object], keyword: str) -> list[str]:
    """Return the strings of the array at `keyword`."""
    return [value for value in sequence(schema, keyword) if isinstance(value, str)]


def parts(schema: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """Yield every schema directly inside, with its JSON pointer from here."""
    for keyword, value in schema.items():
        if keyword in MAPS and isinstance(value, dict):
            for name, member in cast(Mapping[str, object], value).items():
                yield f"/{keyword}/{escaped(name)}", member
        elif keyword in LISTS and isinstance(value, list):
            for index, member in enumerate(cast(Sequence[object], value)):
                yield f"/{keyword}/{index}", member
        elif keyword in SINGLE:
            yield f"/{keyword}", value


def everywhere(schema: object, pointer: str = "") -> Iterator[tuple[str, Schema]]:
    """Yield the schema and every one inside it, at any depth, that is an object; with their JSON pointers."""
    found = as_schema(schema)
    if found is None:
        return
    yield pointer, found
    for below, member in parts(found):
        yield from everywhere(member, pointer + below)


def rebuilt(schema: Mapping[str, object], change: Callable[[object], object]) -> Schema:
    """Return the schema with every schema directly inside it replaced by what `change` makes of it."""
    made: Schema = {}
    for keyword, value in schema.items():
        if keyword in MAPS and isinstance(value, dict):
            members = cast(Mapping[str, object], value)
            made[keyword] = {name: change(member) for name, member in members.items()}
        elif keyword in LISTS and isinstance(value, list):
            made[keyword] = [change(member) for member in cast(Sequence[object], value)]
        elif keyword in SINGLE:
            made[keyword] = change(value)
        else:
            made[keyword] = value
    return made


def references(schema: object) -> Iterator[str]:
    """Yield what every `$ref` at any depth says."""
    for _, found in everywhere(schema):
        reference = found.get("$ref")
        if isinstance(reference, str):
            yield reference


def escaped(token: str) -> str:
    """Return a member's name as a part of a JSON pointer."""
    return token.replace("~", "~0").replace("/", "~1")


def unescaped(token: str) -> str:
    """Return the member's name that a part of a JSON pointer stands for."""
    return token.replace("~1", "/").replace("~0", "~")
