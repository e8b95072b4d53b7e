"""Schemas that can be digested in bounded time: well formed, every reference leads somewhere, and no explosion.

The digest writes each reference out in place. A few definitions that refer to each other twice would grow without end
there, so the same walk is made here first, counting, and is broken off when it gets too long or too deep.
"""

from collections.abc import Mapping
from typing import Final, cast

import jsonschema_rs

from callboard_registry.refusals import Refusal

LARGEST: Final = 50_000
"""Nodes a schema may have with every reference written out."""

DEEPEST: Final = 128
"""Levels it may be nested then."""

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

_LOCAL: Final = "#/$defs/"
_ELSEWHERE: Final = frozenset({"$dynamicRef", "$recursiveRef"})
_DATA: Final = frozenset({"const", "default", "enum", "examples", "required", "dependentRequired"})
_MAPS_OF_SCHEMAS: Final = frozenset({"properties", "patternProperties", "dependentSchemas"})
_LISTS: Final = frozenset({"anyOf", "oneOf", "allOf", "prefixItems", "enum", "required"})


def require_schema(schema: dict[str, object], field: str) -> None:
    """Do nothing if this is a JSON Schema that can be digested.

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
    definitions = schema.get("$defs", {})
    _Walk(cast(Mapping[str, object], definitions), field).through(schema, depth=0, inside=())


class _Walk:
    """One walk through a schema, references included."""

    def __init__(self, definitions: Mapping[str, object], field: str) -> None:
        self._definitions = definitions
        self._field = field
        self._seen = 0

    def through(self, schema: object, *, depth: int, inside: tuple[str, ...]) -> None:
        """Visit `schema` and what it refers to, except definitions it is `inside` of."""
        self._seen += 1
        if self._seen > LARGEST or depth > DEEPEST:
            raise self._refused(
                f"with its references written out the schema has more than {LARGEST} nodes or {DEEPEST} levels"
            )
        if not isinstance(schema, Mapping):
            return
        for keyword, value in cast(Mapping[str, object], schema).items():
            if keyword == "$ref" and isinstance(value, str):
                name = self._definition(value)
                if name not in inside:
                    self.through(self._definitions[name], depth=depth + 1, inside=(*inside, name))
            elif keyword in _ELSEWHERE:
                raise self._refused(f"{keyword} is not supported; refer with '$ref'")
            elif keyword in _LISTS and not isinstance(value, list):
                raise self._refused(f"{keyword!r} must be a list")
            elif keyword in _MAPS_OF_SCHEMAS and not isinstance(value, Mapping):
                raise self._refused(f"{keyword!r} must be an object")
            elif keyword not in _DATA and keyword != "$defs":
                for part in _parts(keyword, cast(object, value)):
                    self.through(part, depth=depth + 1, inside=inside)

    def _definition(self, reference: str) -> str:
        name = reference.removeprefix(_LOCAL)
        if not reference.startswith(_LOCAL) or name not in self._definitions:
            raise self._refused(f"$ref {reference!r} leads nowhere; define it in '$defs' of the same schema")
        return name

    def _refused(self, message: str) -> Refusal:
        return Refusal("invalid", self._field, message)


def _parts(keyword: str, value: object) -> list[object]:
    if isinstance(value, Mapping) and keyword in _MAPS_OF_SCHEMAS:
        return list(cast(Mapping[str, object], value).values())
    if isinstance(value, list):
        return cast(list[object], value)
    return [value]
