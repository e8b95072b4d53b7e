"""Takes what contracts call sensitive out of a history, in a way in which the run still takes the same course.

A value is found where a contract says that a field is sensitive (inputs and results of operations and of the workflow
itself, what persons and models said, whom a call was for) and is replaced wherever it shows up again, by a stand-in of
the same shape: the same value has the same stand-in everywhere, digits stay digits and letters stay letters. What
stands in a payload that no contract describes, and nowhere else, is not found; `sealing` keeps such histories.
"""

import base64
import binascii
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import Final, cast

from temporalio.client import WorkflowHistory

from callboard_kit.agent.course import RESET
from callboard_kit.agent.messages import CALL_MODEL
from callboard_kit.contract_book import EVERY, ContractBook
from callboard_kit.replaying.cleaning import cleaned
from callboard_kit.replaying.reading import as_list, as_object, parsed

_SHORTEST: Final = 4
"""Characters from which on a value is also looked for inside longer texts."""

_SAID: Final = frozenset({"user", "assistant"})
"""Roles whose words are a person's, or a model's about one."""

_EMPTY: Final[Set[object]] = frozenset({"", None, True, False})
_NO_JSON: Final = object()
_COMPACT: Final = (",", ":")
_STYLES: Final = (_COMPACT, (", ", ": "))
"""How JSON is written in texts; one that is written otherwise is masked as any text."""


def masked(history: WorkflowHistory, book: ContractBook) -> str:
    """Return a history as JSON without sensitive values, tokens and ids.

    Args:
        history: What was recorded; its payloads must not be encrypted by a codec of the namespace.
        book: The contracts that say what is sensitive.
    """
    document = parsed(history.to_json())
    search = _Search(book)
    search.go_through(document)
    values = _Values(search.found, words=search.words)
    return json.dumps(cleaned(_replaced(document, values)), indent=1, ensure_ascii=False)


class _Values:
    """Sensitive values and what stands in for them."""

    def __init__(self, found: Iterable[object], *, words: Set[object]) -> None:
        # Made anew for each history and kept nowhere: nobody can try values until a stand-in fits.
        self._secret = secrets.token_bytes(16)
        leaves = {leaf for value in found for leaf in _leaves(value) if leaf not in _EMPTY | words}
        self._texts = {leaf: self._like(leaf) for leaf in leaves if isinstance(leaf, str)}
        self._numbers = {leaf: self._near(leaf) for leaf in leaves if isinstance(leaf, int | float)}
        # A short value means itself only where a text quotes it, as JSON does.
        quoted = {f'"{text}"': f'"{like}"' for text, like in self._texts.items() if len(text) < _SHORTEST}
        self._parts = {text: like for text, like in self._texts.items() if len(text) >= _SHORTEST} | quoted
        longest_first = sorted(self._parts, key=len, reverse=True)
        self._inside = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def in_text(self, text: str) -> str:
        if text in self._texts:
            return self._texts[text]
        return self._inside.sub(lambda found: self._parts[found[0]], text) if self._inside else text

    def in_key(self, key: str) -> str:
        # A map from ids has ids for keys, which have digits; what else is called like a value is a field's name.
        return self._texts.get(key, key) if any(character.isdigit() for character in key) else key

    def in_number(self, number: float) -> float:
        return self._numbers.get(number, number)

    def _like(self, text: str) -> str:
        noise = self._noise(text)
        return "".join(_same_kind(character, next(noise)) for character in text)

    def _near(self, number: float) -> float:
        # Between half and one and a half of what it was: a sum stays a sum, and most comparisons come out alike.
        share = 0.5 + next(self._noise(repr(number))) / 255
        return round(number * share) if isinstance(number, int) else round(number * share, 2)

    def _noise(self, text: str) -> Iterator[int]:
        block = text.encode()
        while True:
            block = hmac.new(self._secret, block, hashlib.sha256).digest()
            yield from block


def _same_kind(character: str, noise: int) -> str:
    if character.isdigit():
        return str(noise % 10)
    if not character.isalpha():
        return character
    letter = chr(ord("a") + noise % 26)
    return letter.upper() if character.isupper() else letter


class _Search:
    """Goes through a history for sensitive values."""

    def __init__(self, book: ContractBook) -> None:
        self._book = book
        self.found: list[object] = []
        self.words: set[object] = set()
        """What the contracts themselves say, and code decides by: no secrets."""

    def go_through(self, document: Mapping[str, object]) -> None:
        operations: dict[object, tuple[str, str]] = {}
        asked: set[object] = set()
        own, goal = ("", ""), list[str]()
        for entry in map(as_object, as_list(document.get("events"))):
            for name, value in entry.items():
                attributes = as_object(value)
                match name.removesuffix("EventAttributes"):
                    case "workflowExecutionStarted":
                        own = _own_operation(attributes)
                        self._look(own, _payloads(attributes.get("input")))
                        goal = [
                            leaf for leaf in _leaves(self.found) if isinstance(leaf, str) and len(leaf) >= _SHORTEST
                        ]
                        self.found += _persons(as_object(as_object(attributes.get("header")).get("fields")).values())
                    case "workflowExecutionCompleted":
                        self._look(own, _payloads(attributes.get("result")))
                    case "nexusOperationScheduled":
                        which = (str(attributes.get("service", "")), str(attributes.get("operation", "")))
                        operations[entry.get("eventId")] = which
                        self._look(which, [attributes.get("input")])
                    case "nexusOperationCompleted":
                        which = operations.get(attributes.get("scheduledEventId"), ("", ""))
                        self._look(which, [attributes.get("result")])
                    case "activityTaskScheduled" if as_object(attributes.get("activityType")).get("name") == CALL_MODEL:
                        asked.add(entry.get("eventId"))
                        said = _said_to_model(_payloads(attributes.get("input")))
                        # What code made of the goal is masked where the goal shows up in it, the rest is the code's.
                        self.found += [each for each in said if not any(part in str(each) for part in goal)]
                    case "activityTaskCompleted" if attributes.get("scheduledEventId") in asked:
                        replies = map(as_object, map(_content, _payloads(attributes.get("result"))))
                        self.found += [reply.get("content") for reply in replies]
                    case "workflowExecutionSignaled" if attributes.get("signalName") == RESET:
                        courses = map(as_object, map(_content, _payloads(attributes.get("input"))))
                        self.found += [course.get("by") for course in courses]
                    case _:
                        pass

    def _look(self, operation: tuple[str, str], payloads: Sequence[object]) -> None:
        contract = self._book.find(*operation)
        if contract is None:
            return
        self.words.update(_words(contract.description.input), _words(contract.description.output))
        for path in contract.promise.sensitive:
            for payload in payloads:
                self.found += _at(_content(payload), path.split("."))


