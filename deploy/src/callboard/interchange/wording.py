"""What one schema in a contract file may say."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from callboard.interchange.finding import Finding
from callboard.interchange.lowering import kind_of_value
from callboard.interchange.patterns import unportable
from callboard.interchange.schemas import Schema, as_schema, escaped, mapping, parts, sequence, strings
from callboard.interchange.unions import disjoint

Target = Callable[[str], Schema | None]
"""Finds the schema that a `$ref` stands for."""

FORMATS: Final = frozenset(
    {
        "date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "time", "uri", "uri-reference", "uuid",
    }
)  # fmt: skip
"""The formats that every language checks alike."""

ENCODINGS: Final = frozenset({"base64", "base64url"})

LARGEST_INTEGER: Final = 2**53 - 1
"""What a number of JavaScript holds exactly."""

_REMEDIES: Final[Mapping[str, str]] = {
    "anyOf": "make its branches differ in JSON type, or be objects that a required field of fixed value tells apart",
    "not": "say what it is, not what it is not",
    "if": "make it a union of the cases",
    "then": "make it a union of the cases",
    "else": "make it a union of the cases",
    "prefixItems": "make it an object with a field for each place, or a list of one type",
    "patternProperties": "use one type for all members, and propertyNames for their names",
    "dependentSchemas": "make it a union of the cases",
    "unevaluatedItems": "say it with items",
    "unevaluatedProperties": "say it with additionalProperties",
    "nullable": 'write oneOf: [{…}, {type: "null"}]',
    "discriminator": "leave it out; a required field with a fixed value tells the objects apart",
    "dependencies": "write dependentRequired",
    "definitions": "write $defs",
    "$id": "leave it out; references go by file and $defs",
    "$anchor": "refer to #/$defs/…",
    "$dynamicRef": "refer to #/$defs/…",
    "$dynamicAnchor": "refer to #/$defs/…",
    "$vocabulary": "leave it out",
    "$defs": "put it into the $defs of the file",
    "readOnly": "leave it out",
    "writeOnly": "leave it out",
    "contentMediaType": "leave it out",
    "contentSchema": "leave it out, or make it a field of its own type",
}

_ANYWHERE: Final = frozenset({"title", "description", "deprecated", "$comment", "examples", "default", "type", "allOf"})
_NUMBERS: Final = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})
_OF_TYPE: Final[Mapping[str, frozenset[str]]] = {
    "string": frozenset({"minLength", "maxLength", "pattern", "format", "contentEncoding"}),
    "integer": _NUMBERS,
    "number": _NUMBERS,
    "boolean": frozenset(),
    "array": frozenset({"items", "minItems", "maxItems", "uniqueItems", "contains", "minContains", "maxContains"}),
    "object": frozenset(
        {"properties", "required", "additionalProperties", "minProperties", "maxProperties", "propertyNames",
         "dependentRequired"}
    ),
}  # fmt: skip
_SETS: Final = frozenset({"const", "enum"})
_OVERRIDES: Final = frozenset(
    {
        "x-go-name", "x-ts-name", "x-py-name", "x-java-name", "x-go-const-name", "x-java-const-name",
        "x-go-enum-names", "x-java-enum-names",
    }
)  # fmt: skip


def schema_problems(
    schema: Schema, place: str, target: Target, *, branch: bool = False, typed: bool = True
) -> Iterator[Finding]:
    """Name everything in a schema, at any depth, that the format does not know.

    Args:
        schema: What to look at.
        place: Its JSON pointer, for the findings.
        target: Finds what references stand for.
        branch: Whether it is a branch of a union, where alone `null` has a place.
        typed: Whether it must have a type of its own.
    """
    words = schema.keys() - _OVERRIDES
    for word in sorted(words & _REMEDIES.keys()):
        yield Finding(f"{place}/{escaped(word)}", f"{word!r} has no equal in every language", _REMEDIES[word])
    if "$ref" in schema:
        yield from _reference(schema, place, target)
    elif "oneOf" in schema:
        yield from _union(schema, place, target)
    elif "type" in schema:
        yield from _one_type(schema, place, branch=branch)
    elif typed and not words & ({"allOf"} | _REMEDIES.keys()):
        yield Finding(
            place,
            "it says no type, so that it may be anything",
            "give it a type; for an object of which nothing is known that is object with additionalProperties: true",
        )
    yield from _values(schema, place)
    for pointer, value in parts(schema):
        keyword = pointer.split("/")[1]
        inner = as_schema(value)
        if inner is None or keyword in _REMEDIES:
            if value is not True and value is not False and keyword not in _REMEDIES:
                yield Finding(place + pointer, "it is no schema", "write an object")
            elif inner is None and keyword not in ("additionalProperties", *_REMEDIES):
                yield Finding(place + pointer, f"{value!r} is no type", "say what it is")
            continue
        yield from schema_problems(
            inner,
            place + pointer,
            target,
            branch=keyword == "oneOf",
            typed=keyword not in ("propertyNames", "contains", "allOf"),
        )


def _reference(schema: Schema, place: str, target: Target) -> Iterator[Finding]:
    reference = schema["$ref"]
    if not isinstance(reference, str) or target(reference) is None:
        yield Finding(
            f"{place}/$ref", f"{reference!r} leads nowhere", "define it in $defs, and refer to #/$defs/<name>"
        )
    beside = schema.keys() - _OVERRIDES - {"$ref"}
    for word in sorted(beside - _REMEDIES.keys()):
        yield Finding(
            f"{place}/{escaped(word)}", f"{word!r} beside $ref makes another type of it", "move it into the type"
        )


def _union(schema: Schema, place: str, target: Target) -> Iterator[Finding]:
    for word in sorted(schema.keys() - _OVERRIDES - _REMEDIES.keys() - _ANYWHERE - {"oneOf"}):
        yield Finding(f"{place}/{escaped(word)}", f"{word!r} beside oneOf", "move it into the branches")
    branches: list[Schema] = []
    for index, value in enumerate(sequence(schema, "oneOf")):
        branch = as_schema(value) or {}
        if branch.get("type") == "null" and len(branch) > 1:
            yield Finding(f"{place}/oneOf/{index}", "null has something beside it", 'write {type: "null"} alone')
        branches.append(branch)
    if len(branches) < 2:
        yield Finding(f"{place}/oneOf", "it has one branch only", "write the branch alone")
    elif not disjoint(branches, lambda name: target(f"#/$defs/{name}") or target(name) or {}):
        yield Finding(f"{place}/oneOf", "nothing tells its branches apart", _REMEDIES["anyOf"])


def _one_type(schema: Schema, place: str, *, branch: bool) -> Iterator[Finding]:
    kind = schema["type"]
    if not isinstance(kind, str):
        yield Finding(f"{place}/type", f"{kind!r} are several types", "write oneOf with a branch for each")
        return
    if kind == "null":
        if not branch:
            yield Finding(f"{place}/type", "it is always null", "leave it out, or say what else it may be")
        return
    if kind not in _OF_TYPE:
        yield Finding(f"{place}/type", f"{kind!r} is no type", f"use one of {', '.join(_OF_TYPE)}")
        return
    sets = _SETS if kind not in ("array", "object") else frozenset[str]()
    for word in sorted(schema.keys() - _OVERRIDES - _REMEDIES.keys() - _ANYWHERE - sets - _OF_TYPE[kind]):
        yield Finding(f"{place}/{escaped(word)}", f"{word!r} says nothing about type {kind!r}", "leave it out")
    if kind == "object":
        yield from _object(schema, place)
    elif kind == "array" and "items" not in schema and "prefixItems" not in schema:
        yield Finding(place, "it does not say of what it is a list", "add items")
    elif kind == "string":
        yield from _string(schema, place)
    elif kind in ("integer", "number"):
        yield from _number(schema, place, kind)


def _object(schema: Schema, place: str) -> Iterator[Finding]:
    members = mapping(schema, "properties")
    if "properties" not in schema and "additionalProperties" not in schema and "patternProperties" not in schema:
        yield Finding(place, "it does not say what it holds", "add properties, or additionalProperties: true")
    required = strings(schema, "required")
    for name in required:
        if name not in members:
            yield Finding(f"{place}/required", f"{name!r} is required but not described", "add it to properties")
        elif "default" in (as_schema(members[name]) or {}):
            yield Finding(
                f"{place}/properties/{escaped(name)}/default",
                "a required field is always there, so that its default never counts",
                "leave the default out, or do not require the field",
            )


def _string(schema: Schema, place: str) -> Iterator[Finding]:
    if "format" in schema and schema["format"] not in FORMATS:
        yield Finding(
            f"{place}/format",
            f"not every language checks {schema['format']!r}",
            f"leave it out, say it with pattern, or use one of {', '.join(sorted(FORMATS))}",
        )
    if "contentEncoding" in schema and schema["contentEncoding"] not in ENCODINGS:
        yield Finding(
            f"{place}/contentEncoding", f"{schema['contentEncoding']!r} is not known", "use base64 or base64url"
        )
    pattern = schema.get("pattern")
    found = unportable(pattern) if isinstance(pattern, str) else None
    if found is not None:
        yield Finding(
            f"{place}/pattern", f"{pattern!r} is not read alike everywhere: {found}", "write a pattern without it"
        )


def _number(schema: Schema, place: str, kind: str) -> Iterator[Finding]:
    divisor = schema.get("multipleOf")
    if divisor is not None and (not isinstance(divisor, int) or isinstance(divisor, bool) or divisor < 1):
        yield Finding(f"{place}/multipleOf", f"{divisor!r} is no whole number above zero", "use one, or leave it out")
    for word in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
        bound = schema.get(word)
        if kind == "integer" and isinstance(bound, int | float) and kind_of_value(bound) != "integer":
            yield Finding(f"{place}/{word}", f"{bound!r} bounds an integer", "use a whole number")
    for exclusive, inclusive in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if exclusive in schema and inclusive in schema:
            yield Finding(f"{place}/{exclusive}", f"it stands beside {inclusive!r}", "keep the tighter one")


def _values(schema: Schema, place: str) -> Iterator[Finding]:
    """Look at what stands in a schema as a value: `const`, `enum` and `default`."""
    if "const" in schema and "enum" in schema:
        yield Finding(f"{place}/const", "it stands beside 'enum'", "keep one")
    kind = schema.get("type")
    given = [("const", schema["const"])] if "const" in schema else []
    given += [("enum", value) for value in sequence(schema, "enum")]
    given += [("default", schema["default"])] if "default" in schema else []
    for word, value in given:
        own = kind_of_value(value)
        if own in ("null", "array", "object"):
            yield Finding(f"{place}/{word}", f"{value!r} is no string, number or boolean", "leave it out")
        elif isinstance(kind, str) and own != kind and (own, kind) != ("integer", "number"):
            yield Finding(f"{place}/{word}", f"{value!r} is no {kind}", "use values of the type")
        elif own == "integer" and isinstance(value, int) and abs(value) > LARGEST_INTEGER:
            yield Finding(f"{place}/{word}", f"{value!r} is too large for JavaScript", "make it a string")
    if "const" in schema and "default" in schema:
        yield Finding(f"{place}/default", "there is one value only", "leave the default out")
