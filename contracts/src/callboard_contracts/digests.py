"""The digest of a service: equal exactly when a caller can observe no difference."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final, cast

import rfc8785

_UNOBSERVABLE: Final = frozenset(
    {"$comment", "$defs", "$id", "$schema", "deprecated", "description", "discriminator", "examples", "title"}
)
"""Keywords that constrain nothing. (`discriminator` is OpenAPI's hint; the alternatives themselves are compared.)"""

_MAPS_OF_SCHEMAS: Final = frozenset({"properties", "patternProperties", "dependentSchemas"})
_LISTS_OF_SCHEMAS: Final = frozenset({"anyOf", "oneOf", "allOf"})
_SETS: Final = frozenset({"required", "enum"})
_DATA: Final = frozenset({"const", "default", "enum", "required", "dependentRequired"})


def digest_of(observable: object) -> str:
    """`sha256:<hex>` over the canonical JSON (RFC 8785) of what a caller can observe."""
    return "sha256:" + hashlib.sha256(_canonical(observable)).hexdigest()


def observable_schema(schema: Mapping[str, object]) -> object:
    """A JSON Schema reduced to what a caller can observe, in one normal form.

    Annotations are dropped, references are replaced by what they refer to (the names of definitions are the names
    of Python classes, which no caller sees), and what has no order is sorted.
    """
    definitions = cast(Mapping[str, object], schema.get("$defs", {}))
    return _reduced(schema, definitions, ())


def _reduced(schema: object, definitions: Mapping[str, object], inside: tuple[str, ...]) -> object:
    if not isinstance(schema, Mapping):
        return schema  # `true` and `false` are schemas too
    found = cast(Mapping[str, object], schema)
    reference = found.get("$ref")
    if isinstance(reference, str):
        if reference in inside:
            # A schema within itself: say how many definitions up, which no name can change.
            return {"$ref": len(inside) - inside.index(reference)}
        target = _reduced(definitions[reference.removeprefix("#/$defs/")], definitions, (*inside, reference))
        beside = {key: value for key, value in found.items() if key != "$ref"}
        constraints = cast(Mapping[str, object], _reduced(beside, definitions, inside))
        return {**cast(Mapping[str, object], target), **constraints}

    reduced: dict[str, object] = {}
    for keyword, value in found.items():
        if keyword in _UNOBSERVABLE or (keyword == "additionalProperties" and value is True):
            continue
        if keyword == "const":
            reduced["enum"] = [value]
        elif keyword in _SETS:
            reduced[keyword] = sorted(cast(Sequence[object], value), key=_canonical)
        elif keyword in _DATA:
            reduced[keyword] = value
        elif keyword in _MAPS_OF_SCHEMAS:
            members = cast(Mapping[str, object], value)
            reduced[keyword] = {name: _reduced(member, definitions, inside) for name, member in members.items()}
        elif keyword in _LISTS_OF_SCHEMAS:
            members = [_reduced(member, definitions, inside) for member in cast(Sequence[object], value)]
            reduced[keyword] = sorted(members, key=_canonical)
        elif keyword == "prefixItems":
            reduced[keyword] = [_reduced(member, definitions, inside) for member in cast(Sequence[object], value)]
        elif isinstance(value, Mapping):
            reduced[keyword] = _reduced(cast(object, value), definitions, inside)
        else:
            reduced[keyword] = value
    return reduced


def _canonical(value: object) -> bytes:
    # rfc8785 takes JSON values; what is given here came out of pydantic's JSON mode.
    return rfc8785.dumps(cast(dict[str, object], value))  # pyright: ignore[reportArgumentType]  # its JSON type is private
