"""Positions in a stream of events: what a reader gives to go on from where it was."""

import re
import time
from typing import Final

BEGINNING: Final = "0-0"
"""The position before the first event."""

_FORM: Final = re.compile(r"(\d{1,15})-(\d{1,18})", re.ASCII)
_LEEWAY_SECONDS: Final = 60


class InvalidPositionError(ValueError):
    """A position that no stream ever gave out."""


def position(text: str) -> str:
    """Return `text` as the position that it is.

    Raises:
        InvalidPositionError: It is none, or one of a time that has not come.
    """
    if (found := _FORM.fullmatch(text)) is None:
        raise InvalidPositionError(f"{text[:60]!r} is no id of an event; give the last 'id' that the stream gave")
    if int(found[1]) > (time.time() + _LEEWAY_SECONDS) * 1000:
        raise InvalidPositionError(f"{text!r} is the id of an event that is still to come; give one the stream gave")
    return f"{int(found[1])}-{int(found[2])}"


def order(text: str) -> tuple[int, int]:
    """Return what positions are compared by."""
    milliseconds, _, number = text.partition("-")
    return int(milliseconds), int(number or 0)
