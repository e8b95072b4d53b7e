"""Puts the types of many schemas into one set of definitions, each under a name of its own."""

import json
from collections.abc import Mapping
from typing import Final

from callboard.interchange.naming import type_key, type_name
from callboard.interchange.schemas import Schema, as_schema, mapping, rebuilt, references

_LOCAL: Final = "#/$defs/"


class Pool:
    """Definitions by name. Types that are the same share one; types of one name that differ get names that differ."""

    def __init__(self, prefix: str = _LOCAL, *, taken: frozenset[str] = frozenset()) -> None:
        """Start with none.

        Args:
            prefix: What a reference to a definition begins with.
            taken: Names that no definition may have.
        """
        self._prefix = prefix
        self._taken = taken
        self._same: dict[str, str] = {}
        self.definitions: dict[str, Schema] = {}

    def add(self, schema: Mapping[str, object], *, name: str) -> Schema:
        """Add a schema, complete in itself, with all its definitions, and return a reference to it.

        Args:
            schema: Its title names it, where it has one.
            name: What to call it otherwise; the definitions that need another name get this before their own.
        """
        local = {
            key: found for key, value in mapping(schema, "$defs").items() if (found := as_schema(value)) is not None
        }
        root = {keyword: value for keyword, value in schema.items() if keyword not in ("$defs", "$schema")}
        if set(root) == {"$ref"}:
            return {"$ref": self._put(str(root["$ref"]).removeprefix(_LOCAL), local, owner=name)}
        title = root.get("title")
        own = type_name(title) if isinstance(title, str) else ""
        if own and own == title and _untitled(local.get(own, {})) == _untitled(root):
            return {"$ref": self._put(own, local, owner=name)}  # a type that refers to itself
        if own != title or own in local:
            own = name
        local[own] = root
        return {"$ref": self._put(own, local, owner=name)}

    def _put(self, name: str, local: Mapping[str, Schema], *, owner: str) -> str:
        if name not in local:
            return _LOCAL + name  # refers to nothing; whoever reads the result will say so
        known = self._same.get(signature := _signature(name, local))
        if known is None:
            known = self._free(type_key(name) or "Type", type_name(owner))
            self._same[signature] = known
            self.definitions[known] = {}  # it may refer to itself
            made = self._moved(local[name], local, owner=owner)
            if made.get("title") in (name, known):
                del made["title"]
            self.definitions[known] = made
        return self._prefix + known

    def _moved(self, schema: Schema, local: Mapping[str, Schema], *, owner: str) -> Schema:
        def inside(part: object) -> object:
            inner = as_schema(part)
            return part if inner is None else self._moved(inner, local, owner=owner)

        moved = rebuilt(schema, inside)
        if isinstance(reference := schema.get("$ref"), str) and reference.startswith(_LOCAL):
            moved["$ref"] = self._put(reference.removeprefix(_LOCAL), local, owner=owner)
        hint = as_schema(schema.get("discriminator"))
        if hint is not None and "mapping" in hint:
            names = {tag: str(to).removeprefix(_LOCAL) for tag, to in mapping(hint, "mapping").items()}
            led = {tag: self._put(name, local, owner=owner) for tag, name in names.items()}
            moved["discriminator"] = {**hint, "mapping": led}
        return moved

    def _free(self, name: str, owner: str) -> str:
        number, free = 1, name
        while free in self._taken or free in self.definitions:
            free = f"{owner}{name}" if number == 1 else f"{owner}{name}{number}"
            number += 1
        return free


def _untitled(schema: Schema) -> Schema:
    return {keyword: value for keyword, value in schema.items() if keyword != "title"}


def _signature(name: str, local: Mapping[str, Schema]) -> str:
    """Return what is equal exactly for types of one name that are the same, whatever else their schemas define."""
    reached: dict[str, Schema] = {}
    waiting = [name]
    while waiting:
        here = waiting.pop()
        if here in local and here not in reached:
            reached[here] = local[here]
            waiting.extend(reference.removeprefix(_LOCAL) for reference in references(local[here]))
    return json.dumps([name, reached], sort_keys=True)
