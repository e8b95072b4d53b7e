"""Conditions on a value of one kind: what is left of a schema once it is known whether it looks at a string or a list.

The result has negations only in front of single conditions; unions whose branches are told apart by their kind are
gone. Of `ExactlyOne` remains a union, with "not both" for each pair of branches that could not be shown to exclude
each other.
"""

from collections.abc import Callable, Sequence
from typing import Final

from callboard_registry.compatibility.documents import as_list, as_object
from callboard_registry.compatibility.nodes import (
    ALWAYS,
    NEVER,
    All,
    ExactlyOne,
    Has,
    ItemIs,
    Lazy,
    MemberIs,
    MinItems,
    Multiple,
    Neg,
    Node,
    On,
    Opaque,
    OthersAre,
    Some,
    Store,
    Types,
    Values,
    of_kind,
)
from callboard_registry.compatibility.values import Kind

Exclusive = Callable[[Node, Node, Kind], bool]
"""Tells whether it is proved that no value of the kind fulfils both conditions."""


class Projector:
    """Reduces conditions to those on values of one kind."""

    def __init__(self, store: Store, exclusive: Exclusive) -> None:
        self._store: Final = store
        self._exclusive: Final = exclusive
        self._done: Final[dict[tuple[Node, Kind], Node]] = {}
        self._open: Final[set[tuple[Node, Kind]]] = set()
        self._circles = 0

    def project(self, node: Node, kind: Kind) -> Node:
        """Return what the condition demands of a value of the kind."""
        key = (node, kind)
        found = self._done.get(key)
        if found is not None:
            return found
        if key in self._open:
            self._circles += 1
            # Each such place is a condition of its own; nothing is known about any of them.
            return self._store.make(Opaque, f"a reference that leads back to itself and to nothing else ({id(node)})")
        circles = self._circles
        self._open.add(key)
        try:
            found = self._project(node, kind)
        finally:
            self._open.discard(key)
        # What was met inside a circle is not kept: from elsewhere it may look different.
        if circles == self._circles or not self._open:
            self._done[key] = found
        return found

    def _project(self, node: Node, kind: Kind) -> Node:
        store = self._store
        match node:
            case All():
                return store.all(self.project(part, kind) for part in node.parts)
            case Some():
                return store.some(self.project(part, kind) for part in node.parts)
            case ExactlyOne():
                return self._one(node.parts, kind)
            case On():
                return self.project(node.part, kind) if node.kind == kind else ALWAYS
            case Lazy():
                return self.project(node.resolve(), kind)
            case Types():
                return self._types(node, kind)
            case Values():
                return self._values(node, kind)
            case Neg():
                return self._negated(node.part, kind)
            case _:
                return node

    def _negated(self, node: Node, kind: Kind) -> Node:
        store = self._store
        match node:
            case All():
                return store.some(self.project(store.negation(part), kind) for part in node.parts)
            case Some():
                return store.all(self.project(store.negation(part), kind) for part in node.parts)
            case ExactlyOne():
                return self._not_one(node.parts, kind)
            case On():
                return self.project(store.negation(node.part), kind) if node.kind == kind else NEVER
            case Lazy():
                return self.project(store.negation(node.resolve()), kind)
            case Types():
                return store.negation(self._types(node, kind))
            case Values():
                return self._not_values(node, kind)
            case _:
                return store.negation(node)

    def _types(self, node: Types, kind: Kind) -> Node:
        if kind in node.names:
            return ALWAYS
        if kind == "number" and "integer" in node.names:
            return self._store.make(Multiple, 1)
        return NEVER

    def _values(self, node: Values, kind: Kind) -> Node:
        kept = of_kind(node, kind)
        if (kind == "null" and kept) or (kind == "boolean" and len(kept) == 2):
            return ALWAYS
        return self._store.values(kept)

    def _not_values(self, node: Values, kind: Kind) -> Node:
        listed = self._values(node, kind)
        if not isinstance(listed, Values) or kind not in ("array", "object"):
            return self._store.negation(listed)
        return self._store.all(self._not_value(value, kind) for value in listed.values)

    def _not_value(self, value: object, kind: Kind) -> Node:
        """Say that a list or an object differs from one, in terms of its parts."""
        store = self._store
        ways: list[Node] = []
        if kind == "array":
            items = as_list(value)
            ways += [store.make(MinItems, len(items) + 1), store.negation(store.make(MinItems, len(items)))]
            if not items:
                return ways[0]
            for index, item in enumerate(items):
                ways.append(store.negation(store.make(ItemIs, index, store.values([item]))))
        else:
            members = as_object(value)
            no_patterns: frozenset[str] = frozenset()
            ways.append(store.negation(store.make(OthersAre, frozenset(members), no_patterns, NEVER)))
            for name, member in members.items():
                ways.append(store.negation(store.make(Has, name)))
                ways.append(store.negation(store.make(MemberIs, name, store.values([member]))))
        return store.some(ways)

    def _one(self, parts: Sequence[Node], kind: Kind) -> Node:
        store = self._store
        left = self._left(parts, kind)
        conditions = [store.some(part for part, _ in left)]
        for first, second in self._pairs(left, kind):
            conditions.append(
                store.some([self.project(store.negation(first), kind), self.project(store.negation(second), kind)])
            )
        return store.all(conditions)

    def _not_one(self, parts: Sequence[Node], kind: Kind) -> Node:
        store = self._store
        left = self._left(parts, kind)
        ways = [store.all(self.project(store.negation(part), kind) for _, part in left)]
        for first, second in self._pairs(left, kind):
            ways.append(store.all([self.project(first, kind), self.project(second, kind)]))
        return store.some(ways)

    def _left(self, parts: Sequence[Node], kind: Kind) -> list[tuple[Node, Node]]:
        """Return the branches that a value of the kind can take, projected and as they were."""
        projected = [(self.project(part, kind), part) for part in parts]
        return [(found, part) for found, part in projected if found is not NEVER]

    def _pairs(self, left: list[tuple[Node, Node]], kind: Kind) -> list[tuple[Node, Node]]:
        """Return the pairs of branches that may both hold for the same value."""
        if len(left) < 2 or _told_apart([found for found, _ in left]):
            return []
        found: list[tuple[Node, Node]] = []
        for at, (_, first) in enumerate(left):
            found += [(first, second) for _, second in left[at + 1 :] if not self._exclusive(first, second, kind)]
        return found


def _told_apart(branches: Sequence[Node]) -> bool:
    """Tell whether all branches list what they allow, or demand one member and list that, each other values."""
    tags = [_tags(branch) for branch in branches]
    for name, first in tags[0].items():
        seen = set(first.keys)
        for other in tags[1:]:
            values = other.get(name)
            if values is None or not seen.isdisjoint(values.keys):
                break
            seen |= values.keys
        else:
            return True
    return False


def _tags(branch: Node) -> dict[str | None, Values]:
    """Return the values that each member which is demanded may have; `None` stands for the whole."""
    parts = branch.parts if isinstance(branch, All) else (branch,)
    demanded = {part.name for part in parts if isinstance(part, Has)}
    found: dict[str | None, Values] = {}
    for part in parts:
        if isinstance(part, Values):
            found[None] = part
        if isinstance(part, MemberIs) and part.name in demanded:
            inner = part.part.parts if isinstance(part.part, All) else (part.part,)
            for condition in inner:
                if isinstance(condition, Values):
                    found[part.name] = condition
    return found
