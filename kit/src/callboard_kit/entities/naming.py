"""Which entities an operation acts on, and what their locks are called.

A promise names them by a path into the input (`order_id`, `order.id`, `item_ids`; lists are entered without saying so),
by several with commas between, and each may say what kind of thing it leads to: `account:source_id,account:target_id`.
Without that, the last word of the path is the kind: every operation of a team that acts on an `order_id` acts on the
same orders.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast
from urllib.parse import quote

from callboard_contracts import Promise

LONGEST_KEY: Final = 120
"""Characters of a key, as it is written in a lock's name; a longer one stands there as its digest."""

MOST_ENTITIES: Final = 50
"""Entities that one call may act on."""

_PLAIN: Final = "#@+:"
"""What else than letters, digits and `_.-` stands in a lock's name as it is."""


@dataclass(frozen=True)
class Entity:
    """One thing that operations act on, one at a time."""

    kind: str
    key: str
    secret: bool = False
    """Whether its key is sensitive, and is written nowhere."""

    @property
    def name(self) -> str:
        """What its lock is called inside its team: safe in a workflow id, and never the same for two keys."""
        written = quote(self.key, safe=_PLAIN).replace("~", "%7E")
        if self.secret or len(written) > LONGEST_KEY:
            # No key is written with this sign, so that none can pass for a digest.
            written = "=" + hashlib.sha256(self.key.encode()).hexdigest()[:40]
        return f"{self.kind}-{written}"

    @property
    def shown(self) -> str:
        """How it is called to people."""
        return f"{self.kind} (kept back)" if self.secret else f"{self.kind} {self.key!r}"


def entities_of(promise: Promise, data: bytes) -> tuple[Entity, ...]:
    """Return what an operation with an effect acts on, given its input: in the order in which locks are taken.

    Nothing for an operation that only reads, and for an input that leaves the field out.
    """
    if promise.effect == "read" or not promise.entity or not data:
        return ()
    document: object = json.loads(data)
    found: dict[str, Entity] = {}
    for part in promise.entity.split(","):
        kind, _, path = part.strip().rpartition(":")
        steps = path.split(".")
        secret = any(path == each or path.startswith(f"{each}.") for each in promise.sensitive)
        for key in _keys(document, steps):
            entity = Entity(kind or steps[-1], key, secret)
            found[entity.name] = entity
    return tuple(found[name] for name in sorted(found))


def lock_id(team: str, name: str) -> str:
    """Return the id of the workflow that is the lock called `name`."""
    return f"{team}-{name}"


def _keys(node: object, path: Sequence[str]) -> Iterator[str]:
    if isinstance(node, list):
        for element in cast("list[object]", node):
            yield from _keys(element, path)
    elif path:
        if isinstance(node, dict):
            yield from _keys(cast("Mapping[str, object]", node).get(path[0]), path[1:])
    elif isinstance(node, str) or (isinstance(node, int | float) and not isinstance(node, bool)):
        yield str(node)
