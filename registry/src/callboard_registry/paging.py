"""Where a reader was: opaque tokens to go on with, which fit only the request they were made for."""

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Iterable
from typing import Final, TypeVar, cast

from callboard_registry.refusals import Refusal

LONGEST_PAGE: Final = 2 * 1024 * 1024
"""Bytes of documents on a page: well below the 4 MiB that gRPC takes in one message."""

_LONGEST: Final = 2048

Item = TypeVar("Item")

Position = tuple[str | int, ...]
"""The sort key of the last item a reader got."""


def page_size(requested: int, *, default: int, most: int) -> int:
    """Return how many items a page holds; 0 asks for the default, and more than `most` gets `most`.

    Raises:
        Refusal: A negative number was asked for.
    """
    if requested < 0:
        raise Refusal("invalid", "page_size", f"page_size is {requested!r}; it must be 0 or more")
    return min(requested or default, most)


def taken(items: Iterable[Item], *, limit: int, size: Callable[[Item], int]) -> tuple[list[Item], bool]:
    """Return at most `limit` items, fewer if they get too long to send at once, and whether there are more."""
    found: list[Item] = []
    total = 0
    for item in items:
        total += size(item)
        if len(found) == limit or (found and total > LONGEST_PAGE):
            return found, True
        found.append(item)
    return found, False


def token_at(position: Position, *, filters: object) -> str:
    """Return a token that leads back to `position` of a list with these filters."""
    text = json.dumps([list(position), _fingerprint(filters)], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def position_of(token: str, *, like: Position, filters: object, field: str = "page_token") -> Position:
    """Return the position that `token` leads to; `like` shows the types it must have.

    Raises:
        Refusal: The token was not made here, or for other filters.
    """
    position = _decoded(token)
    if position is None or [type(part) for part in position[0]] != [type(part) for part in like]:
        raise Refusal("invalid", field, f"{field} was not made by this registry; start again without it")
    if position[1] != _fingerprint(filters):
        raise Refusal("invalid", field, f"{field} belongs to other filters; keep them the same or start without it")
    return position[0]


def _decoded(token: str) -> tuple[Position, str] | None:
    if len(token) > _LONGEST or not token.isascii():
        return None
    try:
        parsed = cast(object, json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))))
    except (ValueError, RecursionError, binascii.Error):
        return None
    if not isinstance(parsed, list) or len(parts := cast(list[object], parsed)) != 2:
        return None
    position, fingerprint = parts
    if not isinstance(position, list) or not isinstance(fingerprint, str):
        return None
    keys = [part for part in cast(list[object], position) if isinstance(part, str | int)]
    if len(keys) != len(cast(list[object], position)):
        return None
    # A number that SQLite cannot hold is no position either.
    if any(isinstance(key, int) and not 0 <= key < 2**63 for key in keys):
        return None
    return tuple(keys), fingerprint


def _fingerprint(filters: object) -> str:
    return hashlib.sha256(json.dumps(filters, sort_keys=True).encode()).hexdigest()[:16]
