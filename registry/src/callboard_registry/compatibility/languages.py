"""Sets of strings, as regular expressions that also know *and* and *not*, explored letter by letter.

An expression is followed by its derivatives: the derivative by a letter is what may come after that letter. There are
finitely many, so whether a set is empty can be decided, and a shortest member be found.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

Ranges = tuple[tuple[int, int], ...]
"""Code points, as ranges in order that include both ends."""

_LAST: Final = 0x10FFFF
EVERY_LETTER: Final[Ranges] = ((0, 0xD7FF), (0xE000, _LAST))
"""All characters that a JSON text may hold; lone surrogates are none."""


class Language:
    """A set of strings. Equal sets may differ; the same object is the same set."""

    __slots__ = ("after", "has_empty")

    def __init__(self, *, has_empty: bool) -> None:
        self.has_empty: Final = has_empty
        self.after: Final[dict[int, Language]] = {}


class _Nothing(Language):
    __slots__ = ()


class _Empty(Language):
    __slots__ = ()


NOTHING: Final[Language] = _Nothing(has_empty=False)
EMPTY: Final[Language] = _Empty(has_empty=True)


class _Letter(Language):
    __slots__ = ("ranges",)

    def __init__(self, ranges: Ranges) -> None:
        super().__init__(has_empty=False)
        self.ranges: Final = ranges


class _Words(Language):
    __slots__ = ("words",)

    def __init__(self, words: frozenset[str]) -> None:
        super().__init__(has_empty="" in words)
        self.words: Final = words


class _Cat(Language):
    __slots__ = ("first", "rest")

    def __init__(self, first: Language, rest: Language) -> None:
        super().__init__(has_empty=first.has_empty and rest.has_empty)
        self.first: Final = first
        self.rest: Final = rest


class _Repeat(Language):
    __slots__ = ("high", "low", "part")

    def __init__(self, part: Language, low: int, high: int | None) -> None:
        super().__init__(has_empty=low == 0)
        self.part: Final = part
        self.low: Final = low
        self.high: Final = high


class _Either(Language):
    __slots__ = ("parts",)

    def __init__(self, parts: frozenset[Language]) -> None:
        super().__init__(has_empty=any(part.has_empty for part in parts))
        self.parts: Final = parts


class _Both(Language):
    __slots__ = ("parts",)

    def __init__(self, parts: frozenset[Language]) -> None:
        super().__init__(has_empty=all(part.has_empty for part in parts))
        self.parts: Final = parts


class _Not(Language):
    __slots__ = ("part",)

    def __init__(self, part: Language) -> None:
        super().__init__(has_empty=not part.has_empty)
        self.part: Final = part


@dataclass
class Languages:
    """Makes each set once, so that following one ends."""

    _made: dict[tuple[object, ...], Language] = field(default_factory=dict)

    def letter(self, ranges: Iterable[tuple[int, int]]) -> Language:
        """Return the strings of one letter out of these ranges."""
        kept = union(ranges)
        return self._once(("letter", kept), lambda: _Letter(kept)) if kept else NOTHING

    def words(self, words: Iterable[str]) -> Language:
        """Return exactly these strings."""
        kept = frozenset(words)
        if not kept:
            return NOTHING
        return EMPTY if kept == frozenset({""}) else self._once(("words", kept), lambda: _Words(kept))

    def cat(self, first: Language, rest: Language) -> Language:
        """Return a string of the first, followed by one of the second."""
        if first is NOTHING or rest is NOTHING:
            return NOTHING
        if first is EMPTY:
            return rest
        if rest is EMPTY:
            return first
        if isinstance(first, _Cat):
            return self.cat(first.first, self.cat(first.rest, rest))
        return self._once(("cat", first, rest), lambda: _Cat(first, rest))

    def repeat(self, part: Language, low: int, high: int | None) -> Language:
        """Return `low` to `high` strings of the part, one after the other."""
        if high == 0 or part is EMPTY:
            return EMPTY
        if part is NOTHING:
            return EMPTY if low == 0 else NOTHING
        if low == 1 and high == 1:
            return part
        if part.has_empty:
            low = 0
        return self._once(("repeat", part, low, high), lambda: _Repeat(part, low, high))

    def either(self, parts: Iterable[Language]) -> Language:
        """Return the strings that are in one of the parts."""
        kept: set[Language] = set()
        for part in parts:
            kept.update(part.parts if isinstance(part, _Either) else (part,))
        kept.discard(NOTHING)
        if self.everything in kept:
            return self.everything
        if not kept:
            return NOTHING
        return (
            kept.pop() if len(kept) == 1 else self._once(("either", frozenset(kept)), lambda: _Either(frozenset(kept)))
        )

    def both(self, parts: Iterable[Language]) -> Language:
        """Return the strings that are in all of the parts."""
        kept: set[Language] = set()
        for part in parts:
            kept.update(part.parts if isinstance(part, _Both) else (part,))
        kept.discard(self.everything)
        if NOTHING in kept or any(isinstance(part, _Not) and part.part in kept for part in kept):
            return NOTHING
        if not kept:
            return self.everything
        return kept.pop() if len(kept) == 1 else self._once(("both", frozenset(kept)), lambda: _Both(frozenset(kept)))

    def without(self, part: Language) -> Language:
        """Return the strings that are not in the part."""
        if isinstance(part, _Not):
            return part.part
        if part is NOTHING:
            return self.everything
        if part is self.everything:
            return NOTHING
        return self._once(("not", part), lambda: _Not(part))

    @property
    def everything(self) -> Language:
        """All strings."""
        letter = self.letter(EVERY_LETTER)
        return self._once(("repeat", letter, 0, None), lambda: _Repeat(letter, 0, None))

    def after(self, language: Language, letter: int) -> Language:
        """Return what may follow the letter."""
        found = language.after.get(letter)
        if found is None:
            found = language.after[letter] = self._after(language, letter)
        return found

    def _after(self, language: Language, letter: int) -> Language:
        match language:
            case _Letter():
                return EMPTY if any(low <= letter <= high for low, high in language.ranges) else NOTHING
            case _Words():
                first = chr(letter)
                return self.words(word[1:] for word in language.words if word.startswith(first))
            case _Cat():
                found = self.cat(self.after(language.first, letter), language.rest)
                return self.either([found, self.after(language.rest, letter)]) if language.first.has_empty else found
            case _Repeat():
                high = None if language.high is None else language.high - 1
                rest = self.repeat(language.part, max(0, language.low - 1), high)
                return self.cat(self.after(language.part, letter), rest)
            case _Either():
                return self.either([self.after(part, letter) for part in language.parts])
            case _Both():
                return self.both([self.after(part, letter) for part in language.parts])
            case _Not():
                return self.without(self.after(language.part, letter))
            case _:
                return NOTHING

    def _once(self, key: tuple[object, ...], make: Callable[[], Language]) -> Language:
        found = self._made.get(key)
        if found is None:
            found = self._made[key] = make()
        return found


def union(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Return ranges in order, with no overlap, that hold the same code points."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return tuple(merged)


def others(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Return every character that is in none of the ranges."""
    found: list[tuple[int, int]] = []
    for first, last in EVERY_LETTER:
        start = first
        for low, high in union(ranges):
            if high < start or low > last:
                continue
            if low > start:
                found.append((start, low - 1))
            start = high + 1
        if start <= last:
            found.append((start, last))
    return tuple(found)


