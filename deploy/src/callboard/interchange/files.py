"""A contract file and the schema files that it refers to, read from disk when they are asked for.

Only files in the folder of the contract file and below it are read: a file that was written elsewhere must not be able
to publish what else lies on this machine.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, cast
from urllib.parse import unquote

from callboard.interchange.schemas import Schema, as_schema, everywhere, mapping, unescaped
from callboard.interchange.text import DocumentError, read_document
from callboard.interchange.wording import Target

_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


class Files:
    """The documents that belong to one contract."""

    def __init__(self, contract: Path) -> None:
        """Read the contract file itself.

        Raises:
            DocumentError: It holds no object.
            OSError: It cannot be read.
        """
        self.contract = contract.resolve()
        self._read: dict[Path, dict[str, object]] = {}
        self.document(self.contract)

    def document(self, path: Path) -> dict[str, object]:
        """Return the whole of a file.

        Raises:
            DocumentError: It holds no object.
            OSError: It cannot be read.
        """
        if path not in self._read:
            self._read[path] = read_document(path)
        return self._read[path]

    def place(self, reference: str, at: Path) -> tuple[Path, str]:
        """Return the file and the JSON pointer that a reference in the file `at` leads to.

        Raises:
            DocumentError: It leads out of the contract's folder.
        """
        file, _, pointer = reference.partition("#")
        if _SCHEME.match(file):
            raise DocumentError(f"{self.name(at)} refers to {reference!r}; refer to files beside the contract only")
        path = (at.parent / unquote(file)).resolve() if file else at
        if not path.is_relative_to(self.contract.parent):
            raise DocumentError(f"{self.name(at)} refers to {reference!r}, which is outside of the contract's folder")
        return path, unquote(pointer)

    def schema(self, path: Path, pointer: str, *, reference: str = "") -> Schema:
        """Return the schema at a JSON pointer in a file.

        Raises:
            DocumentError: There is none.
        """
        said = reference or f"{self.name(path)}#{pointer}"
        try:
            here: object = self.document(path)
        except OSError as error:
            raise DocumentError(f"{said!r} cannot be read: {error.strerror or error}") from error
        if pointer and not pointer.startswith("/"):
            raise DocumentError(f"{said!r} names an anchor; refer to '#/$defs/…'")
        for token in pointer.split("/")[1:]:
            inner = as_schema(here)
            if inner is not None and unescaped(token) in inner:
                here = inner[unescaped(token)]
            elif isinstance(here, list) and token.isdecimal() and int(token) < len(cast(list[object], here)):
                here = cast(list[object], here)[int(token)]
            else:
                raise DocumentError(f"{said!r} leads nowhere; define it in $defs")
        found = as_schema(here)
        if found is None or (not pointer and "nexusrpc" in found):
            raise DocumentError(f"{said!r} is no schema of one type; refer to '#/$defs/…'")
        if not pointer:
            return {keyword: value for keyword, value in found.items() if keyword != "$defs"}
        return found

    def target(self, at: Path) -> Target:
        """Return what finds the target of a reference in the file `at`, or nothing."""

        def find(reference: str) -> Schema | None:
            try:
                return self.schema(*self.place(reference, at))
            except DocumentError:
                return None

        return find

    def closure(self) -> dict[str, Path]:
        """Return every file that the contract needs, by the name it has from there; the contract is first.

        Raises:
            DocumentError: One cannot be read.
        """
        found: dict[str, Path] = {}
        waiting = [self.contract]
        while waiting:
            path = waiting.pop(0)
            if self.name(path) in found:
                continue
            found[self.name(path)] = path
            for reference in _references(self.document(path)):
                there, pointer = self.place(reference, path)
                self.schema(there, pointer, reference=reference)
                waiting.append(there)
        return found

    def name(self, path: Path) -> str:
        """Return how a file is called from the contract's folder."""
        return str(path.relative_to(self.contract.parent)) if path.is_relative_to(self.contract.parent) else str(path)


def _references(document: Mapping[str, object]) -> list[str]:
    schemas: list[object] = []
    for service in mapping(document, "services").values():
        for operation in mapping(as_schema(service) or {}, "operations").values():
            sides = as_schema(operation) or {}
            schemas += [sides.get("input"), sides.get("output")]
    schemas.append({keyword: value for keyword, value in document.items() if keyword != "services"})
    return [
        reference
        for schema in schemas
        for _, found in everywhere(schema)
        if isinstance(reference := found.get("$ref"), str)
    ]
