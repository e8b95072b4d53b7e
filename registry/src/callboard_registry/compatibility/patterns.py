"""Regular expressions as JSON Schema has them, read into sets of strings.

What is not regular, or means different things to different engines, is not read: looking around, back references,
word boundaries, properties of Unicode, anchors in the middle. The dot can be read wide and narrow, since engines differ
over which line ends it leaves out.
"""

from dataclasses import dataclass
from typing import Final

from callboard_registry.compatibility.languages import EMPTY, Language, Languages, Ranges, others, union


class UnreadableError(Exception):
    """The expression uses what cannot be read here; the message says what."""


_DIGIT: Final[Ranges] = ((0x30, 0x39),)
_WORD: Final[Ranges] = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
_SPACE: Final[Ranges] = (
    *((0x09, 0x0D), (0x20, 0x20), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A)),
    *((0x2028, 0x2029), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF)),
)
_CLASSES: Final[dict[str, Ranges]] = {
    "d": _DIGIT,
    "D": others(_DIGIT),
    "w": _WORD,
    "W": others(_WORD),
    "s": _SPACE,
    "S": others(_SPACE),
}
_CONTROLS: Final = {"t": 9, "n": 10, "v": 11, "f": 12, "r": 13}
_WIDE_DOT: Final[Ranges] = others([(10, 10)])
_NARROW_DOT: Final[Ranges] = others([(10, 10), (13, 13), (0x2028, 0x2029)])
_MOST_REPEATS: Final = 2000
_MOST_BRANCHES: Final = 64


@dataclass(frozen=True)
class _Letters:
    ranges: Ranges


@dataclass(frozen=True)
class _Dot:
    pass


@dataclass(frozen=True)
class _Anchor:
    at_start: bool


@dataclass(frozen=True)
class _Group:
    branches: "tuple[tuple[_Part, ...], ...]"


@dataclass(frozen=True)
class _Times:
    part: "_Part"
    low: int
    high: int | None


_Part = _Letters | _Dot | _Anchor | _Group | _Times


def read_pattern(pattern: str, languages: Languages, *, wide: bool) -> Language:
    """Return the strings of which a part matches the pattern.

    Raises:
        UnreadableError: It cannot be read.
    """
    reader = _Reader(pattern)
    branches = reader.branches()
    if reader.more:
        raise UnreadableError(f"the pattern {pattern!r} has a ')' too many")
    dot = languages.letter(_WIDE_DOT if wide else _NARROW_DOT)
    return _Builder(languages, dot, pattern).anywhere(branches)


