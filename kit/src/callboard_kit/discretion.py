"""What of a call may be written down: in records, in search attributes, in whatever outlives the call.

A contract says which fields of an operation's input are sensitive (`Promise.sensitive`). Their values do not get into
records: an entity that is one of them is shown as a digest, and an error that quotes one has the class of the data in
its place.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, cast

from callboard_contracts import Promise

EVERY: Final = "*"
"""In a path: every key of a map."""

_SHORTEST: Final = 3
"""Characters that a value must have to be looked for without quotes around it."""


def shown_entity(promise: Promise, value: str) -> str:
    """Return what names the entity `value` in records: the same for the same entity, and no sensitive value."""
    path = promise.entity or ""
    if not any(path == each or path.startswith(f"{each}.") for each in promise.sensitive):
        return value
    return entity_digest(value)


def entity_digest(value: str) -> str:
    """Return what a sensitive entity is called in records."""
    return f"sha256:{hashlib.sha256(value.encode()).hexdigest()[:24]}"


def entity_of(promise: Promise, data: bytes, *, longest: int) -> str:
    """Return the entity that an input names, as records show it; empty when it names none."""
    if not promise.entity or not data:
        return ""
    node: object = _document(data)
    for part in promise.entity.split("."):
        node = cast("dict[str, object]", node).get(part) if isinstance(node, dict) else None
    return "" if node is None else shown_entity(promise, str(node)[:longest])


def discreet(text: str, promise: Promise, data: bytes) -> str:
    """Return `text` without the sensitive values of the input `data`, each replaced by the class of its data."""
    if not text or not promise.sensitive or not data:
        return text
    document = _document(data)
    found = {
        value: kind
        for path, kind in promise.sensitive.items()
        for node in _at(document, path.split("."))
        for value in _leaves(node)
    }
    # The longest first: one value may be part of another.
    for value in sorted(found, key=len, reverse=True):
        text = text.replace(repr(value), f"({found[value]})")
        if len(value) >= _SHORTEST:
            text = text.replace(value, f"({found[value]})")
    return text


def _document(data: bytes) -> object:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _at(node: object, path: Sequence[str]) -> Iterator[object]:
    if isinstance(node, list):
        for element in cast("list[object]", node):
            yield from _at(element, path)
    elif not path:
        yield node
    elif isinstance(node, dict):
        members = cast("Mapping[str, object]", node)
        for name in members if path[0] == EVERY else [path[0]]:
            yield from _at(members.get(name), path[1:])


def _leaves(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        for value in cast("dict[str, object]", node).values():
            yield from _leaves(value)
    elif isinstance(node, list):
        for value in cast("list[object]", node):
            yield from _leaves(value)
    elif isinstance(node, str):
        yield from (node,) if node else ()
    elif isinstance(node, int | float) and not isinstance(node, bool):
        yield str(node)