def _own_operation(started: Mapping[str, object]) -> tuple[str, str]:
    """Return the operation that a workflow answers, by its search attribute `CallboardOperation`."""
    fields = as_object(as_object(started.get("searchAttributes")).get("indexedFields"))
    service, _, operation = str(_content(fields.get("CallboardOperation")) or "").rpartition(".")
    return service, operation


def _words(schema: object) -> Iterator[object]:
    """Yield the values that a schema itself names."""
    if isinstance(schema, dict):
        members = cast("dict[str, object]", schema)
        yield from (word for word in (*as_list(members.get("enum")), members.get("const")) if isinstance(word, str))
        for member in members.values():
            yield from _words(member)
    elif isinstance(schema, list):
        for element in cast("list[object]", schema):
            yield from _words(element)


def _at(node: object, path: Sequence[str]) -> Iterator[object]:
    if isinstance(node, list):
        for element in cast("list[object]", node):
            yield from _at(element, path)
    elif not path:
        yield node
    elif isinstance(node, dict):
        members = cast("dict[str, object]", node)
        for name in list(members) if path[0] == EVERY else [path[0]]:
            yield from _at(members.get(name), path[1:])


def _persons(headers: Iterable[object]) -> Iterator[object]:
    return (as_object(_content(header)).get("person") for header in headers)


def _said_to_model(payloads: Sequence[object]) -> Iterator[object]:
    for payload in payloads:
        for message in map(as_object, as_list(as_object(_content(payload)).get("messages"))):
            if message.get("role") in _SAID:
                yield message.get("content")


def _leaves(value: object) -> Iterator[str | float | None]:
    """Yield the texts and numbers in a value."""
    if isinstance(value, dict):
        for member in cast("dict[str, object]", value).values():
            yield from _leaves(member)
    elif isinstance(value, list):
        for element in cast("list[object]", value):
            yield from _leaves(element)
    elif isinstance(value, str | int | float):
        yield value


def _replaced(node: object, values: _Values) -> object:
    if isinstance(node, dict):
        members = cast("dict[str, object]", node)
        if "metadata" in members and isinstance(members.get("data"), str):
            return {**members, "data": _in_payload(str(members["data"]), values)}
        return {name: _replaced(value, values) for name, value in members.items()}
    if isinstance(node, list):
        return [_replaced(element, values) for element in cast("list[object]", node)]
    # Outside of payloads only texts can quote a value: messages of failures, summaries, ids.
    return values.in_text(node) if isinstance(node, str) and len(node) >= _SHORTEST else node


def _in_payload(data: str, values: _Values) -> str:
    document = _decoded(data)
    if document is _NO_JSON:
        return data
    return base64.b64encode(_written(_in_document(document, values), _COMPACT).encode()).decode()


def _in_document(node: object, values: _Values) -> object:
    if isinstance(node, dict):
        members = cast("dict[str, object]", node)
        return {values.in_key(name): _in_document(value, values) for name, value in members.items()}
    if isinstance(node, list):
        return [_in_document(element, values) for element in cast("list[object]", node)]
    if isinstance(node, str):
        # What a model calls, and what it hears of that, is JSON inside of a text.
        for separators in _STYLES if node.startswith(("{", "[")) else ():
            inside = _document_in(node)
            if _written(inside, separators) == node:
                return _written(_in_document(inside, values), separators)
        return values.in_text(node)
    return values.in_number(node) if isinstance(node, int | float) and not isinstance(node, bool) else node


def _content(payload: object) -> object:
    document = _decoded(str(as_object(payload).get("data", "")))
    return None if document is _NO_JSON else document


def _decoded(data: str) -> object:
    try:
        return json.loads(base64.b64decode(data, validate=True))
    except (binascii.Error, ValueError):
        return _NO_JSON


def _document_in(text: str) -> object:
    """Return the document that a text is; None when it is something else."""
    try:
        return json.loads(text)
    except ValueError:
        return None


def _written(document: object, separators: tuple[str, str]) -> str:
    return json.dumps(document, ensure_ascii=False, separators=separators)


def _payloads(value: object) -> Sequence[object]:
    return as_list(as_object(value).get("payloads"))
