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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, cast

from temporalio.client import WorkflowHistory

from callboard_kit.agent.messages import CALL_MODEL
from callboard_kit.contract_book import EVERY, ContractBook
from callboard_kit.replaying.cleaning import cleaned
from callboard_kit.replaying.reading import as_list, as_object, parsed

_SHORTEST: Final = 4
"""Characters from which on a value is also looked for inside longer texts."""

_SAID: Final = frozenset({"user", "assistant"})
"""Roles whose words are a person's, or a model's about one."""

_NO_JSON: Final = object()


def masked(history: WorkflowHistory, book: ContractBook) -> str:
    """Return a history as JSON without sensitive values, tokens and ids.

    Args:
        history: What was recorded; its payloads must not be encrypted by a codec of the namespace.
        book: The contracts that say what is sensitive.
    """
    document = parsed(history.to_json())
    values = _Values(_sensitive(document, book))
    return json.dumps(cleaned(_replaced(document, values)), indent=1, ensure_ascii=False)


class _Values:
    """Sensitive values and what stands in for them."""

    def __init__(self, found: Iterator[object]) -> None:
        # Made anew for each history and kept nowhere: nobody can try values until a stand-in fits.
        self._secret = secrets.token_bytes(16)
        leaves = {leaf for value in found for leaf in _leaves(value) if leaf not in ("", None, True, False)}
        self._texts = {leaf: self._like(leaf) for leaf in leaves if isinstance(leaf, str)}
        self._numbers = {leaf: self._near(leaf) for leaf in leaves if isinstance(leaf, int | float)}
        longest_first = sorted((text for text in self._texts if len(text) >= _SHORTEST), key=len, reverse=True)
        self._inside = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def in_text(self, text: str) -> str:
        if text in self._texts:
            return self._texts[text]
        return self._inside.sub(lambda found: self._texts[found[0]], text) if self._inside else text

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


def _sensitive(document: Mapping[str, object], book: ContractBook) -> Iterator[object]:
    """Yield what the history holds of sensitive values."""
    operations: dict[object, tuple[str, str]] = {}
    asked: set[object] = set()
    own = ("", "")
    for entry in map(as_object, as_list(document.get("events"))):
        for name, value in entry.items():
            attributes = as_object(value)
            match name.removesuffix("EventAttributes"):
                case "workflowExecutionStarted":
                    own = _own_operation(attributes)
                    yield from _at_paths(book, own, _payloads(attributes.get("input")))
                    yield from _persons(as_object(as_object(attributes.get("header")).get("fields")).values())
                case "workflowExecutionCompleted":
                    yield from _at_paths(book, own, _payloads(attributes.get("result")))
                case "nexusOperationScheduled":
                    which = (str(attributes.get("service", "")), str(attributes.get("operation", "")))
                    operations[entry.get("eventId")] = which
                    yield from _at_paths(book, which, [attributes.get("input")])
                case "nexusOperationCompleted":
                    which = operations.get(attributes.get("scheduledEventId"), ("", ""))
                    yield from _at_paths(book, which, [attributes.get("result")])
                case "activityTaskScheduled" if as_object(attributes.get("activityType")).get("name") == CALL_MODEL:
                    asked.add(entry.get("eventId"))
                    yield from _said_to_model(_payloads(attributes.get("input")))
                case "activityTaskCompleted" if attributes.get("scheduledEventId") in asked:
                    yield from (
                        as_object(_content(each)).get("content") for each in _payloads(attributes.get("result"))
                    )
                case _:
                    pass


def _own_operation(started: Mapping[str, object]) -> tuple[str, str]:
    """Return the operation that a workflow answers, by its search attribute `CallboardOperation`."""
    fields = as_object(as_object(started.get("searchAttributes")).get("indexedFields"))
    service, _, operation = str(_content(fields.get("CallboardOperation")) or "").rpartition(".")
    return service, operation


def _at_paths(book: ContractBook, operation: tuple[str, str], payloads: Sequence[object]) -> Iterator[object]:
    contract = book.find(*operation)
    for path in contract.promise.sensitive if contract else ():
        for payload in payloads:
            yield from _at(_content(payload), path.split("."))


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
    return base64.b64encode(_written(_in_document(document, values)).encode()).decode()


def _in_document(node: object, values: _Values) -> object:
    if isinstance(node, dict):
        members = cast("dict[str, object]", node)
        return {values.in_key(name): _in_document(value, values) for name, value in members.items()}
    if isinstance(node, list):
        return [_in_document(element, values) for element in cast("list[object]", node)]
    if isinstance(node, str):
        inside = _document_in(node)
        # What a model calls, and what it hears of that, is JSON inside of a text.
        return values.in_text(node) if inside is None else _written(_in_document(inside, values))
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
    """Return the object or array that a text is; None when it is something else."""
    if not text.startswith(("{", "[")):
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None


def _written(document: object) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _payloads(value: object) -> Sequence[object]:
    return as_list(as_object(value).get("payloads"))
