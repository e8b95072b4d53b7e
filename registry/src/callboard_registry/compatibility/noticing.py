"""What breaks nobody by the rule, but may be missed: members that are gone, and defaults that mean something else."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal, cast

from callboard_registry.compatibility.documents import Document, as_object
from callboard_registry.compatibility.evidence import pointer
from callboard_registry.compatibility.values import shown
from callboard_registry.compatibility.verdicts import Notice

_UNIONS: Final = ("anyOf", "oneOf")


def notices(old: Document, new: Document, part: Literal["input", "output"]) -> tuple[Notice, ...]:
    """Return what callers of the old schema may miss in the new one.

    Only what stands at the same place in both is looked at: members, items, branches and what references lead to.
    """
    found = _Comparison(old, new, part).found(old.schema, new.schema, (), frozenset())
    return tuple(dict.fromkeys(found))


class _Comparison:
    """Walks through two schemas at once."""

    def __init__(self, old: Document, new: Document, part: Literal["input", "output"]) -> None:
        self._old = old
        self._new = new
        self._part: Final = part

    def found(
        self, before: object, after: object, path: tuple[str, ...], seen: frozenset[tuple[str, str]]
    ) -> Iterator[Notice]:
        was, is_now = as_object(before), as_object(after)
        if "default" in was and path and self._part == "input":
            yield from self._meaning(was, is_now, path)
        references = (was.get("$ref"), is_now.get("$ref"))
        if any(isinstance(each, str) for each in references):
            pair = (str(references[0]), str(references[1]))
            if pair in seen:
                return
            seen |= {pair}
            was, is_now = _led(self._old, was), _led(self._new, is_now)
        yield from self._members(was, is_now, path, seen)
        for word in ("items", "additionalProperties"):
            if word in was and word in is_now:
                yield from self.found(was[word], is_now[word], (*path, "*"), seen)
        for word in _UNIONS:
            branches, others = (cast(Sequence[object], each.get(word, ())) for each in (was, is_now))
            if len(branches) == len(others):
                for one, other in zip(branches, others, strict=True):
                    yield from self.found(one, other, path, seen)

    def _members(
        self,
        was: Mapping[str, object],
        is_now: Mapping[str, object],
        path: tuple[str, ...],
        seen: frozenset[tuple[str, str]],
    ) -> Iterator[Notice]:
        if "properties" not in was or "properties" not in is_now or _says_more(is_now):
            return
        members, known = as_object(was["properties"]), as_object(is_now["properties"])
        for name, member in members.items():
            place = (*path, name)
            if name in known:
                yield from self.found(member, known[name], place, seen)
            else:
                what = "is not looked at any more" if self._part == "input" else "is not answered any more"
                yield Notice("dropped", pointer(place), f"{pointer(place)} {what}")

    def _meaning(
        self, was: Mapping[str, object], is_now: Mapping[str, object], path: tuple[str, ...]
    ) -> Iterator[Notice]:
        old, new = was["default"], is_now.get("default")
        if "default" in is_now and json.dumps(old, sort_keys=True) == json.dumps(new, sort_keys=True):
            return
        means = f"means {shown(new)}" if "default" in is_now else "means what is not said"
        sentence = f"{pointer(path)} left out {means} now, it meant {shown(old)}"
        yield Notice("default", pointer(path), sentence)


def _led(document: Document, keywords: Mapping[str, object]) -> Mapping[str, object]:
    reference = keywords.get("$ref")
    if not isinstance(reference, str):
        return keywords
    target = document.target(reference)
    return as_object(target.schema) if target is not None else {}


def _says_more(keywords: Mapping[str, object]) -> bool:
    words = ("patternProperties", "allOf", "anyOf", "oneOf", "if")
    return any(word in keywords for word in words) or bool(keywords.get("additionalProperties", False))
