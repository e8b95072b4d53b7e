"""Keeps what contracts call sensitive out of stories: as a field it is masked, and where a text quotes it, its class.

Free text (the class `words`) is no field that can be masked without hiding what happened at all. It is kept apart, with
the sensitive values that are known taken out, for those who may read it.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, cast

from callboard_contracts import Promise
from callboard_registry.audit.knowledge import Knowledge

LONGEST: Final = 16_000
"""Characters of a text that are kept."""

WORDS: Final = "words"
"""The class of data that is free text."""

NOT_SHOWN: Final = "[not shown: no contract says what in it is sensitive]"

_EVERY: Final = "*"
_SHORTEST: Final = 3
_TOOL: Final = re.compile(r"(.+)_(v\d+)__(.+)")


class Curtain:
    """What of one run may be seen. It learns sensitive values from every document that it is shown."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge
        self._values: dict[str, str] = {}

    def promise(self, service: str, operation: str) -> Promise | None:
        """Return what an operation promises; None for one that nobody published."""
        return self._knowledge.promise(service, operation)

    def promise_of_tool(self, name: str) -> Promise | None:
        """Return what the operation promises that a model knows as `name`."""
        found = _TOOL.fullmatch(name)
        return None if found is None else self.promise(f"{found[1]}.{found[2]}", found[3])

    def learn(self, promise: Promise | None, data: bytes | str) -> None:
        """Remember the sensitive values in a document."""
        if promise is None or not promise.sensitive or not data:
            return
        document = _read(data)
        for path, kind in promise.sensitive.items():
            if kind == WORDS:
                continue
            for node in _at(document, path.split(".")):
                for value in _leaves(node):
                    if len(value) >= _SHORTEST:
                        self._values[value] = kind

    def document(self, promise: Promise | None, data: bytes | str) -> dict[str, str]:
        """Return a document as everybody may see it (`shown`), and those who may read words (`open`, if it differs)."""
        if not data:
            return {}
        if promise is None:
            return {"shown": NOT_SHOWN}
        document = _read(data)
        if document is None:
            return {"shown": "[cannot be read here: it is encrypted, or no JSON]"}
        fields = [(path, kind) for path, kind in promise.sensitive.items() if kind != WORDS]
        worded = [(path, kind) for path, kind in promise.sensitive.items() if kind == WORDS]
        for path, kind in fields:
            _mask(document, path.split("."), f"[masked: {kind}]")
        opened = self.text(json.dumps(document, ensure_ascii=False, indent=1))
        for path, kind in worded:
            _mask(document, path.split("."), f"[masked: {kind}]")
        shown = self.text(json.dumps(document, ensure_ascii=False, indent=1))
        return {"shown": shown} if shown == opened else {"shown": shown, "open": opened}

    def text(self, text: str) -> str:
        """Return a text without the sensitive values that are known, and not longer than is kept."""
        # The longest first: one value may be part of another. A short one is not looked for within words and numbers.
        for value in sorted(self._values, key=len, reverse=True):
            if value in text:
                note = f"({self._values[value]})"
                text = re.sub(rf"(?<![\w#]){re.escape(value)}(?!\w)", lambda _, note=note: note, text)
        return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text):,} characters in all)"


def _read(data: bytes | str) -> object:
    try:
        return cast(object, json.loads(data))
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
        for name in members if path[0] == _EVERY else [path[0]]:
            yield from _at(members.get(name), path[1:])


def _mask(node: object, path: Sequence[str], note: str) -> None:
    if isinstance(node, list):
        for element in cast("list[object]", node):
            _mask(element, path, note)
    elif isinstance(node, dict):
        members = cast("dict[str, object]", node)
        for name in [each for each in members if path[0] in (each, _EVERY)]:
            if len(path) == 1:
                members[name] = note if members[name] is not None else None
            else:
                _mask(members[name], path[1:], note)


def _leaves(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        for value in cast("dict[str, object]", node).values():
            yield from _leaves(value)
    elif isinstance(node, list):
        for value in cast("list[object]", node):
            yield from _leaves(value)
    elif isinstance(node, str):
        yield node
    elif isinstance(node, int | float) and not isinstance(node, bool):
        yield str(node)