class _Reader:
    """Takes an expression apart."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0

    @property
    def more(self) -> bool:
        return self._at < len(self._pattern)

    def branches(self) -> tuple[tuple[_Part, ...], ...]:
        found: list[tuple[_Part, ...]] = []
        while True:
            parts: list[_Part] = []
            while self.more and self._next not in "|)":
                parts.append(self._times(self._part()))
            found.append(tuple(parts))
            if not self.more or self._next == ")":
                return tuple(found)
            self._at += 1

    @property
    def _next(self) -> str:
        return self._pattern[self._at]

    def _take(self) -> str:
        if not self.more:
            raise self._unreadable("an end too early")
        self._at += 1
        return self._pattern[self._at - 1]

    def _unreadable(self, what: str) -> UnreadableError:
        return UnreadableError(f"the pattern {self._pattern!r} has {what}")

    def _part(self) -> _Part:
        letter = self._take()
        match letter:
            case "^" | "$":
                return _Anchor(letter == "^")
            case ".":
                return _Dot()
            case "(":
                return self._group()
            case "[":
                return _Letters(self._set())
            case "\\":
                return _Letters(self._escape(in_set=False))
            case "*" | "+" | "?" | "{" | "}" | "]":
                raise self._unreadable(f"a {letter!r} in a strange place")
            case _:
                return _Letters(((ord(letter), ord(letter)),))

    def _group(self) -> _Part:
        if self._pattern.startswith("?", self._at):
            if self._pattern.startswith("?:", self._at):
                self._at += 2
            elif self._pattern.startswith("?<", self._at) and not self._pattern.startswith(("?<=", "?<!"), self._at):
                self._at = self._pattern.index(">", self._at) + 1
            else:
                raise self._unreadable("a group that looks around or sets a flag")
        branches = self.branches()
        if not self.more:
            raise self._unreadable("a '(' that is not closed")
        self._at += 1
        return _Group(branches)

    def _times(self, part: _Part) -> _Part:
        if not self.more:
            return part
        match self._next:
            case "*":
                low, high = 0, None
            case "+":
                low, high = 1, None
            case "?":
                low, high = 0, 1
            case "{":
                return self._counted(part)
            case _:
                return part
        self._at += 1
        return self._repeated(part, low, high)

    def _counted(self, part: _Part) -> _Part:
        end = self._pattern.find("}", self._at)
        least, comma, most = self._pattern[self._at + 1 : end].partition(",")
        if end < 0 or not least.isdecimal() or (most and not most.isdecimal()):
            raise self._unreadable("a '{' that counts nothing")
        self._at = end + 1
        low = int(least)
        high = low if not comma else int(most) if most else None
        if max(low, high or 0) > _MOST_REPEATS:
            raise self._unreadable(f"more than {_MOST_REPEATS} repetitions")
        return self._repeated(part, low, high)

    def _repeated(self, part: _Part, low: int, high: int | None) -> _Part:
        if isinstance(part, _Anchor):
            raise self._unreadable("an anchor that is repeated")
        if self.more and self._next == "?":
            self._at += 1
        elif self.more and self._next in "+*{":
            raise self._unreadable("a repetition that is repeated")
        return _Times(part, low, high)

    def _set(self) -> Ranges:
        inverted = self.more and self._next == "^"
        if inverted:
            self._at += 1
        found: list[tuple[int, int]] = []
        while True:
            low = self._member()
            if low is None:
                break
            if len(low) == 1 and low[0][0] == low[0][1] and self._pattern.startswith("-", self._at):
                if self._pattern.startswith("-]", self._at):
                    found += low
                    continue
                self._at += 1
                high = self._member()
                if high is None or len(high) != 1 or high[0][0] != high[0][1] or high[0][0] < low[0][0]:
                    raise self._unreadable("a range of letters with a strange end")
                found.append((low[0][0], high[0][0]))
            else:
                found += low
        if not found:
            raise self._unreadable("a set of no letters")
        return others(found) if inverted else union(found)

    def _member(self) -> Ranges | None:
        letter = self._take()
        if letter == "]":
            return None
        if letter == "\\":
            return self._escape(in_set=True)
        if letter == "[" or self._pattern.startswith(("&&", "--", "~~"), self._at - 1):
            raise self._unreadable("a set of letters that engines read differently")
        return ((ord(letter), ord(letter)),)

    def _escape(self, *, in_set: bool) -> Ranges:
        letter = self._take()
        if letter in _CLASSES:
            return _CLASSES[letter]
        if letter in _CONTROLS:
            code = _CONTROLS[letter]
        elif letter in "xu":
            digits = self._pattern[self._at : self._at + (2 if letter == "x" else 4)]
            try:
                code = int(digits, 16)
            except ValueError as error:
                raise self._unreadable(f"the escape '\\{letter}'") from error
            self._at += len(digits)
            if 0xD800 <= code <= 0xDFFF or len(digits) != (2 if letter == "x" else 4):
                raise self._unreadable("half a character")
        elif letter.isalnum() or ord(letter) > 0x7E:
            raise self._unreadable(f"the escape '\\{letter}'{' in a set' if in_set else ''}")
        else:
            code = ord(letter)
        return ((code, code),)


class _Builder:
    """Puts the parts of an expression together as a set of strings."""

    def __init__(self, languages: Languages, dot: Language, pattern: str) -> None:
        self._languages = languages
        self._dot = dot
        self._pattern = pattern

    def anywhere(self, branches: tuple[tuple[_Part, ...], ...]) -> Language:
        """Return the strings that contain a match of one of the branches."""
        found: list[Language] = []
        pending = [list(branch) for branch in branches]
        while pending:
            parts = pending.pop()
            if len(found) + len(pending) > _MOST_BRANCHES:
                raise UnreadableError(f"the pattern {self._pattern!r} has too many branches with anchors")
            opened = self._opened(parts)
            if opened is None:
                found.append(self._whole(parts))
            else:
                pending += opened
        return self._languages.either(found)

    def _opened(self, parts: list[_Part]) -> list[list[_Part]] | None:
        """Return one list of parts for each branch of an outer group that has anchors, if there is one."""
        first = next((at for at, part in enumerate(parts) if not _is_anchor(part, at_start=True)), None)
        last = next((at for at in reversed(range(len(parts))) if not _is_anchor(parts[at], at_start=False)), None)
        for at in (first, last):
            part = None if at is None else parts[at]
            if at is not None and isinstance(part, _Group) and _has_anchor(part):
                return [[*parts[:at], *branch, *parts[at + 1 :]] for branch in part.branches]
        return None

    def _whole(self, parts: list[_Part]) -> Language:
        start = end = self._languages.everything
        while parts and _is_anchor(parts[0], at_start=True):
            start = EMPTY
            parts = parts[1:]
        while parts and _is_anchor(parts[-1], at_start=False):
            end = EMPTY
            parts = parts[:-1]
        return self._chain([start, *(self._language(part) for part in parts), end])

    def _chain(self, parts: list[Language]) -> Language:
        found = EMPTY
        for part in reversed(parts):
            found = self._languages.cat(part, found)
        return found

    def _language(self, part: _Part) -> Language:
        match part:
            case _Letters():
                return self._languages.letter(part.ranges)
            case _Dot():
                return self._dot
            case _Anchor():
                raise UnreadableError(f"the pattern {self._pattern!r} has an anchor in the middle")
            case _Group():
                return self._languages.either(
                    self._chain([self._language(inner) for inner in branch]) for branch in part.branches
                )
            case _Times():
                return self._languages.repeat(self._language(part.part), part.low, part.high)


def _is_anchor(part: _Part, *, at_start: bool) -> bool:
    return isinstance(part, _Anchor) and part.at_start == at_start


def _has_anchor(part: _Part) -> bool:
    match part:
        case _Anchor():
            return True
        case _Group():
            return any(_has_anchor(inner) for branch in part.branches for inner in branch)
        case _Times():
            return _has_anchor(part.part)
        case _:
            return False
