"""Where two JSON documents differ, by JSON pointer (RFC 6901)."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final, Literal, cast

from callboard_kit.messages import KitMessage

MOST: Final = 50
"""Differences of one comparison that are told, the first ones."""

How = Literal["other value", "serving only", "candidate only"]


class Difference(KitMessage):
    """One place in which a candidate does something else. What stands there is left out: it may be sensitive."""

    pointer: str
    """Where; `/answer/…` in what it answered, `/effects/…` in what it would have done."""

    how: How


def differences(serving: object, candidate: object, *, ignore: Sequence[str] = ()) -> tuple[Difference, ...]:
    """Return where two documents differ, but for what lies at or below the pointers to `ignore`."""
    found = (each for each in _differing(serving, candidate, "") if not _is_below(each.pointer, ignore))
    return tuple(islice(found, MOST))


def _differing(serving: object, candidate: object, at: str) -> Iterator[Difference]:
    if isinstance(serving, dict) and isinstance(candidate, dict):
        left, right = cast("dict[str, object]", serving), cast("dict[str, object]", candidate)
        for name in sorted({*left, *right}):
            yield from _member(left.get(name, _ABSENT), right.get(name, _ABSENT), f"{at}/{_escaped(name)}")
    elif isinstance(serving, list) and isinstance(candidate, list):
        one, other = cast("list[object]", serving), cast("list[object]", candidate)
        for place in range(max(len(one), len(other))):
            mine = one[place] if place < len(one) else _ABSENT
            yours = other[place] if place < len(other) else _ABSENT
            yield from _member(mine, yours, f"{at}/{place}")
    elif isinstance(serving, bool) is not isinstance(candidate, bool) or serving != candidate:
        yield Difference(pointer=at, how="other value")


def _member(serving: object, candidate: object, at: str) -> Iterator[Difference]:
    if serving is _ABSENT:
        yield Difference(pointer=at, how="candidate only")
    elif candidate is _ABSENT:
        yield Difference(pointer=at, how="serving only")
    else:
        yield from _differing(serving, candidate, at)


def _is_below(pointer: str, ignore: Sequence[str]) -> bool:
    return any(pointer == each or pointer.startswith(f"{each}/") for each in ignore)


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


_ABSENT: Final = object()
