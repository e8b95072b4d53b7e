"""What somebody wrote into a form, as the value that it stands for, held against the schema."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, cast

import jsonschema_rs

from callboard_registry.console.trying.fields import MOST_ENTRIES, Field, Form, Schema, pointer_of, resolved, steps

PREFIX: Final = "v"
"""What the names of a form's own fields begin with; the pointer follows."""

DEEPEST_JSON: Final = 100
"""How deep what is written as JSON may be nested."""

_MOST_FAULTS: Final = 50


@dataclass(frozen=True)
class Read:
    """A value, and what is wrong with it."""

    value: object
    wrong: Mapping[str, str] = field(default_factory=dict[str, str])
    """By pointer; the first fault of each."""

    typed: Mapping[str, str] = field(default_factory=dict[str, str])
    """Texts that are no values, by pointer."""


def read_form(schema: Schema, sent: Mapping[str, Sequence[str]]) -> Read:
    """Return what a form says. An empty field is an absent value where that will do."""
    reading = _Reading(schema, {name[len(PREFIX) :]: values[-1] for name, values in sent.items() if name[:1] == PREFIX})
    value = reading.value(schema, "", required=True)
    return Read({} if value is _ABSENT else value, reading.wrong, reading.typed)


def read_json(text: str) -> Read:
    """Return what JSON says."""
    try:
        return Read(_loaded(text))
    except ValueError as error:
        return Read(None, {"": f"this is no JSON: {error}"}, {"": text})


def checked(schema: Schema, read: Read) -> Read:
    """Return the same with what the schema says against it."""
    wrong = dict(read.wrong)
    if "" in wrong and "" in read.typed:
        return read
    for number, fault in enumerate(jsonschema_rs.Draft202012Validator(dict(schema)).iter_errors(read.value)):
        if number >= _MOST_FAULTS:
            break
        path, message = list(fault.instance_path), fault.message
        if isinstance(fault.kind, jsonschema_rs.ValidationErrorKind.Required):
            # It is told where the value would stand.
            path, message = [*path, fault.kind.property], "this is needed"
        wrong.setdefault(pointer_of(path), message)
    return Read(read.value, wrong, read.typed)


def with_entry(schema: Schema, value: object, pointer: str) -> object:
    """Return `value` with one more entry in the list at `pointer`."""
    return _changed(value, steps(pointer), lambda entries: [*entries, Form(schema).blank(pointer)])


def without_entry(value: object, pointer: str) -> object:
    """Return `value` without the entry at `pointer`."""
    *above, last = steps(pointer)
    place = int(last) if last.isdigit() else -1
    return _changed(value, above, lambda entries: [each for at, each in enumerate(entries) if at != place])


def all_faults(root: Field) -> list[Field]:
    """Return the fields that something is wrong with, in the order of the page."""
    return [*([root] if root.wrong else []), *(found for each in root.fields for found in all_faults(each))]


_ABSENT: Final = object()


class _Reading:
    def __init__(self, root: Schema, sent: Mapping[str, str]) -> None:
        self._root = root
        self._sent = sent
        self.wrong: dict[str, str] = {}
        self.typed: dict[str, str] = {}

    def value(self, schema: Schema, pointer: str, *, required: bool) -> object:
        if pointer in self._sent:
            return self._written(schema, pointer, self._sent[pointer], required=required)
        schema, nullable = resolved(schema, self._root)
        below = f"{pointer}/"
        if not any(name.startswith(below) for name in self._sent):
            return _ABSENT
        if schema.get("type") == "array":
            return self._entries(schema, below, required=required and not nullable)
        return self._members(schema, below, required=required and not nullable)

    def _members(self, schema: Schema, below: str, *, required: bool) -> object:
        needed = set(cast("Sequence[str]", schema.get("required", ())))
        members = cast("Mapping[str, Schema]", schema.get("properties", {}))
        found = {
            name: value
            for name, member in members.items()
            if (value := self.value(member, pointer_of([*steps(below[:-1]), name]), required=name in needed))
            is not _ABSENT
        }
        # What is there in any case, and what was left empty, says nothing about whether somebody wanted it.
        fixed = {below + name for name, member in members.items() if "const" in resolved(member, self._root)[0]}
        wanted = any(text.strip() for name, text in self._sent.items() if name.startswith(below) and name not in fixed)
        return found if required or wanted else _ABSENT

    def _entries(self, schema: Schema, below: str, *, required: bool) -> object:
        places = {name[len(below) :].partition("/")[0] for name in self._sent if name.startswith(below)}
        numbers = sorted(int(place) for place in places if place.isdigit() and int(place) < MOST_ENTRIES)
        entries = cast(Schema, schema.get("items", {}))
        read = [(number, self.value(entries, f"{below}{number}", required=False)) for number in numbers]
        kept = [value for _, value in read if value is not _ABSENT]
        return kept if required or kept else _ABSENT

    def _written(self, schema: Schema, pointer: str, text: str, *, required: bool) -> object:
        schema, nullable = resolved(schema, self._root)
        if "const" in schema:
            return schema["const"]
        kind = schema.get("type")
        if kind == "string" and "enum" not in schema:
            return _ABSENT if not text and (not required or nullable) else text.replace("\r\n", "\n")
        if not text.strip():
            return _ABSENT
        try:
            return _loaded(text)
        except ValueError:
            what = {"integer": "a whole number", "number": "a number"}.get(str(kind), "JSON")
            self.wrong[pointer] = f"{text[:50]!r} is not {what}"
            self.typed[pointer] = text
            return _ABSENT


def _loaded(text: str) -> object:
    """Return what JSON says.

    Raises:
        ValueError: It is none, or is nested too deeply, or holds what is no number or no character.
    """
    try:
        value: object = json.loads(text, parse_constant=_no_number)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    level = [value]
    for _ in range(DEEPEST_JSON):
        level = [below for each in level for below in _below(each)]
    if level:
        raise ValueError(f"it is nested more than {DEEPEST_JSON} deep")
    # Half of a character, which JSON may hold, is none that can be sent or shown.
    json.dumps(value, ensure_ascii=False).encode()
    return value


def _below(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return cast("dict[str, object]", value).values()
    return cast("list[object]", value) if isinstance(value, list) else ()


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _changed(value: object, path: Sequence[str], change: Callable[[list[object]], list[object]]) -> object:
    if not path:
        return change(cast("list[object]", value) if isinstance(value, list) else [])
    step, *rest = path
    if isinstance(value, list):
        entries = cast("list[object]", value)
        return [_changed(each, rest, change) if str(at) == step else each for at, each in enumerate(entries)]
    held = cast("dict[str, object]", value) if isinstance(value, dict) else {}
    return {**held, step: _changed(held.get(step), rest, change)}
