"""What a schema says, in one form for all drafts: a tree of conditions on a value.

Every condition exists once in a `Store`, so two schemas that say the same in the same words are the same object and
being equal costs nothing. Conditions on the inside of one kind of value (`AtLeast`, `Has`, `ItemIs`, ...) stand under
an `On`, which holds for every value of another kind, as keywords of JSON Schema do. There is one condition for each
pair of opposites: "at most 5" is "not (more than 5)".
"""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, TypeVar

from callboard_registry.compatibility.values import Kind, identity, kind_of


class Node:
    """A condition on a value. Two conditions of one store are equal if they are the same object."""

    __slots__ = ("serial",)

    serial: int
    """When it was made: an order that is the same each time."""


@dataclass(frozen=True, slots=True, eq=False)
class Always(Node):
    """Holds for every value."""


@dataclass(frozen=True, slots=True, eq=False)
class Never(Node):
    """Holds for no value."""


ALWAYS: Final = Always()
NEVER: Final = Never()
object.__setattr__(ALWAYS, "serial", -2)  # they belong to every store, and come before all that it makes
object.__setattr__(NEVER, "serial", -1)


@dataclass(frozen=True, slots=True, eq=False)
class All(Node):
    """Holds where every part does."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Some(Node):
    """Holds where at least one part does."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True, eq=False)
class ExactlyOne(Node):
    """Holds where one part does and no other."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Neg(Node):
    """Holds where the part does not."""

    part: Node


@dataclass(frozen=True, slots=True, eq=False)
class On(Node):
    """Holds for every value that is not of the kind, and for those of it where the part does."""

    kind: Kind
    part: Node


@dataclass(frozen=True, slots=True, eq=False)
class Lazy(Node):
    """What a reference leads to; looked at when it is needed, since it may lead back to where it stands."""

    name: str
    resolve: Callable[[], Node]


@dataclass(frozen=True, slots=True, eq=False)
class Opaque(Node):
    """Something that cannot be reasoned about. Two with the same label are the same condition."""

    label: str


@dataclass(frozen=True, slots=True, eq=False)
class Types(Node):
    """The value is of one of these types, in JSON Schema's words."""

    names: frozenset[str]


@dataclass(frozen=True, slots=True, eq=False)
class Values(Node):
    """The value is one of these."""

    values: tuple[object, ...]
    keys: frozenset[Hashable]


@dataclass(frozen=True, slots=True, eq=False)
class AtLeast(Node):
    """A number is not below the bound, nor the bound itself if that is excluded."""

    bound: int | Fraction
    excluded: bool


@dataclass(frozen=True, slots=True, eq=False)
class Multiple(Node):
    """A number is a whole multiple."""

    of: int | Fraction


@dataclass(frozen=True, slots=True, eq=False)
class MinLength(Node):
    """A string has at least so many characters."""

    count: int


@dataclass(frozen=True, slots=True, eq=False)
class Matches(Node):
    """A string has a part that matches the regular expression."""

    pattern: str


@dataclass(frozen=True, slots=True, eq=False)
class HasFormat(Node):
    """A string is what a format, or a content encoding, says."""

    name: str
    keyword: str


@dataclass(frozen=True, slots=True, eq=False)
class MinItems(Node):
    """An array has at least so many items."""

    count: int


@dataclass(frozen=True, slots=True, eq=False)
class ItemIs(Node):
    """An array is shorter, or its item at the index fulfils the condition."""

    index: int
    part: Node


@dataclass(frozen=True, slots=True, eq=False)
class ItemsFrom(Node):
    """All items of an array, from the index on, fulfil the condition."""

    index: int
    part: Node


@dataclass(frozen=True, slots=True, eq=False)
class Contains(Node):
    """At least so many items of an array fulfil the condition."""

    part: Node
    count: int


@dataclass(frozen=True, slots=True, eq=False)
class Unique(Node):
    """No two items of an array are equal."""


