"""Which regular expressions mean the same in the languages that contracts are generated for.

Go, Java, JavaScript and Python have different engines. What they agree on is the part without backtracking, spelled
plainly; this says what in a pattern is outside of it.
"""

import re
from dataclasses import dataclass, field
from typing import Final

_PLAIN_ESCAPES: Final = frozenset("dDwWsStnrf^$\\.*+?()[]{}|/")
_CLASS_ESCAPES: Final = _PLAIN_ESCAPES | {"-"}
_HEX: Final = re.compile(r"x[0-9A-Fa-f]{2}")
_COUNT: Final = re.compile(r"\{([0-9]+)(,([0-9]*))?\}")
_SET_OPERATIONS: Final = ("&&", "--", "~~")


def unportable(pattern: str) -> str | None:
    """Return what in a pattern is not read alike everywhere, or None."""
    try:
        _Reader(pattern).read()
        re.compile(pattern)
    except _UnportableError as found:
        return str(found)
    except (re.error, RecursionError, OverflowError) as error:
        return f"it is no regular expression: {error}"
    return None


class _UnportableError(Exception):
    pass


@dataclass
class _Group:
    """What has been read of a group so far."""

    alternatives: list[int] = field(default_factory=lambda: [0])
    """How many atoms each alternative has."""

    repeated: int = 0
    """Atoms that are repeated without a limit."""

    varied: bool = False
    """Whether anything in it is repeated or optional at all, or is a group."""

    def repeats_ambiguously(self) -> bool:
        """Whether repeating the group without a limit leaves many ways to read one text."""
        alone = self.alternatives == [1] and self.repeated == 1
        alike = len(self.alternatives) > 1 and not self.varied and len(set(self.alternatives)) == 1
        return alone or (alike and self.alternatives[0] > 0)


class _Reader:
    """Reads one pattern from left to right."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0
        self._open = [_Group()]

    def read(self) -> None:
        """Do nothing if the pattern is portable.

        Raises:
            _UnportableError: It is not.
        """
        while self._at < len(self._pattern):
            here = self._pattern[self._at]
            if here == "(":
                self._open_group()
            elif here == ")":
                self._close_group()
            elif here == "|":
                self._at += 1
                self._open[-1].alternatives.append(0)
            elif here in "^$":
                self._at += 1
            else:
                self._atom(here)

    def _open_group(self) -> None:
        rest = self._pattern[self._at : self._at + 4]
        if rest.startswith("(?") and not rest.startswith("(?:"):
            named = {
                "(?=": "lookahead",
                "(?!": "lookahead",
                "(?<": "lookbehind or a named group",
                "(?P": "a named group",
            }
            raise _UnportableError(f"{named.get(rest[:3], 'an inline flag')} at {rest!r}")
        self._at += 3 if rest.startswith("(?:") else 1
        self._open.append(_Group())

    def _close_group(self) -> None:
        self._at += 1
        if len(self._open) == 1:
            raise _UnportableError("a ')' that closes nothing")
        inner = self._open.pop()
        unlimited = self._quantifier()
        if unlimited and inner.repeats_ambiguously():
            raise _UnportableError("a repeated group that can be read in many ways, as in '(a+)+' or '(a|b)*'")
        self._open[-1].varied = True
        self._open[-1].alternatives[-1] += 1
        self._open[-1].repeated += bool(unlimited)

    def _atom(self, here: str) -> None:
        if here == "[":
            self._class()
        elif here == "\\":
            self._escape(in_class=False)
        elif here in "]{}":
            raise _UnportableError(f"a lone {here!r}; write '\\{here}'")
        elif here in "*+?":
            raise _UnportableError(f"a {here!r} that repeats nothing, or what is repeated already")
        else:
            self._at += 1
        unlimited = self._quantifier()
        group = self._open[-1]
        group.alternatives[-1] += 1
        group.varied |= unlimited is not None
        group.repeated += bool(unlimited)

    def _quantifier(self) -> bool | None:
        """Read what says how often; return whether that is without a limit, None when nothing is said."""
        here = self._pattern[self._at : self._at + 1]
        count = _COUNT.match(self._pattern, self._at)
        if here and here in "*+?":
            unlimited = here != "?"
            self._at += 1
        elif count:
            unlimited = count[2] is not None and count[3] == ""
            self._at = count.end()
        else:
            return None
        if self._pattern[self._at : self._at + 1] == "?":
            self._at += 1
        return unlimited

    def _class(self) -> None:
        start = self._at
        self._at += 2 if self._pattern.startswith("[^", start) else 1
        members, whole = 0, ""
        while self._at < len(self._pattern):
            here = self._pattern[self._at]
            if here == "]" and members:
                self._at += 1
                if members > 1 and "\\S" in whole:
                    raise _UnportableError("'\\S' beside others in a class; list what is meant")
                return
            if here in "[]":
                raise _UnportableError(f"{here!r} inside a class; write '\\{here}'")
            if self._pattern.startswith(_SET_OPERATIONS, self._at):
                raise _UnportableError(f"{self._pattern[self._at : self._at + 2]!r} inside a class")
            began = self._at
            if here == "\\":
                self._escape(in_class=True)
            else:
                self._at += 1
            whole += self._pattern[began : self._at]
            members += 1
        raise _UnportableError("a class that is not closed")

    def _escape(self, *, in_class: bool) -> None:
        after = self._pattern[self._at + 1 : self._at + 2]
        if after in (_CLASS_ESCAPES if in_class else _PLAIN_ESCAPES):
            self._at += 2
        elif _HEX.match(self._pattern, self._at + 1):
            self._at += 4
        elif after.isdigit():
            raise _UnportableError(f"the back reference '\\{after}'")
        else:
            raise _UnportableError(f"the escape '\\{after}'")
