"""Canonical JSON (RFC 8785): one text for everything that means the same.

The `rfc8785` package is right about every value, and slow; Python's own writer is many times as fast and differs in a
few things. So Python writes, and the package is asked about numbers, and about all of a value where names might be
sorted in another order.
"""

import json
import re
from functools import lru_cache
from typing import Final, cast

import rfc8785

_WRITER: Final = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
_ODD_NUMBER: Final = re.compile(r"[:,\[](-?\d+(?:\.\d+(?:[eE][+-]?\d+)?|[eE][+-]?\d+|(?<=\d{16})))(?=[,}\]])")
"""A number with a fraction or an exponent, or too long to be kept exactly, and what stands before it; or what looks
like one within a text. It begins with what is rare: each place of a long text is looked at."""

_LONG: Final = 32
"""Characters of a number from which it is not remembered how it is written."""

_LAST_IN_ORDER: Final = "\ud7ff"
"""Up to here, sorting names by their characters is sorting them as UTF-16, which is the canonical order."""


def canonical_json(value: object) -> bytes:
    """Return the canonical JSON of a value; the names of its members are texts.

    Raises:
        ValueError: It holds what JSON cannot: another type, a number that is none, or one too large to be kept exactly.
    """
    try:
        written = _WRITER.encode(value)
    except TypeError:
        return _slowly(value)
    if isinstance(value, float | int) or (not written.isascii() and max(written) > _LAST_IN_ORDER):
        return _slowly(value)
    return _with_canonical_numbers(written).encode()


def _with_canonical_numbers(written: str) -> str:
    """Write the numbers in a JSON text, which has no blanks between its parts, as they have to be written."""
    # With nothing escaped any more, a place is within a text if the quotation marks before it are odd in number.
    plain = written.replace("\\\\", "  ").replace('\\"', "  ")
    parts: list[str] = []
    marks = looked_at = kept = 0
    for found in _ODD_NUMBER.finditer(plain):
        start, end = found.span(1)
        marks += plain.count('"', looked_at, start)
        looked_at = start
        if marks % 2 == 0:
            parts += (written[kept:start], _number(found[1]) if len(found[1]) < _LONG else _written(found[1]))
            kept = end
    return "".join((*parts, written[kept:]))


def _written(number: str) -> str:
    return _slowly(cast(object, json.loads(number))).decode()


# Bounds, prices and time limits come again and again.
_number: Final = lru_cache(maxsize=4096)(_written)


def _slowly(value: object) -> bytes:
    # rfc8785 says itself what it does not take; its name for what it does is private.
    return rfc8785.dumps(cast(dict[str, object], value))  # pyright: ignore[reportArgumentType]