@dataclass(frozen=True, slots=True, eq=False)
class Has(Node):
    """An object has the member."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class MemberIs(Node):
    """An object lacks the member, or its value fulfils the condition."""

    name: str
    part: Node


@dataclass(frozen=True, slots=True, eq=False)
class MatchingAre(Node):
    """Every member whose name matches the regular expression fulfils the condition."""

    pattern: str
    part: Node


@dataclass(frozen=True, slots=True, eq=False)
class OthersAre(Node):
    """Every member that is neither named here nor matches a pattern fulfils the condition."""

    names: frozenset[str]
    patterns: frozenset[str]
    part: Node


@dataclass(frozen=True, slots=True, eq=False)
class NamesAre(Node):
    """The name of every member fulfils the condition."""

    part: Node


@dataclass(frozen=True, slots=True, eq=False)
class MinMembers(Node):
    """An object has at least so many members."""

    count: int


_N = TypeVar("_N", bound=Node)


class Store:
    """Makes each condition once, and simplifies what can be simplified at no cost."""

    def __init__(self) -> None:
        self._made: dict[tuple[object, ...], Node] = {}

    def make(self, form: type[_N], *content: Hashable) -> _N:
        """Return the one condition of this form and content."""
        key = (form, *content)
        found = self._made.get(key)
        if found is None:
            found = self._keep(key, form(*content))
        assert isinstance(found, form)
        return found

    def values(self, values: Iterable[object]) -> Node:
        """Return the condition to be one of the values."""
        by_key = {identity(value): value for value in values}
        if not by_key:
            return NEVER
        keys = frozenset(by_key)
        found = self._made.get((Values, keys))
        if found is None:
            found = self._keep((Values, keys), Values(tuple(by_key.values()), keys))
        return found

    def lazy(self, key: Hashable, name: str, resolve: Callable[[], Node]) -> Node:
        """Return the one condition for what a reference leads to; `key` says what that is."""
        found = self._made.get((Lazy, key))
        if found is None:
            found = self._keep((Lazy, key), Lazy(name, resolve))
        return found

    def negation(self, node: Node) -> Node:
        """Return what holds exactly where the condition does not."""
        if isinstance(node, Neg):
            return node.part
        if node is ALWAYS:
            return NEVER
        if node is NEVER:
            return ALWAYS
        return self.make(Neg, node)

    def all(self, parts: Iterable[Node]) -> Node:
        """Return what holds where all parts do."""
        kept: dict[Node, None] = {}
        for part in parts:
            if part is NEVER:
                return NEVER
            if isinstance(part, All):
                kept.update(dict.fromkeys(part.parts))
            elif part is not ALWAYS:
                kept[part] = None
        if any(isinstance(part, Neg) and part.part in kept for part in kept):
            return NEVER
        return self._joined(All, kept, ALWAYS)

    def some(self, parts: Iterable[Node]) -> Node:
        """Return what holds where one part does, or more."""
        kept: dict[Node, None] = {}
        for part in parts:
            if part is ALWAYS:
                return ALWAYS
            if isinstance(part, Some):
                kept.update(dict.fromkeys(part.parts))
            elif part is not NEVER:
                kept[part] = None
        if any(isinstance(part, Neg) and part.part in kept for part in kept):
            return ALWAYS
        lists = [part for part in kept if isinstance(part, Values)]
        if len(lists) > 1:
            merged = self.values(value for part in lists for value in part.values)
            kept = {merged: None, **{part: None for part in kept if not isinstance(part, Values)}}
        return self._joined(Some, kept, NEVER)

    def on(self, kind: Kind, parts: Iterable[Node]) -> Node:
        """Return the conditions on the inside of one kind of value, holding for all values of other kinds."""
        part = self.all(parts)
        return ALWAYS if part is ALWAYS else self.make(On, kind, part)

    def _joined(self, form: type[All] | type[Some], parts: dict[Node, None], empty: Node) -> Node:
        if not parts:
            return empty
        if len(parts) == 1:
            return next(iter(parts))
        # The order of the parts says nothing, so it does not tell conditions apart.
        key = (form, frozenset(parts))
        found = self._made.get(key)
        if found is None:
            found = self._keep(key, form(tuple(parts)))
        return found

    def _keep(self, key: tuple[object, ...], node: _N) -> _N:
        object.__setattr__(node, "serial", len(self._made))  # conditions are frozen for everyone else
        self._made[key] = node
        return node


def of_kind(values: Values, kind: Kind) -> list[object]:
    """Return those of the values that are of the kind."""
    return [value for value in values.values if kind_of(value) == kind]
