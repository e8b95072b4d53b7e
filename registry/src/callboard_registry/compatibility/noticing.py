"""What breaks nobody by the rule, but may be missed: members that are gone, and defaults that mean something else."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, cast

from callboard_registry.compatibility.documents import Document, as_object
from callboard_registry.compatibility.evidence import pointer
from callboard_registry.compatibility.values import shown
from callboard_registry.compatibility.verdicts import Notice

_UNIONS: Final = ("anyOf", "oneOf")


@dataclass(frozen=True)
class _Missed:
    """A notice whose place is told from where it was looked for."""

    rule: Literal["dropped", "default"]
    path: tuple[str, ...]
    meaning: str = ""

    def inside(self, *steps: str) -> "_Missed":
        return _Missed(self.rule, (*steps, *self.path), self.meaning)


def notices(old: Document, new: Document, part: Literal["input", "output"]) -> tuple[Notice, ...]:
    """Return what callers of the old schema may miss in the new one.

    Only what stands at the same place in both is looked at: members, items, branches and what references lead to.
    """
    found = _Comparison(old, new, part).found(old.schema, new.schema)
    gone = "is not looked at any more" if part == "input" else "is not answered any more"
    told: dict[Notice, None] = {}
    for each in found:
        place = pointer(each.path)
        told[Notice(each.rule, place, f"{place} {each.meaning or gone}")] = None
    return tuple(told)


class _Comparison:
    """Walks through two schemas at once."""

    def __init__(self, old: Document, new: Document, part: Literal["input", "output"]) -> None:
        self._old = old
        self._new = new
        self._part: Final = part
        # What two references lead to is looked at once; while it is, it is not looked at again.
        self._known: dict[tuple[str, str], list[_Missed]] = {}

    def found(self, before: object, after: object) -> Iterator[_Missed]:
        was, is_now = as_object(before), as_object(after)
        one, other = was.get("$ref"), is_now.get("$ref")
        if not isinstance(one, str) and not isinstance(other, str):
            yield from self._inside(was, is_now)
            return
        pair = (str(one or id(was)), str(other or id(is_now)))
        if pair not in self._known:
            self._known[pair] = []
            self._known[pair] = list(self._inside(_led(self._old, was), _led(self._new, is_now)))
        yield from self._known[pair]

    def _inside(self, was: Mapping[str, object], is_now: Mapping[str, object]) -> Iterator[_Missed]:
        if "properties" in was and "properties" in is_now and not _says_more(is_now):
            yield from self._members(as_object(was["properties"]), as_object(is_now["properties"]))
        for word in ("items", "additionalProperties"):
            if word in was and word in is_now:
                yield from (each.inside("*") for each in self.found(was[word], is_now[word]))
        for word in _UNIONS:
            branches, others = (cast(Sequence[object], each.get(word, ())) for each in (was, is_now))
            if len(branches) == len(others):
                for one, other in zip(branches, others, strict=True):
                    yield from self.found(one, other)

    def _members(self, members: Mapping[str, object], known: Mapping[str, object]) -> Iterator[_Missed]:
        for name, member in members.items():
            if name not in known:
                yield _Missed("dropped", (name,))
                continue
            if self._part == "input":
                yield from self._meaning(name, as_object(member), as_object(known[name]))
            yield from (each.inside(name) for each in self.found(member, known[name]))

    def _meaning(self, name: str, was: Mapping[str, object], is_now: Mapping[str, object]) -> Iterator[_Missed]:
        if "default" not in was:
            return
        old, new = was["default"], is_now.get("default")
        if "default" in is_now and json.dumps(old, sort_keys=True) == json.dumps(new, sort_keys=True):
            return
        means = f"means {shown(new)}" if "default" in is_now else "means what is not said"
        yield _Missed("default", (name,), f"left out {means} now, it meant {shown(old)}")


def _led(document: Document, keywords: Mapping[str, object]) -> Mapping[str, object]:
    reference = keywords.get("$ref")
    if not isinstance(reference, str):
        return keywords
    target = document.target(reference)
    return as_object(target.schema) if target is not None else {}


def _says_more(keywords: Mapping[str, object]) -> bool:
    words = ("patternProperties", "allOf", "anyOf", "oneOf", "if")
    return any(word in keywords for word in words) or bool(keywords.get("additionalProperties", False))
