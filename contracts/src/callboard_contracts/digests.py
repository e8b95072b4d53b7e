"""The digest of a service: equal exactly when a caller can observe no difference."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final, cast

from callboard_contracts.canonical import canonical_json

_UNOBSERVABLE: Final = frozenset(
    {"$comment", "$defs", "$id", "$schema", "deprecated", "description", "discriminator", "examples", "title"}
)
"""Keywords that constrain nothing. (`discriminator` is OpenAPI's hint; the alternatives themselves are compared.)"""

_MAPS_OF_SCHEMAS: Final = frozenset({"properties", "patternProperties", "dependentSchemas"})
_LISTS_OF_SCHEMAS: Final = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})
_SETS: Final = frozenset({"required", "enum"})
_DATA: Final = frozenset({"const", "default", "enum", "required", "dependentRequired"})

_LONGEST_REMEMBERED: Final = 20_000
"""Characters of a schema whose reduction is remembered: from one revision to the next, most schemas stay the same."""

_LARGEST: Final = 20_000
_DEEPEST: Final = 100


def digest_of(observable: object) -> str:
    """`sha256:<hex>` over the canonical JSON (RFC 8785) of what a caller can observe."""
    return "sha256:" + hashlib.sha256(canonical_json(observable)).hexdigest()


def observable_schema(schema: Mapping[str, object]) -> object:
    """A JSON Schema reduced to what a caller can observe, in one normal form; not to be changed by whoever gets it.

    Annotations are dropped, references are replaced by what they refer to (the names of definitions are the names
    of Python classes, which no caller sees), and what has no order is sorted.

    Raises:
        ValueError: The schema refers to something outside of itself, or is too big or too deep when written out.
    """
    try:
        text = json.dumps(schema)
        return _remembered(text) if len(text) <= _LONGEST_REMEMBERED else _reduced(schema)
    except RecursionError:
        raise ValueError("a schema is nested too deep; split it") from None


@lru_cache(maxsize=1024)
def _remembered(text: str) -> object:
    return _reduced(json.loads(text))


def _reduced(schema: Mapping[str, object]) -> object:
    return _Reduction(schema).reduced(schema, ())


class _Reduction:
    """Writes out one schema, with a limit: few references can stand for very much."""

    def __init__(self, schema: Mapping[str, object]) -> None:
        self._definitions = cast(Mapping[str, object], schema.get("$defs", {}))
        self._left = _LARGEST

    def reduced(self, schema: object, inside: tuple[str, ...]) -> object:
        """Reduce a part of the schema that stands inside these definitions, outermost first."""
        if not isinstance(schema, Mapping):
            return schema  # `true` and `false` are schemas too
        self._left -= 1
        if self._left < 0 or len(inside) > _DEEPEST:
            raise ValueError(f"a schema has more than {_LARGEST} parts when its references are written out; split it")
        found = cast(Mapping[str, object], schema)
        if "$ref" in found:
            return self._referred(found, inside)
        reduced: dict[str, object] = {}
        for keyword, value in found.items():
            if keyword in _UNOBSERVABLE or (keyword == "additionalProperties" and value is True):
                continue
            if keyword == "const":
                reduced["enum"] = [value]
            elif keyword in _SETS:
                reduced[keyword] = sorted(cast(Sequence[object], value), key=canonical_json)
            elif keyword in _DATA:
                reduced[keyword] = value
            elif keyword in _MAPS_OF_SCHEMAS:
                members = cast(Mapping[str, object], value)
                reduced[keyword] = {name: self.reduced(member, inside) for name, member in members.items()}
            elif keyword in _LISTS_OF_SCHEMAS:
                branches = [self.reduced(branch, inside) for branch in cast(Sequence[object], value)]
                reduced[keyword] = branches if keyword == "prefixItems" else sorted(branches, key=canonical_json)
            else:
                reduced[keyword] = self.reduced(value, inside)
        return reduced

    def _referred(self, schema: Mapping[str, object], inside: tuple[str, ...]) -> object:
        name = str(schema["$ref"]).removeprefix("#/$defs/")
        if name in inside:
            # A definition within itself: say how many definitions up, which no name can change.
            return {"$ref": len(inside) - inside.index(name)}
        if name not in self._definitions:
            raise ValueError(f"a schema refers to {schema['$ref']!r}, which it does not define; put it into its $defs")
        target = self.reduced(self._definitions[name], (*inside, name))
        beside = self.reduced({key: value for key, value in schema.items() if key != "$ref"}, inside)
        both = (cast(Mapping[str, object], target), cast(Mapping[str, object], beside))
        # What stands beside a reference holds as well; it is mostly a default, and seldom says the same keyword.
        return {"allOf": list(both)} if both[0].keys() & both[1].keys() else {**both[0], **both[1]}
