"""Reading a schema of any draft into conditions.

A schema can be read *closed*: as what a typed writer writes, who sends the members that the schema declares and no
others. Then every place that declares `properties`, and does not say itself what else may be there, has nothing else.
"""

import json
from collections.abc import Iterator
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import Final, cast

from callboard_registry.compatibility.declared import Declared, children_overlap
from callboard_registry.compatibility.documents import Document, Draft, Schema, as_list, as_object, draft_of
from callboard_registry.compatibility.formats import is_judged
from callboard_registry.compatibility.nodes import (
    ALWAYS,
    NEVER,
    AtLeast,
    Contains,
    ExactlyOne,
    Has,
    HasFormat,
    ItemIs,
    ItemsFrom,
    Matches,
    MatchingAre,
    MemberIs,
    MinItems,
    MinLength,
    MinMembers,
    Multiple,
    NamesAre,
    Node,
    Opaque,
    OthersAre,
    Store,
    Types,
    Unique,
)
from callboard_registry.compatibility.values import exact

_REMARKS: Final = frozenset(
    {"title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "$comment", "$schema"}
    | {"$id", "id", "$defs", "definitions", "$anchor"}
)
"""Keywords that allow and forbid nothing."""

_CONTENT: Final = ("contentEncoding", "contentMediaType")

_ANY_WORDS: Final = frozenset({"type", "enum", "const", "$dynamicRef", "$recursiveRef"})
_COMBINING_WORDS: Final = frozenset({"allOf", "anyOf", "oneOf", "not", "if"})
_NUMBER_WORDS: Final = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "format"})
_STRING_WORDS: Final = frozenset({"minLength", "maxLength", "pattern", "format", *_CONTENT})
_ARRAY_WORDS: Final = frozenset(
    {"items", "prefixItems", "additionalItems", "minItems", "maxItems", "uniqueItems", "contains", "unevaluatedItems"}
)
_OBJECT_WORDS: Final = frozenset(
    {"properties", "required", "patternProperties", "additionalProperties", "propertyNames", "unevaluatedProperties"}
    | {"minProperties", "maxProperties", "dependencies", "dependentRequired", "dependentSchemas"}
)
_HOLDING_SCHEMAS: Final = _COMBINING_WORDS | _ARRAY_WORDS | _OBJECT_WORDS | {"$ref"}
"""Keywords without which it makes no difference whether a schema is read closed."""

_APPLIED_TO_ITEMS: Final = frozenset(
    {"$ref", "$dynamicRef", "$recursiveRef", "allOf", "anyOf", "oneOf", "if", "dependentSchemas", "dependencies"}
)
"""Keywords beside which it depends on the value which items are evaluated."""

_Count = type[MinLength] | type[MinItems] | type[MinMembers]


class Reading(Enum):
    """How a schema is read at one place."""

    AS_IT_IS = "as it is"
    INSIDE_CLOSED = "a part of what is said about a value; the whole of it is closed elsewhere"
    CLOSED = "all that is said about a value, closed"


