"""What is different between two revisions of a service, to be read by people. Whether it breaks anyone is not said."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, cast

from callboard_contracts import OperationDescription, ServiceDescription
from callboard_contracts.digests import observable_schema
from callboard_registry.compatibility.evidence import pointer
from callboard_registry.compatibility.values import shown

DifferingPart = Literal["operation", "input", "output", "promise", "words", "service"]

_UNIONS: Final = ("anyOf", "oneOf", "allOf")
_INSIDE: Final = ("items", "additionalProperties", "propertyNames", "contains", "not", "if", "then", "else")
_WORDS: Final = ("summary", "description")


@dataclass(frozen=True)
class Difference:
    """One thing that is not as it was."""

    part: DifferingPart
    kind: Literal["added", "removed", "changed"]
    what: str
    """What is different, in words: `/note (string, may be left out)`."""

    operation: str = ""
    """Empty when it is about the service as a whole."""


def differences(old: ServiceDescription, new: ServiceDescription) -> list[Difference]:
    """Return every difference, in the order of the new listing. Names of definitions are none."""
    found: list[Difference] = []
    if old.endpoint != new.endpoint:
        found.append(Difference("service", "changed", f"endpoint is {new.endpoint!r}, was {old.endpoint!r}"))
    if any(getattr(old, word) != getattr(new, word) for word in _WORDS):
        found.append(Difference("words", "changed", "words about the service"))
    before = {operation.name: operation for operation in old.operations}
    after = {operation.name: operation for operation in new.operations}
    for name, operation in after.items():
        if name in before:
            found.extend(_of_operation(before[name], operation))
        else:
            found.append(Difference("operation", "added", operation.summary, name))
    found.extend(Difference("operation", "removed", before[name].summary, name) for name in before if name not in after)
    return found


def _of_operation(old: OperationDescription, new: OperationDescription) -> Iterator[Difference]:
    sides: tuple[tuple[Literal["input", "output"], Mapping[str, object], Mapping[str, object]], ...] = (
        ("input", old.input, new.input),
        ("output", old.output, new.output),
    )
    reworded = False
    for part, was, is_now in sides:
        found = list(_of_schemas(observable_schema(was), observable_schema(is_now), ()))
        yield from (Difference(part, kind, what, new.name) for kind, what in found)
        reworded = reworded or (not found and was != is_now)
    was, is_now = (each.promise.model_dump(mode="json", exclude={"examples"}) for each in (old, new))
    for name in is_now:
        if was[name] != is_now[name]:
            yield Difference("promise", "changed", f"{name}: {_json(was[name])} → {_json(is_now[name])}", new.name)
    reworded = reworded or any(getattr(old, word) != getattr(new, word) for word in _WORDS)
    if reworded or old.promise.examples != new.promise.examples:
        yield Difference("words", "changed", "words or examples", new.name)


_Found = tuple[Literal["added", "removed", "changed"], str]


def _of_schemas(before: object, after: object, path: tuple[str, ...]) -> Iterator[_Found]:
    """Yield what is different in two schemas, which are in the form of `observable_schema`."""
    if before == after:
        return
    if isinstance(before, bool) or isinstance(after, bool):
        yield "changed", f"{_at(path)}: {_json(before)} → {_json(after)}"
        return
    was, is_now = cast(Mapping[str, object], before), cast(Mapping[str, object], after)
    yield from _of_members(was, is_now, path)
    for keyword in dict.fromkeys((*was, *is_now)):
        one, other = was.get(keyword), is_now.get(keyword)
        if one == other or keyword in ("properties", "required"):
            continue
        if keyword in _UNIONS:
            yield from _of_branches(_sequence(one), _sequence(other), path)
        elif keyword == "enum":
            yield from _of_values(one, other, path)
        elif keyword in _INSIDE and all(isinstance(each, Mapping) for each in (one, other)):
            yield from _of_schemas(one, other, (*path, "*"))
        elif keyword not in was:
            yield "added", f"{_at(path)}: {keyword} {_json(other)}"
        elif keyword not in is_now:
            yield "removed", f"{_at(path)}: {keyword} {_json(one)}"
        else:
            yield "changed", f"{_at(path)}: {keyword} {_json(one)} → {_json(other)}"


def _of_members(was: Mapping[str, object], is_now: Mapping[str, object], path: tuple[str, ...]) -> Iterator[_Found]:
    one, other = (cast(Mapping[str, object], each.get("properties", {})) for each in (was, is_now))
    needed_before, needed_now = (frozenset(_sequence(each.get("required"))) for each in (was, is_now))
    for name, member in other.items():
        place = (*path, name)
        need = "always there" if name in needed_now else "may be left out"
        if name not in one:
            yield "added", f"{_at(place)} ({_kind(member)}, {need})"
            continue
        if (name in needed_before) != (name in needed_now):
            yield "changed", f"{_at(place)}: {need} now"
        yield from _of_schemas(one[name], member, place)
    for name, member in one.items():
        if name not in other:
            yield "removed", f"{_at((*path, name))} ({_kind(member)})"


def _of_branches(one: Sequence[object], other: Sequence[object], path: tuple[str, ...]) -> Iterator[_Found]:
    gone = [branch for branch in one if branch not in other]
    come = [branch for branch in other if branch not in one]
    if len(gone) == len(come) == 1:
        yield from _of_schemas(gone[0], come[0], path)
        return
    for branch in gone:
        yield "removed", f"{_at(path)}: branch {_kind(branch)}"
    for branch in come:
        yield "added", f"{_at(path)}: branch {_kind(branch)}"


def _of_values(one: object, other: object, path: tuple[str, ...]) -> Iterator[_Found]:
    if one is None or other is None:
        yield ("added" if one is None else "removed"), f"{_at(path)}: one of {_json(other if one is None else one)}"
        return
    gone = [value for value in _sequence(one) if value not in _sequence(other)]
    come = [value for value in _sequence(other) if value not in _sequence(one)]
    for value in gone:
        yield "removed", f"{_at(path)}: value {_json(value)}"
    for value in come:
        yield "added", f"{_at(path)}: value {_json(value)}"


def _kind(schema: object) -> str:
    """Return in a word or two what a schema describes."""
    if not isinstance(schema, Mapping):
        return "anything" if schema is True else "nothing"
    keywords = cast(Mapping[str, object], schema)
    for word in _UNIONS:
        if word in keywords:
            return " or ".join(dict.fromkeys(_kind(branch) for branch in _sequence(keywords[word])))
    if "enum" in keywords and "type" not in keywords:
        return f"one of {_json(keywords['enum'])}"
    kind = keywords.get("type", "anything")
    return kind if isinstance(kind, str) else " or ".join(map(str, _sequence(kind)))


def _at(path: tuple[str, ...]) -> str:
    return pointer(path) or "/"


def _json(value: object) -> str:
    return shown(value)


def _sequence(value: object) -> Sequence[object]:
    return cast(Sequence[object], value or ())
