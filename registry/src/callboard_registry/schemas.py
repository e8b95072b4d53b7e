"""Schemas in a listing: JSON Schema 2020-12, complete in itself, and meaning the same to everyone who reads it."""

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final, NamedTuple, cast

import jsonschema_rs

from callboard_contracts.digests import observable_schema
from callboard_registry.refusals import Refusal

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

_LONGEST_REMEMBERED: Final = 20_000
"""Characters of a schema of which is remembered whether it may be held: most come again with the next revision."""

_ELSEWHERE: Final = frozenset({"$id", "$anchor", "$dynamicAnchor", "$dynamicRef", "$recursiveRef"})
"""What would make a reference lead somewhere else than it says."""


def require_schema(schema: dict[str, object], field: str) -> None:
    """Do nothing if this is a schema that a listing may hold.

    Raises:
        Refusal: It is malformed, of another dialect, refers to something outside, or is too large written out.
    """
    text = json.dumps(schema)
    fault = _remembered_fault(text) if len(text) <= _LONGEST_REMEMBERED else _fault(schema)
    if fault is not None:
        raise Refusal("invalid", field + fault.below, fault.reason)


class _Fault(NamedTuple):
    reason: str
    below: str = ""


@lru_cache(maxsize=1024)
def _remembered_fault(text: str) -> _Fault | None:
    return _fault(json.loads(text))


def _fault(schema: dict[str, object]) -> _Fault | None:
    if schema.get("$schema", DIALECT) != DIALECT:
        return _Fault(f"use JSON Schema 2020-12: {DIALECT!r}", below=".$schema")
    try:
        jsonschema_rs.meta.validate(schema)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        return _Fault(f"not a JSON Schema of 2020-12: {reason[:300]}")
    strange = next((keyword for keyword in _keywords(schema) if keyword in _ELSEWHERE), None)
    if strange is not None:
        return _Fault(f"{strange!r} is not supported; refer with '$ref' into '$defs'")
    try:
        observable_schema(schema)
    except ValueError as error:
        return _Fault(str(error))
    except (TypeError, AttributeError):
        # Keywords that the dialect does not know may hold anything, also what only looks like a schema.
        return _Fault("a keyword that JSON Schema does not know holds no schema")
    return None


def _keywords(value: object) -> Iterator[str]:
    """Yield every member name at any depth; documents are known to be shallow."""
    if isinstance(value, Mapping):
        for name, member in cast(Mapping[str, object], value).items():
            yield name
            yield from _keywords(member)
    elif isinstance(value, list):
        for item in cast(list[object], value):
            yield from _keywords(item)
