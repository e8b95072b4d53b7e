"""Which members of an object a schema speaks of, together with all that applies to the same object."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from callboard_registry.compatibility.documents import Draft, Schema, as_list, as_object
from callboard_registry.compatibility.formats import matches
from callboard_registry.compatibility.nodes import ALWAYS, NEVER, Node, Opaque, OthersAre

if TYPE_CHECKING:
    from callboard_registry.compatibility.compiling import Compiler

_COVER_ALL: Final = ("additionalProperties", "unevaluatedProperties")
_IN_PLACE: Final = ("$ref", "allOf", "anyOf", "oneOf", "if", "dependentSchemas", "dependencies")
_MEMBERS: Final = ("properties", "patternProperties", *_COVER_ALL)


class Declared:
    """The members that one schema, and what it combines, evaluates in the sense of JSON Schema."""

    def __init__(self, compiler: "Compiler", keywords: Schema) -> None:
        self._compiler = compiler
        self._store = compiler.store
        self._keywords = keywords
        self._draft = compiler.document.draft
        self._asked_for: frozenset[str] = frozenset()

    @property
    def only_union(self) -> str | None:
        """The union that is all this schema says about members, if it is one: `anyOf` or `oneOf`."""
        present = [name for name in (*_IN_PLACE, *_MEMBERS) if name in self._keywords]
        return present[0] if len(present) == 1 and present[0] in ("anyOf", "oneOf") else None

    def closing(self) -> Node:
        """Return that there are no members but those declared, if any are and nothing is said about the rest."""
        keywords = self._keywords
        names = frozenset(self._names(keywords, frozenset()))
        if not names or "enum" in keywords or "const" in keywords:
            return ALWAYS
        asked = keywords.get("minProperties", 0)
        if isinstance(asked, (int, float)) and asked > len(names):
            return ALWAYS
        # A member that is asked for may be there, even if nothing is said about its value.
        self._asked_for = frozenset(self._required(keywords, frozenset()))
        return self.unevaluated(NEVER, itself=True)

    def unevaluated(self, part: Node, *, itself: bool = False) -> Node:
        """Return that each member that nothing else speaks of fulfils a condition.

        `itself` tells whether the schema's own word about unevaluated members is one of those that speak.
        """
        keywords = self._keywords
        if not itself:
            keywords = {name: value for name, value in keywords.items() if name != "unevaluatedProperties"}
        rest = self._speaks(keywords, None, frozenset())
        if rest is ALWAYS:
            return ALWAYS
        if self._uncertain(keywords, frozenset(), combined=False):
            place = json.dumps([int(self._draft), keywords, self._compiler.document.text], sort_keys=True, default=str)
            return self._store.make(Opaque, f"unevaluatedProperties that depend on the value: {place}")
        names = frozenset(self._names(keywords, frozenset())) | self._asked_for
        patterns = frozenset(self._patterns(keywords, frozenset()))
        others = self._store.make(OthersAre, names, patterns, part)
        parts = [self._store.some([rest, others])]
        for name in sorted(names - self._asked_for):
            spoken = self._speaks(keywords, name, frozenset())
            if spoken is not ALWAYS:
                parts.append(self._store.some([rest, spoken, self._compiler.member(name, part)]))
        return self._store.on("object", parts)

    def _speaks(self, schema: object, name: str | None, seen: frozenset[str]) -> Node:
        """Return when the schema, which holds, evaluates the member; no name stands for one it does not mention."""
        keywords = as_object(schema)
        if self._reached(keywords) and any(word in keywords for word in self._all_words()):
            return ALWAYS
        if name is not None and self._reached(keywords):
            if name in as_object(keywords.get("properties")):
                return ALWAYS
            if any(matches(pattern, name) for pattern in as_object(keywords.get("patternProperties"))):
                return ALWAYS
        found: list[Node] = []
        for condition, inner, then_seen in self._applied(keywords, seen):
            spoken = self._speaks(inner, name, then_seen)
            if spoken is not NEVER:
                found.append(self._store.all([condition, spoken]))
        return self._store.some(found)

    def _all_words(self) -> tuple[str, ...]:
        return _COVER_ALL if self._draft >= Draft.DRAFT2019 else _COVER_ALL[:1]

    def _reached(self, keywords: Schema) -> bool:
        """Tell whether the keywords beside a reference count."""
        return "$ref" not in keywords or self._draft >= Draft.DRAFT2019

    def _applied(self, keywords: Schema, seen: frozenset[str]) -> Iterator[tuple[Node, object, frozenset[str]]]:
        """Yield the schemas that apply to the same value, each with when it does."""
        compiler = self._compiler
        reference = keywords.get("$ref")
        if isinstance(reference, str):
            target = compiler.document.target(reference)
            if target is not None and reference not in seen:
                yield ALWAYS, target.schema, seen | {reference}
            if not self._reached(keywords):
                return
        for part in as_list(keywords.get("allOf")):
            yield ALWAYS, part, seen
        for word in ("anyOf", "oneOf"):
            for part in as_list(keywords.get(word)):
                yield compiler.read_as_it_is(part), part, seen
        if "if" in keywords and self._draft >= Draft.DRAFT7:
            condition = compiler.read_as_it_is(keywords["if"])
            yield condition, keywords["if"], seen
            yield condition, keywords.get("then", True), seen
            yield self._store.negation(condition), keywords.get("else", True), seen
        for word in ("dependencies", "dependentSchemas"):
            for name, part in as_object(keywords.get(word)).items():
                if not isinstance(part, list):
                    yield compiler.has(name), part, seen

    def _names(self, schema: object, seen: frozenset[str]) -> Iterator[str]:
        keywords = as_object(schema)
        if self._reached(keywords):
            yield from as_object(keywords.get("properties"))
        for _, inner, then_seen in self._applied(keywords, seen):
            yield from self._names(inner, then_seen)

    def _required(self, schema: object, seen: frozenset[str]) -> Iterator[str]:
        keywords = as_object(schema)
        lists = [keywords.get("required")]
        for word in ("dependencies", "dependentRequired"):
            lists += as_object(keywords.get(word)).values()
        for names in lists:
            yield from (name for name in as_list(names) if isinstance(name, str))
        for _, inner, then_seen in self._applied(keywords, seen):
            yield from self._required(inner, then_seen)

    def _patterns(self, schema: object, seen: frozenset[str]) -> Iterator[str]:
        keywords = as_object(schema)
        if self._reached(keywords):
            yield from as_object(keywords.get("patternProperties"))
        for _, inner, then_seen in self._applied(keywords, seen):
            yield from self._patterns(inner, then_seen)

    def _uncertain(self, schema: object, seen: frozenset[str], *, combined: bool) -> bool:
        """Tell whether it cannot be said which members are evaluated: patterns in a branch, references elsewhere."""
        keywords = as_object(schema)
        if "$dynamicRef" in keywords or "$recursiveRef" in keywords:
            return True
        reference = keywords.get("$ref")
        if isinstance(reference, str) and (reference in seen or self._compiler.document.target(reference) is None):
            return True
        if combined and "patternProperties" in keywords and self._reached(keywords):
            return True
        return any(
            self._uncertain(inner, then_seen, combined=combined or condition is not ALWAYS)
            for condition, inner, then_seen in self._applied(keywords, seen)
        )


def children_overlap(compiler: "Compiler", keywords: Schema) -> bool:
    """Tell whether two of the schemas that apply to one value both say something about the same member or item."""
    spoken: list[frozenset[str]] = []
    _collect(compiler, keywords, spoken, frozenset())
    total = sum(len(names) for names in spoken)
    return len(frozenset[str]().union(*spoken)) < total or (len(spoken) > 1 and any("" in names for names in spoken))


def _collect(compiler: "Compiler", schema: object, spoken: list[frozenset[str]], seen: frozenset[str]) -> None:
    keywords = as_object(schema)
    own = frozenset(as_object(keywords.get("properties")))
    if any(isinstance(keywords.get(word), dict) for word in ("patternProperties", *_COVER_ALL, "items")):
        own |= {""}
    if own:
        spoken.append(own)
    reference = keywords.get("$ref")
    if isinstance(reference, str) and reference not in seen:
        target = compiler.document.target(reference)
        if target is not None:
            _collect(compiler, target.schema, spoken, seen | {reference})
    for part in (*as_list(keywords.get("allOf")), *as_object(keywords.get("dependentSchemas")).values()):
        _collect(compiler, part, spoken, seen)
    for word in ("then", "else"):
        if word in keywords:
            _collect(compiler, keywords[word], spoken, seen)
    for word in ("anyOf", "oneOf"):
        branches: list[frozenset[str]] = []
        for part in as_list(keywords.get(word)):
            inner: list[frozenset[str]] = []
            _collect(compiler, part, inner, seen)
            branches.append(frozenset[str]().union(*inner))
        # Branches of a union do not speak of the same value, but each does beside what stands around the union.
        joined = frozenset[str]().union(*branches)
        if joined:
            spoken.append(joined)
