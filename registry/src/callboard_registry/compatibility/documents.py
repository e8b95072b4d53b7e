"""A schema as a document: its draft, and what a reference in it leads to."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import Final, cast
from urllib.parse import unquote

Schema = Mapping[str, object]


class Draft(IntEnum):
    """A version of JSON Schema, by the number that jsonschema-rs has for it."""

    DRAFT4 = 4
    DRAFT6 = 6
    DRAFT7 = 7
    DRAFT2019 = 19
    DRAFT2020 = 20


DRAFT_NAMES: Final = {
    "draft4": Draft.DRAFT4,
    "draft6": Draft.DRAFT6,
    "draft7": Draft.DRAFT7,
    "draft2019-09": Draft.DRAFT2019,
    "draft2020-12": Draft.DRAFT2020,
}
"""Drafts by the names that people have for them."""

_DIALECTS: Final = {
    "json-schema.org/draft-04/schema": Draft.DRAFT4,
    "json-schema.org/draft-06/schema": Draft.DRAFT6,
    "json-schema.org/draft-07/schema": Draft.DRAFT7,
    "json-schema.org/draft/2019-09/schema": Draft.DRAFT2019,
    "json-schema.org/draft/2020-12/schema": Draft.DRAFT2020,
}

_DATA: Final = frozenset({"const", "enum", "default", "examples", "example"})
"""Keywords whose content is no schema, whatever it looks like."""


class SchemaError(Exception):
    """This is no JSON Schema of the draft that it is meant to be; the message says why."""


def draft_of(schema: object) -> Draft:
    """Return the draft that a schema names, or else the newest one that its keywords have this form in.

    Raises:
        SchemaError: It names a draft that is not known here.
    """
    root = as_object(schema)
    guess = Draft.DRAFT7 if "definitions" in root and "$defs" not in root else Draft.DRAFT2020
    for keywords in _objects(schema):
        named = keywords.get("$schema")
        if isinstance(named, str):
            return _named(named)
        if any(isinstance(keywords.get(bound), bool) for bound in ("exclusiveMinimum", "exclusiveMaximum")):
            return Draft.DRAFT4
        if isinstance(keywords.get("items"), list) or "additionalItems" in keywords:
            guess = Draft.DRAFT7
    return guess


def names_draft(schema: object) -> bool:
    """Tell whether a schema says itself which draft it is of."""
    return isinstance(as_object(schema).get("$schema"), str)


def _named(dialect: str) -> Draft:
    name = dialect.partition("://")[2].rstrip("#")
    if name not in _DIALECTS:
        raise SchemaError(f"$schema is {dialect!r}, which is none of {', '.join(_DIALECTS)}")
    return _DIALECTS[name]


def _objects(value: object) -> Iterator[Schema]:
    if isinstance(value, dict):
        members = cast(Schema, value)
        yield members
        for name, member in members.items():
            if name not in _DATA:
                yield from _objects(member)
    elif isinstance(value, list):
        for item in cast(list[object], value):
            yield from _objects(item)


@dataclass(frozen=True)
class Target:
    """What a reference leads to. Two targets with the same key mean the same, wherever they stand."""

    name: str
    schema: object
    key: str


class Document:
    """A whole schema, in which references are looked up."""

    def __init__(self, schema: object, draft: Draft | None = None) -> None:
        self.schema = schema
        self.draft: Final = draft_of(schema) if draft is None else draft
        self._targets: dict[str, Target | None] = {}

    @cached_property
    def text(self) -> str:
        """The schema as text, the same for the same schema."""
        return json.dumps(self.schema, sort_keys=True, default=str)

    def target(self, reference: str) -> Target | None:
        """Return what a reference leads to, or `None` if that is not within this document."""
        if reference not in self._targets:
            found = self._find(reference)
            self._targets[reference] = None if found is None else Target(reference, *found)
        return self._targets[reference]

    def _find(self, reference: str) -> tuple[object, str] | None:
        if self._has_resources:
            # Inside an embedded resource the same words lead somewhere else.
            return None
        fragment = self._fragment(reference)
        found = None if fragment is None else self._at(fragment)
        return None if found is None else (found, self._meaning(reference, found))

    def _fragment(self, reference: str) -> str | None:
        base, mark, fragment = reference.partition("#")
        if base and base != self._own_id:
            return None
        return fragment if mark else ""

    def _at(self, fragment: str) -> object:
        if not fragment:
            return self.schema
        if not fragment.startswith("/"):
            return self._anchors.get(fragment)
        found = self.schema
        for part in fragment[1:].split("/"):
            step = unquote(part).replace("~1", "/").replace("~0", "~")
            if isinstance(found, dict) and step in found:
                found = cast(Schema, found)[step]
            elif isinstance(found, list) and step.isdecimal() and int(step) < len(cast(list[object], found)):
                found = cast(list[object], found)[int(step)]
            else:
                return None
        return found

    def _meaning(self, reference: str, found: object) -> str:
        """Return a text that is the same for two targets only if they, and all they refer to, are."""
        written: dict[str, str] = {}
        pending = [(reference, found)]
        while pending:
            name, schema = pending.pop()
            if name in written:
                continue
            written[name] = json.dumps(schema, sort_keys=True, default=str)
            for keywords in _objects(schema):
                other = keywords.get("$ref")
                if isinstance(other, str) and other not in written:
                    fragment = self._fragment(other)
                    target = None if fragment is None else self._at(fragment)
                    if target is not None:
                        pending.append((other, target))
        # What a dynamic reference leads to may depend on the whole document.
        whole = self.text if "$dynamicRef" in self.text or "$recursiveRef" in self.text else ""
        return json.dumps([int(self.draft), reference, sorted(written.items()), whole])

    @cached_property
    def _own_id(self) -> str | None:
        if not isinstance(self.schema, dict):
            return None
        found = cast(Schema, self.schema).get("id" if self.draft is Draft.DRAFT4 else "$id")
        return found.rstrip("#") if isinstance(found, str) else None

    @cached_property
    def _anchors(self) -> dict[str, object]:
        found: dict[str, object] = {}
        word = "id" if self.draft is Draft.DRAFT4 else "$id"
        for keywords in _objects(self.schema):
            if self.draft >= Draft.DRAFT2019:
                name = keywords.get("$anchor")
                if isinstance(name, str):
                    found[name] = keywords
            else:
                name = keywords.get(word)
                if isinstance(name, str) and name.startswith("#"):
                    found[name[1:]] = keywords
        return found

    @cached_property
    def _has_resources(self) -> bool:
        word = "id" if self.draft is Draft.DRAFT4 else "$id"
        for keywords in _objects(self.schema):
            name = keywords.get(word)
            if keywords is not self.schema and isinstance(name, str) and not name.startswith("#"):
                return True
        return False


def as_list(value: object) -> Sequence[object]:
    """Return a JSON array as a sequence, and anything else as an empty one."""
    return cast(Sequence[object], value) if isinstance(value, (list, tuple)) else ()


def as_object(value: object) -> Schema:
    """Return a JSON object as a mapping, and anything else as an empty one."""
    return cast(Schema, value) if isinstance(value, dict) else {}
