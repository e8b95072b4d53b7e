"""Schemas in a listing: JSON Schema 2020-12, complete in itself, and meaning the same to everyone who reads it."""

from collections.abc import Iterator, Mapping
from typing import Final, cast

import jsonschema_rs

from callboard_contracts.digests import observable_schema
from callboard_registry.refusals import Refusal

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

_ELSEWHERE: Final = frozenset({"$id", "$anchor", "$dynamicAnchor", "$dynamicRef", "$recursiveRef"})
"""What would make a reference lead somewhere else than it says."""


def require_schema(schema: dict[str, object], field: str) -> None:
    """Do nothing if this is a schema that a listing may hold.

    Raises:
        Refusal: It is malformed, of another dialect, refers to something outside, or is too large written out.
    """
    if schema.get("$schema", DIALECT) != DIALECT:
        raise Refusal("invalid", f"{field}.$schema", f"use JSON Schema 2020-12: {DIALECT!r}")
    try:
        jsonschema_rs.meta.validate(schema)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise Refusal("invalid", field, f"not a JSON Schema of 2020-12: {reason[:300]}") from error
    strange = next((keyword for keyword in _keywords(schema) if keyword in _ELSEWHERE), None)
    if strange is not None:
        raise Refusal("invalid", field, f"{strange!r} is not supported; refer with '$ref' into '$defs'")
    try:
        observable_schema(schema)
    except ValueError as error:
        raise Refusal("invalid", field, str(error)) from error
    except (TypeError, AttributeError) as error:
        # Keywords that the dialect does not know may hold anything, also what only looks like a schema.
        raise Refusal("invalid", field, "a keyword that JSON Schema does not know holds no schema") from error


def _keywords(value: object) -> Iterator[str]:
    """Yield every member name at any depth; documents are known to be shallow."""
    if isinstance(value, Mapping):
        for name, member in cast(Mapping[str, object], value).items():
            yield name
            yield from _keywords(member)
    elif isinstance(value, list):
        for item in cast(list[object], value):
            yield from _keywords(item)
