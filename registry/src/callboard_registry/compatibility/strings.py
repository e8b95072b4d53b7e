"""Finding a string with a length, patterns and formats; or proving that there is none."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, cast

from callboard_registry.compatibility.formats import samples, shape
from callboard_registry.compatibility.holding import every, holds
from callboard_registry.compatibility.languages import NOTHING, Language, Languages, shortest
from callboard_registry.compatibility.nodes import HasFormat, Matches, MinLength, Neg, Node, Opaque, Values
from callboard_registry.compatibility.outcomes import Closed, Found, Outcome, closed, undecided
from callboard_registry.compatibility.patterns import UnreadableError, read_pattern

_TRIES: Final = 6
_LONGEST: Final = 10_000
"""Strings that must be longer are not written out."""


@dataclass
class _Wanted:
    low: int = 0
    high: int | None = None
    patterns: list[Matches] = field(default_factory=list)
    without: list[Matches] = field(default_factory=list)
    formats: list[HasFormat] = field(default_factory=list)
    against: list[HasFormat] = field(default_factory=list)
    excluded: set[str] = field(default_factory=set)
    opaque: list[Node] = field(default_factory=list)

    def described(self) -> str:
        """Say what is wanted, for a proof."""
        words = [f"pattern {node.pattern!r}" for node in self.patterns]
        words += [f"not pattern {node.pattern!r}" for node in self.without]
        words += [f"{node.keyword} {node.name}" for node in self.formats]
        words += [f"not {node.keyword} {node.name}" for node in self.against]
        if self.low:
            words.append(f"at least {self.low} characters")
        if self.high is not None:
            words.append(f"at most {self.high} characters")
        if self.excluded:
            words.append(f"none of {len(self.excluded)} values")
        return ", ".join(words)


class Strings:
    """Finds strings; remembers what it has read of patterns."""

    def __init__(self, spend: Callable[[], None]) -> None:
        self._spend: Final = spend
        self._languages: Final = Languages()
        self._read: Final[dict[tuple[str, bool], Language | str]] = {}

    def find(self, conditions: Iterable[Node]) -> Outcome:
        """Look for a string that fulfils all conditions."""
        conditions = list(conditions)
        wanted = _wanted(conditions)
        if wanted.high is not None and wanted.low > wanted.high:
            return closed("no string of such a length", wanted.described())
        if wanted.high == 0 and "" in wanted.excluded:
            return closed("the empty string is left out", wanted.described())
        if wanted.low > _LONGEST:
            return undecided(f"a string of {wanted.low} characters is too long to look for")
        wide, unread = self._regular(wanted, wide=True)
        narrow, _ = self._regular(wanted, wide=False)
        tests = [condition for condition in conditions if condition not in wanted.opaque]
        if not (wide or wanted.formats or wanted.against or unread):
            return self._tried(self._simple(wanted), tests) or self._undecided(wanted, unread)
        # Engines differ over the dot, but each reads both schemas alike. What is proved has to hold for all of them.
        for regular in [wide] if wide == narrow else [wide, narrow]:
            outcome = self._tried(self._candidates(wanted, regular), tests)
            if not isinstance(outcome, Closed):
                return outcome or self._undecided(wanted, unread)
        return closed("no string is both", wanted.described())

    def _tried(self, texts: Iterator[str | None], tests: list[Node]) -> Found | Closed | None:
        """Return the first string that passes, or a proof if none can, or nothing if there are no more to try."""
        for text in texts:
            self._spend()
            if text is None:
                return closed("no string is both")
            if every(holds(condition, text) for condition in tests):
                return Found(text)
        return None

    def _undecided(self, wanted: _Wanted, unread: list[str]) -> Outcome:
        return undecided(*unread, f"no string was found, nor shown to be impossible: {wanted.described()}")

    def _simple(self, wanted: _Wanted) -> Iterator[str | None]:
        """Yield strings where only the length matters, one more than are left out."""
        for number in range(len(wanted.excluded) + 1):
            yield _numbered(number, max(wanted.low, 1 if number else 0), wanted.high)

    def _candidates(self, wanted: _Wanted, regular: list[Language]) -> Iterator[str | None]:
        """Yield strings that may do, and `None` where it is proved that none does."""
        excluded = set(wanted.excluded)
        language = self._languages.both(regular)
        first = True
        # Samples first: they read better than the shortest string that a pattern allows.
        for node in wanted.formats:
            yield from samples(node.name)
        for _ in range(_TRIES):
            left = self._languages.both([language, self._languages.without(self._languages.words(excluded))])
            found = None if left is NOTHING else shortest(self._languages, left, wanted.low, wanted.high, self._spend)
            if found is None:
                # Later than that, strings are left out too that only the validator refused.
                if first:
                    yield None
                return
            first = False
            yield found
            excluded.add(found)

    def _regular(self, wanted: _Wanted, *, wide: bool) -> tuple[list[Language], list[str]]:
        """Return what can be said by regular expressions, as more than what is wanted, and what could not be read."""
        regular: list[Language] = []
        unread: list[str] = []
        for nodes, without in ((wanted.patterns, False), (wanted.without, True)):
            for node in nodes:
                read = self._language(node.pattern, wide=wide)
                if isinstance(read, str):
                    unread.append(read)
                else:
                    regular.append(self._languages.without(read) if without else read)
        for node in wanted.formats:
            outline = shape(node.name)
            read = self._language(outline, wide=True) if outline and node.keyword == "format" else None
            if isinstance(read, Language):
                regular.append(read)
        return regular, unread

    def _language(self, pattern: str, *, wide: bool) -> Language | str:
        key = (pattern, wide)
        if key not in self._read:
            try:
                self._read[key] = read_pattern(pattern, self._languages, wide=wide)
            except UnreadableError as error:
                self._read[key] = str(error)
        return self._read[key]


def _wanted(conditions: Iterable[Node]) -> _Wanted:
    wanted = _Wanted()
    for condition in conditions:
        match condition:
            case MinLength():
                wanted.low = max(wanted.low, condition.count)
            case Neg(MinLength() as opposite):
                high = opposite.count - 1
                wanted.high = high if wanted.high is None else min(wanted.high, high)
            case Matches():
                wanted.patterns.append(condition)
            case Neg(Matches() as opposite):
                wanted.without.append(opposite)
            case HasFormat(keyword="remark") | Neg(HasFormat(keyword="remark")) | Opaque() | Neg(Opaque()):
                wanted.opaque.append(condition)
            case HasFormat():
                wanted.formats.append(condition)
            case Neg(HasFormat() as opposite):
                wanted.against.append(opposite)
            case Neg(Values() as opposite):
                wanted.excluded |= cast(set[str], set(opposite.values))
            case _:
                raise AssertionError(f"not a condition on strings: {condition}")
    return wanted


_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"


def _numbered(number: int, low: int, high: int | None) -> str:
    """Return another string for each number, as short as the length allows."""
    if number == 0:
        return "a" * low
    text = ""
    while number:
        number, digit = divmod(number, len(_LETTERS))
        text = _LETTERS[digit] + text
    text = text.rjust(low, "a")
    return text if high is None else text[-high:] if high else ""