class Compiler:
    """Reads the schemas of one document."""

    def __init__(self, store: Store, document: Document) -> None:
        self.store: Final = store
        self.document: Final = document
        self._read: Final[dict[tuple[int, Reading], tuple[Schema, Node]]] = {}

    def compile(self, *, closed: bool = False) -> Node:
        """Read the whole document."""
        return self.read(self.document.schema, Reading.CLOSED if closed else Reading.AS_IT_IS)

    def read(self, schema: object, reading: Reading) -> Node:
        """Read a schema that stands somewhere in the document."""
        if isinstance(schema, bool):
            return ALWAYS if schema else NEVER
        keywords = as_object(schema)
        if not keywords:
            return ALWAYS
        if "$schema" in keywords and keywords is not self.document.schema:
            return self._of_dialect(keywords, reading)
        if reading is not Reading.AS_IT_IS and keywords.keys().isdisjoint(_HOLDING_SCHEMAS):
            reading = Reading.AS_IT_IS
        key = (id(keywords), reading)
        found = self._read.get(key)
        if found is None:
            closed = reading is Reading.CLOSED
            read = self._closed(keywords) if closed else self.store.all(self._parts(keywords, reading))
            # The schema is kept, so that no other one can get its id.
            found = self._read[key] = (keywords, read)
        return found[1]

    def read_as_it_is(self, schema: object) -> Node:
        """Read a schema without closing anything."""
        return self.read(schema, Reading.AS_IT_IS)

    def _of_dialect(self, keywords: Schema, reading: Reading) -> Node:
        """Read a schema that names its draft though it is only a part of a document."""
        dialect = keywords["$schema"]
        if draft_of(keywords) is not self.document.draft:
            return self.store.make(Opaque, f"{dialect!r} inside another draft: {json.dumps(keywords, sort_keys=True)}")
        return self.read({name: value for name, value in keywords.items() if name != "$schema"}, reading)

    def has(self, name: str) -> Node:
        """Return that the value is an object with this member."""
        return self.store.all([self.store.make(Types, frozenset({"object"})), self.store.make(Has, name)])

    def reference(self, reference: str, reading: Reading) -> Node:
        """Return what a reference stands for."""
        target = self.document.target(reference)
        if target is None:
            return self.store.make(Opaque, f"the reference {reference!r} does not lead to a place in this document")
        key = (target.key, reading)
        return self.store.lazy(key, target.name, lambda: self.read(target.schema, reading))

    def only_reference(self, keywords: Schema) -> str | None:
        """Return the reference, if that is all that a schema says."""
        found = keywords.get("$ref")
        if not isinstance(found, str):
            return None
        alone = self.document.draft <= Draft.DRAFT7 or all(name in _REMARKS or name == "$ref" for name in keywords)
        return found if alone else None

    def _closed(self, keywords: Schema) -> Node:
        reference = self.only_reference(keywords)
        if reference is not None:
            return self.reference(reference, Reading.CLOSED)
        declared = Declared(self, keywords)
        union = declared.only_union
        if union is not None:
            # Each branch is all that is said about a value that takes it, so each is closed by itself.
            beside = {name: value for name, value in keywords.items() if name != union}
            branches = as_list(keywords[union])
            parts = list(self._parts(beside, Reading.INSIDE_CLOSED))
            if union == "oneOf":
                parts.append(self._exactly_one(branches))
            parts.append(self.store.some(self.read(branch, Reading.CLOSED) for branch in branches))
            return self.store.all(parts)
        if children_overlap(self, keywords):
            # Two schemas speak of the same member. Closing each would forbid what the other one declares.
            return self.store.all([*self._parts(keywords, Reading.AS_IT_IS), declared.closing()])
        return self.store.all([*self._parts(keywords, Reading.INSIDE_CLOSED), declared.closing()])

    def _exactly_one(self, branches: object) -> Node:
        """Read the branches of a `oneOf` as they are: closing them would make more of them exclude each other."""
        parts = tuple(self.read(branch, Reading.AS_IT_IS) for branch in as_list(branches))
        return parts[0] if len(parts) == 1 else self.store.make(ExactlyOne, parts)

    def _parts(self, keywords: Schema, reading: Reading) -> Iterator[Node]:
        reference = keywords.get("$ref")
        if isinstance(reference, str):
            yield self.reference(reference, reading)
            if self.document.draft <= Draft.DRAFT7:
                return
        inside = Reading.AS_IT_IS if reading is Reading.AS_IT_IS else Reading.CLOSED
        words, store = keywords.keys(), self.store
        if not words.isdisjoint(_ANY_WORDS):
            yield from self._any_kind(keywords)
        if not words.isdisjoint(_COMBINING_WORDS):
            yield from self._combinations(keywords, reading)
        if not words.isdisjoint(_NUMBER_WORDS):
            yield store.on("number", self._number(keywords))
        if not words.isdisjoint(_STRING_WORDS):
            yield store.on("string", self._string(keywords))
        if not words.isdisjoint(_ARRAY_WORDS):
            yield store.on("array", self._array(keywords, inside))
        if not words.isdisjoint(_OBJECT_WORDS):
            yield store.on("object", self._object(keywords, inside, reading))

    def _any_kind(self, keywords: Schema) -> Iterator[Node]:
        types = keywords.get("type")
        if types is not None:
            names = frozenset([types] if isinstance(types, str) else cast(list[str], types))
            yield self.store.make(Types, names)
        if "enum" in keywords:
            yield self.store.values(as_list(keywords["enum"]))
        if "const" in keywords and self.document.draft >= Draft.DRAFT6:
            yield self.store.values([keywords["const"]])
        for name in ("$dynamicRef", "$recursiveRef"):
            if name in keywords:
                # What it leads to depends on how this place was reached.
                place = self.document.text
                yield self.store.make(Opaque, f"{name} {keywords[name]!r} in {place}")

    def _combinations(self, keywords: Schema, reading: Reading) -> Iterator[Node]:
        for part in as_list(keywords.get("allOf")):
            yield self.read(part, reading)
        if "anyOf" in keywords:
            yield self.store.some(self.read(part, reading) for part in as_list(keywords["anyOf"]))
        if "oneOf" in keywords:
            yield self._exactly_one(keywords["oneOf"])
            if reading is not Reading.AS_IT_IS:
                yield self.store.some(self.read(part, reading) for part in as_list(keywords["oneOf"]))
        if "not" in keywords:
            yield self.store.negation(self.read(keywords["not"], Reading.AS_IT_IS))
        if "if" in keywords and self.document.draft >= Draft.DRAFT7:
            condition = self.read(keywords["if"], Reading.AS_IT_IS)
            then, otherwise = (self.read(keywords.get(name, True), reading) for name in ("then", "else"))
            yield self.store.some([self.store.negation(condition), then])
            yield self.store.some([condition, otherwise])

    def _number(self, keywords: Schema) -> Iterator[Node]:
        make, negation = self.store.make, self.store.negation
        low, high = _number(keywords.get("minimum")), _number(keywords.get("maximum"))
        if low is not None:
            yield make(AtLeast, low, keywords.get("exclusiveMinimum") is True)
        if high is not None:
            yield negation(make(AtLeast, high, keywords.get("exclusiveMaximum") is not True))
        above, below = _number(keywords.get("exclusiveMinimum")), _number(keywords.get("exclusiveMaximum"))
        if above is not None:
            yield make(AtLeast, above, True)
        if below is not None:
            yield negation(make(AtLeast, below, False))
        multiple = _number(keywords.get("multipleOf"))
        if multiple is not None:
            yield make(Multiple, multiple)
        name = keywords.get("format")
        if isinstance(name, str) and not is_judged("format", name, self.document.draft):
            yield make(HasFormat, name, "remark")

    def _string(self, keywords: Schema) -> Iterator[Node]:
        yield from self._counts(MinLength, keywords, "minLength", "maxLength")
        pattern = keywords.get("pattern")
        if isinstance(pattern, str):
            yield self.store.make(Matches, pattern)
        for keyword in ("format", *_CONTENT):
            name = keywords.get(keyword)
            if isinstance(name, str):
                judged = is_judged(keyword, name, self.document.draft)
                if judged or keyword == "format":
                    yield self.store.make(HasFormat, name, keyword if judged else "remark")

    def _array(self, keywords: Schema, inside: Reading) -> Iterator[Node]:
        draft, make = self.document.draft, self.store.make
        yield from self._counts(MinItems, keywords, "minItems", "maxItems")
        items = keywords.get("items", True)
        first, others = as_list(keywords.get("prefixItems") if draft >= Draft.DRAFT2020 else None), items
        if isinstance(items, list):
            first, others = cast(list[object], items), keywords.get("additionalItems", True)
        for index, part in enumerate(first):
            yield self._item(index, self.read(part, inside))
        yield self._items_from(len(first), self.read(others, inside))
        if keywords.get("uniqueItems") is True:
            yield make(Unique)
        if "contains" in keywords and draft >= Draft.DRAFT6:
            yield from self._contains(keywords)
        if "unevaluatedItems" in keywords and draft >= Draft.DRAFT2019:
            yield self._unevaluated_items(keywords, len(first), inside)

    def _item(self, index: int, part: Node) -> Node:
        if part is NEVER:
            return self.store.negation(self.store.make(MinItems, index + 1))
        return ALWAYS if part is ALWAYS else self.store.make(ItemIs, index, part)

    def _items_from(self, index: int, part: Node) -> Node:
        if part is NEVER:
            return self.store.negation(self.store.make(MinItems, index + 1))
        return ALWAYS if part is ALWAYS else self.store.make(ItemsFrom, index, part)

    def _contains(self, keywords: Schema) -> Iterator[Node]:
        counted = self.document.draft >= Draft.DRAFT2019
        part = self.read(keywords["contains"], Reading.AS_IT_IS)
        low = _count(keywords.get("minContains")) if counted else None
        high = _count(keywords.get("maxContains")) if counted else None
        if low != 0:
            yield self.store.make(Contains, part, low or 1)
        if high is not None:
            yield self.store.negation(self.store.make(Contains, part, high + 1))

    def _unevaluated_items(self, keywords: Schema, start: int, inside: Reading) -> Node:
        if not keywords.keys().isdisjoint(_APPLIED_TO_ITEMS):
            place = json.dumps([int(self.document.draft), keywords, self.document.text], sort_keys=True, default=str)
            return self.store.make(Opaque, f"unevaluatedItems beside other applicators: {place}")
        items = keywords.get("items")
        spoken = items is not None and (not isinstance(items, list) or "additionalItems" in keywords)
        if spoken:
            return ALWAYS
        part = self.read(keywords["unevaluatedItems"], inside)
        if "contains" in keywords and self.document.draft >= Draft.DRAFT2020:
            part = self.store.some([part, self.read(keywords["contains"], Reading.AS_IT_IS)])
        return self._items_from(start, part)

    def _object(self, keywords: Schema, inside: Reading, reading: Reading) -> Iterator[Node]:
        draft, store = self.document.draft, self.store
        yield from self._counts(MinMembers, keywords, "minProperties", "maxProperties")
        for name in as_list(keywords.get("required")):
            if isinstance(name, str):
                yield store.make(Has, name)
        properties = as_object(keywords.get("properties"))
        patterns = as_object(keywords.get("patternProperties"))
        for name, part in properties.items():
            yield self.member(name, self.read(part, inside))
        for pattern, part in patterns.items():
            read = self.read(part, inside)
            if read is not ALWAYS:
                yield store.make(MatchingAre, pattern, read)
        others = self.read(keywords.get("additionalProperties", True), inside)
        if others is not ALWAYS:
            yield store.make(OthersAre, frozenset(properties), frozenset(patterns), others)
        if "propertyNames" in keywords and draft >= Draft.DRAFT6:
            names = self.read(keywords["propertyNames"], Reading.AS_IT_IS)
            if names is not ALWAYS:
                yield store.make(NamesAre, names)
        yield from self._dependencies(keywords, reading)
        if "unevaluatedProperties" in keywords and draft >= Draft.DRAFT2019:
            yield Declared(self, keywords).unevaluated(self.read(keywords["unevaluatedProperties"], inside))

    def member(self, name: str, part: Node) -> Node:
        """Return the condition on a member that may be there or not."""
        if part is NEVER:
            return self.store.negation(self.store.make(Has, name))
        return ALWAYS if part is ALWAYS else self.store.make(MemberIs, name, part)

    def _dependencies(self, keywords: Schema, reading: Reading) -> Iterator[Node]:
        # The validator keeps to the old word in the newer drafts too.
        words = ["dependencies"]
        if self.document.draft >= Draft.DRAFT2019:
            words += ["dependentRequired", "dependentSchemas"]
        for word in words:
            for name, needed in as_object(keywords.get(word)).items():
                if isinstance(needed, list):
                    names = (name for name in cast(list[object], needed) if isinstance(name, str))
                    then = self.store.all(self.store.make(Has, name) for name in names)
                else:
                    then = self.read(needed, reading)
                yield self.store.some([self.store.negation(self.store.make(Has, name)), then])

    def _counts(self, form: _Count, keywords: Schema, least: str, most: str) -> Iterator[Node]:
        low, high = _count(keywords.get(least)), _count(keywords.get(most))
        if low:
            yield self.store.make(form, low)
        if high is not None:
            yield self.store.negation(self.store.make(form, high + 1))


def _number(value: object) -> int | Fraction | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        return None
    return exact(value)


def _count(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return int(value)
