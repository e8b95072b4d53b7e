"""Documents as text: JSON and the part of YAML that says the same, read with suspicion.

YAML is read as version 1.2 means it (`no`, `on` and dates are strings), because the tools of other languages do. What
JSON cannot say is refused: anchors that are used, tags, keys that are no strings, the same key twice.
"""

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, cast

import yaml

LARGEST: Final = 1024 * 1024
"""Bytes that a document may have."""

DEEPEST: Final = 100
"""Levels that a document may be nested."""

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")

_VERSION: Final = re.compile(r"[0-9]+(?:\.[0-9]+)+")

_RARE_ENDS: Final = re.compile("[\x85\u2028\u2029]")
"""Ends of lines to one version of YAML, and letters like any other to the next."""

_NULL: Final = re.compile(r"~|null|Null|NULL|")
_BOOL: Final = re.compile(r"true|True|TRUE|false|False|FALSE")
_INTEGER: Final = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_NUMBER: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NO_NUMBER: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")


class DocumentError(ValueError):
    """A document that cannot be read; the message says where and why."""


def read_document(path: Path) -> dict[str, object]:
    """Read a JSON or YAML file that holds one object.

    Raises:
        DocumentError: It holds something else, or is too large.
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise DocumentError(f"{str(path)!r} is larger than {LARGEST} bytes; split it")
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise DocumentError(f"{str(path)!r} is not UTF-8 text") from error
    return parse(text, source=repr(str(path)), as_json=path.suffix == ".json")


def parse(text: str, *, source: str, as_json: bool = False) -> dict[str, object]:
    """Read one object from YAML, or from JSON.

    Raises:
        DocumentError: There is something else, or the text is wrong; `source` says what it was.
    """
    try:
        value = _from_json(text) if as_json else _from_yaml(text)
    except (ValueError, yaml.YAMLError) as error:
        raise DocumentError(f"{source} cannot be read: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise DocumentError(f"{source} cannot be read: it is nested too deep") from error
    if not isinstance(value, dict):
        raise DocumentError(f"{source} holds no object, but {value!r:.40}")
    return cast(dict[str, object], value)


def as_json(document: object) -> str:
    """Write a document as JSON for people to read."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def as_yaml(document: object) -> str:
    """Write a document as YAML that versions 1.1 and 1.2 read alike, members in the order that they have."""
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


def printable(text: str) -> str:
    """Return the text without control characters, except for the ends of its lines."""
    return _CONTROL.sub(" ", text).strip()


def _from_json(text: str) -> object:
    def members(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError("an object has the same member twice")
        return found

    def constant(name: str) -> object:
        raise ValueError(f"{name} is no JSON")

    value: object = json.loads(text, object_pairs_hook=members, parse_constant=constant)
    _require_shallow(value, 0)
    return value


def _require_shallow(value: object, depth: int) -> None:
    if depth > DEEPEST:
        raise ValueError(f"it is nested deeper than {DEEPEST} levels")
    below: Iterator[object] = iter(())
    if isinstance(value, dict):
        below = iter(cast(dict[str, object], value).values())
    elif isinstance(value, list):
        below = iter(cast(list[object], value))
    for each in below:
        _require_shallow(each, depth + 1)


def _from_yaml(text: str) -> object:
    events = yaml.parse(text, Loader=yaml.SafeLoader)
    documents: list[object] = []
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            documents.append(_value(next(events), events, 0))
    if len(documents) != 1:
        raise ValueError(f"it holds {len(documents)} documents; write one to a file")
    return documents[0]


def _value(event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> object:
    """Build the value that begins with this event; its last event is taken from `events` too."""
    line = f"line {event.start_mark.line + 1}" if event.start_mark else "somewhere"
    if depth > DEEPEST:
        raise ValueError(f"{line}: it is nested deeper than {DEEPEST} levels")
    if isinstance(event, yaml.AliasEvent):
        raise ValueError(f"{line}: '*{event.anchor}' repeats another part; write it out, or put it into $defs")
    if isinstance(event, yaml.NodeEvent) and getattr(event, "tag", None) is not None:
        raise ValueError(f"{line}: tags are not read; leave {getattr(event, 'tag', None)!r} out")
    if isinstance(event, yaml.ScalarEvent):
        return _scalar(event, line)
    if isinstance(event, yaml.SequenceStartEvent):
        items: list[object] = []
        while not isinstance(inner := next(events), yaml.SequenceEndEvent):
            items.append(_value(inner, events, depth + 1))
        return items
    members: dict[str, object] = {}
    while not isinstance(inner := next(events), yaml.MappingEndEvent):
        key = _value(inner, events, depth + 1)
        if not isinstance(key, str):
            raise ValueError(f"{line}: the key {key!r} is no string; put it into quotes")
        if key in members:
            raise ValueError(f"{line}: the key {key!r} is there twice")
        members[key] = _value(next(events), events, depth + 1)
    return members


def _scalar(event: yaml.ScalarEvent, line: str) -> object:
    text = str(event.value)
    if event.style is not None:
        return text  # quoted, or a block
    if _NULL.fullmatch(text):
        return None
    if _BOOL.fullmatch(text):
        return text[0] in "tT"
    if _INTEGER.fullmatch(text):
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    if _NUMBER.fullmatch(text) and math.isfinite(float(text)):
        return float(text)
    if _NO_NUMBER.fullmatch(text) or _NUMBER.fullmatch(text):
        raise ValueError(f"{line}: {text!r} is no number in JSON; put it into quotes if it is a string")
    return text


class _Dumper(yaml.SafeDumper):
    """Writes what both versions of YAML read alike."""

    def ignore_aliases(self, data: object) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)  # lists stand deeper than the member that holds them


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    # A number of a version is quoted, so that nobody takes it for a number.
    quoted = _VERSION.fullmatch(text) or _RARE_ENDS.search(text)
    style = '"' if quoted else "|" if "\n" in text else None
    tag = "tag:yaml.org,2002:str"
    return dumper.represent_scalar(tag, text, style=style)  # pyright: ignore[reportUnknownMemberType] - see below


_Dumper.add_representer(str, _represent_text)
for _kind, _pattern in (("float", _NUMBER), ("int", _INTEGER)):
    # Version 1.1 takes some of these for strings and would not quote them; version 1.2 takes them for numbers.
    _Dumper.add_implicit_resolver(  # pyright: ignore[reportUnknownMemberType] - the published types leave it open
        f"tag:yaml.org,2002:{_kind}", re.compile(f"^(?:{_pattern.pattern})$"), list("-+.0123456789")
    )
