"""Makes schemas complete in themselves: what they refer to, in whatever file, comes into their own `$defs`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from callboard.interchange.files import Files
from callboard.interchange.naming import type_key, type_name
from callboard.interchange.remarks import without_remarks
from callboard.interchange.schemas import DIALECT, Schema, as_schema, mapping, rebuilt, sequence, unescaped
from callboard.interchange.text import DocumentError

_OVERRIDES: Final = ("x-ts-name", "x-py-name", "x-java-name", "x-go-name")
_ELSEWHERE: Final = frozenset({"$id", "$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef", "$vocabulary"})


class Bundler:
    """Bundles the schemas of one contract; a definition has the same name in all of them."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._names: dict[tuple[Path, str], str] = {}

    def bundled(self, schema: Schema) -> Schema:
        """Return a schema of the contract file, complete in itself, with the members of its type at the top.

        Raises:
            DocumentError: It refers to nothing, or to what must not be read, or is no schema.
        """
        at, title = self._files.contract, ""
        seen: set[tuple[Path, str]] = set()
        while isinstance(reference := schema.get("$ref"), str) and not _says_more(schema):
            place = self._files.place(reference, at)
            if place in seen:
                raise DocumentError(f"{reference!r} stands for itself only")
            seen.add(place)
            schema, at, title = self._files.schema(*place, reference=reference), place[0], self._name(place)
        needed: dict[str, Schema] = {}
        root = self._moved(schema, at, needed)
        if title:
            root = {**root, "title": title}
        definitions = {name: needed[name] for name in sorted(needed)}
        return {"$schema": DIALECT, **({"$defs": definitions} if definitions else {}), **root}

    def _moved(self, schema: Schema, at: Path, needed: dict[str, Schema]) -> Schema:
        """Return a schema with its references led to `$defs`, and note there what it needs."""
        strange = next((keyword for keyword in schema if keyword in _ELSEWHERE), None)
        if strange is not None:
            raise DocumentError(f"{self._files.name(at)} has {strange!r} in a schema; refer with '$ref' into '$defs'")

        def inside(part: object) -> object:
            inner = as_schema(part)
            if inner is not None:
                return self._moved(inner, at, needed)
            if not isinstance(part, bool):
                raise DocumentError(f"{self._files.name(at)} has {part!r:.40} in the place of a schema")
            return part

        kept = {
            keyword: value
            for keyword, value in without_remarks(schema).items()
            if keyword not in ("$schema", "$defs") and not keyword.startswith("x-")
        }
        if "oneOf" in kept:
            kept["oneOf"] = [_titled(branch) for branch in sequence(kept, "oneOf")]
        moved = rebuilt(kept, inside)
        if isinstance(reference := kept.get("$ref"), str):
            place = self._files.place(reference, at)
            target = self._files.schema(*place, reference=reference)
            name = self._name(place)
            if name not in needed:
                needed[name] = {}  # it may refer to itself
                needed[name] = self._moved(target, place[0], needed)
            moved["$ref"] = f"#/$defs/{name}"
        return moved

    def _name(self, place: tuple[Path, str]) -> str:
        if place not in self._names:
            path, pointer = place
            last = unescaped(pointer.rpartition("/")[2]) if pointer else path.name.partition(".")[0]
            name = type_key(last) if pointer else type_name(last)
            number, free = 1, name or "Type"
            while free in self._names.values():
                number += 1
                free = f"{name or 'Type'}{number}"
            self._names[place] = free
        return self._names[place]


def _says_more(schema: Mapping[str, object]) -> bool:
    """Whether a reference has something beside it that counts."""
    return any(keyword != "$ref" and not keyword.startswith("x-") for keyword in schema)


def _titled(branch: object) -> object:
    """Keep the name that an object in a union has in code: nothing else names it."""
    schema = as_schema(branch)
    if schema is None or "title" in schema or not mapping(schema, "properties"):
        return branch
    name = next((schema[word] for word in _OVERRIDES if word in schema), None)
    return schema if name is None else {**schema, "title": name}
