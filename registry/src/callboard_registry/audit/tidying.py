"""Makes records fit to be kept: a history holds whatever its namespace wrote into it."""

from dataclasses import replace
from typing import Any, Final

from callboard_registry.records import LONGEST
from callboard_registry_api.model import CallRecord

_MOST: Final = 2**62


def tidied(record: CallRecord) -> CallRecord:
    """Return a record whose texts a database takes, none too long, and whose numbers can be counted with."""
    changed: dict[str, Any] = {}  # Any: fields of several types
    for name, value in vars(record).items():
        if isinstance(value, str):
            changed[name] = _plain(value)
        elif isinstance(value, int) and not isinstance(value, bool):
            changed[name] = max(0, min(value, _MOST))
    return replace(record, **changed)


def _plain(text: str) -> str:
    # Neither NUL nor half of a pair of surrogates is a character for every database.
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()[:LONGEST]