def alphabet(language: Language) -> list[int]:
    """Return one letter for each kind of letters that the expression does not tell apart, readable ones if possible."""
    sets: set[Ranges] = {EVERY_LETTER}
    seen: set[Language] = set()
    pending = [language]
    while pending:
        found = pending.pop()
        if found in seen:
            continue
        seen.add(found)
        match found:
            case _Letter():
                sets.add(found.ranges)
            case _Words():
                sets.update(((ord(letter), ord(letter)),) for word in found.words for letter in word)
            case _Cat():
                pending += (found.first, found.rest)
            case _Repeat() | _Not():
                pending.append(found.part)
            case _Either() | _Both():
                pending += found.parts
            case _:
                pass
    return _representatives(sets)


_READABLE: Final = ((ord("a"), ord("z")), (ord("0"), ord("9")), (ord("A"), ord("Z")), (ord(" "), ord("~")))


def _representatives(sets: set[Ranges]) -> list[int]:
    cuts = sorted({cut for ranges in sets for low, high in ranges for cut in (low, high + 1)})
    readable = {cut for low, high in _READABLE for cut in (low, high + 1)}
    best: dict[frozenset[int], tuple[int, int]] = {}
    ordered = sorted({*cuts, *readable})
    numbered = list(enumerate(sets))
    for start in ordered:
        kinds = frozenset(number for number, ranges in numbered if any(low <= start <= high for low, high in ranges))
        if not kinds:
            continue
        rank = next((rank for rank, (low, high) in enumerate(_READABLE) if low <= start <= high), len(_READABLE))
        if kinds not in best or rank < best[kinds][0]:
            best[kinds] = (rank, start)
    return [letter for _, letter in sorted(best.values())]


def shortest(
    languages: Languages, language: Language, low: int, high: int | None, spend: Callable[[], None]
) -> str | None:
    """Return a shortest string of the set with `low` to `high` characters, or `None` if there is none."""
    letters = alphabet(language)
    layer: dict[Language, str] = {language: ""}
    seen: set[Language] = set()
    length = 0
    while layer:
        if length >= low:
            for state, text in layer.items():
                if state.has_empty:
                    return text
            seen.update(layer)
        if length == high:
            return None
        following: dict[Language, str] = {}
        for state, text in layer.items():
            spend()
            for letter in letters:
                then = languages.after(state, letter)
                # What was reached before, with enough letters, leads nowhere new; with too few it still may.
                if then is not NOTHING and then not in following and then not in seen:
                    following[then] = text + chr(letter)
        length += 1
        layer = following
    return None
