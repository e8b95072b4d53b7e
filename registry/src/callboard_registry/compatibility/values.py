"""JSON values as JSON Schema sees them: which kind they are, and when two of them are the same."""

import json
import math
from collections.abc import Hashable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Final, Literal, cast

Kind = Literal["null", "boolean", "number", "string", "array", "object"]

KINDS: Final[tuple[Kind, ...]] = ("null", "boolean", "number", "string", "array", "object")
"""Simple kinds first, so that what is found first is what is easiest to read."""

_SHORT: Final = 80


class NotJsonError(ValueError):
    """This is no JSON value; the message says what it is."""


def kind_of(value: object) -> Kind:
    """Return which of the six kinds a value is; integers are numbers.

    Raises:
        NotJsonError: It is none of them.
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float, Decimal)):
        return "number"
    if isinstance(value, str):
        return "string"
    if isinstance(value, (list, tuple)):
        return "array"
    if isinstance(value, Mapping):
        return "object"
    raise NotJsonError(f"{type(value).__name__} is no kind of JSON value")


def exact(number: float | Decimal) -> int | Fraction:
    """Return the number that the JSON text of it says: 0.1 is a tenth, and 1.0 is 1.

    Raises:
        NotJsonError: It is infinite, or no number.
    """
    if isinstance(number, int):
        return int(number)
    if not math.isfinite(number):
        raise NotJsonError(f"{number} is no JSON number")
    fraction = Fraction(str(number))
    return fraction.numerator if fraction.denominator == 1 else fraction


def identity(value: object) -> Hashable:
    """Return a key that two values share if JSON Schema holds them to be equal: 1 and 1.0 are, 1 and true are not."""
    kind = kind_of(value)
    if kind == "number":
        return ("number", exact(cast("float | Decimal", value)))
    if kind == "array":
        return ("array", tuple(identity(item) for item in cast(Sequence[object], value)))
    if kind == "object":
        members = cast(Mapping[str, object], value)
        return ("object", frozenset((name, identity(member)) for name, member in members.items()))
    return (kind, cast(Hashable, value))


def shown(value: object) -> str:
    """Return a value as JSON on one line, cut if it is long."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHORT else text[: _SHORT - 1] + "…"
