"""Keeps out of memory what is sensitive: what a contract calls so, and what looks like it.

While an agent runs, what it is answered and what it calls with is noted where a contract calls it sensitive. What it
then wants remembered is looked through for these values, and for what has the form of an address, a card or a secret.
"""

import re
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, cast

from callboard_kit.bound import bound

SECRET: Final = "secret"
"""The class of what gives access to something: never remembered, whatever is allowed."""

_SHORTEST: Final = 4
_WORDS: Final = "words"
_ALL: Final = "*"
_EMAIL: Final = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_NUMBER: Final = re.compile(r"(?<![\w#.])\+?\(?\d(?:[ ()/-]{0,2}\d){7,18}(?!\w)")
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")
_SECRETS: Final = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----|\b(?:sk|ghp|xox[bp])[-_][\w-]{16,}|\bAKIA[0-9A-Z]{16}\b|"
    r"\bey[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}|(?i:\b(?:password|passwort|pin|cvv|cvc)\b\s*(?:is|:|=)\s*\S+)"
)
_LEAST_DIGITS_OF_CARDS: Final = 13

_noted: Final[ContextVar[dict[str, str] | None]] = ContextVar("callboard_sensitive_values", default=None)


@contextmanager
def noting() -> Generator[None]:
    """Note what is sensitive of what an agent reads and says in this block."""
    # What an agent that is called in the same workflow notes is its caller's to know, too.
    held = _noted.get()
    with bound(_noted, {} if held is None else held):
        yield


def note(document: object, sensitive: Mapping[str, str] | None) -> None:
    """Note the values of a document that its contract calls sensitive. Free text is not: every word would be."""
    noted = _noted.get()
    if noted is None or not sensitive:
        return
    for path, kind in sensitive.items():
        if kind != _WORDS:
            for value in _values(document, path.split(".")):
                if len(value) >= _SHORTEST:
                    noted[value] = kind


def without_sensitive(text: str, *, allowed: Collection[str] = ()) -> tuple[str, frozenset[str]]:
    """Return a text with a note in the place of everything sensitive, and the classes of what was taken out.

    Args:
        text: What is to be remembered.
        allowed: Classes of data that may be remembered: `contact`, `location`.
    """
    found: set[str] = set()

    def masked(kind: str) -> str:
        found.add(kind)
        return f"[masked: {kind}]"

    text = _SECRETS.sub(lambda _: masked(SECRET), text)
    noted = _noted.get() or {}
    # The longest first: a part of a value must not keep the whole from being found.
    for value in sorted(noted, key=lambda each: (-len(each), each)):
        if noted[value] not in allowed:
            pattern = rf"(?<!\w){re.escape(value)}(?!\w)"
            text = re.sub(pattern, lambda _, kind=noted[value]: masked(kind), text, flags=re.IGNORECASE)
    if "contact" not in allowed:
        text = _EMAIL.sub(lambda _: masked("contact"), text)
    return _NUMBER.sub(lambda match: _number(match[0], allowed, masked), text), frozenset(found)


def _number(text: str, allowed: Collection[str], masked: Callable[[str], str]) -> str:
    """Return a number as it may be remembered: of a card, of a telephone, or of neither."""
    digits = [int(each) for each in text if each.isdigit()]
    if len(digits) >= _LEAST_DIGITS_OF_CARDS and _is_card(digits):
        kind = "payment"
    elif text.isdigit() or _DATE.match(text):
        return text  # The id of something, as far as anybody can tell; or a day.
    else:
        kind = "contact"
    return text if kind in allowed else masked(kind)


def _is_card(digits: Sequence[int]) -> bool:
    """Tell whether digits have the check digit of a card's number."""
    doubled = [2 * each - 9 * (2 * each > 9) if place % 2 else each for place, each in enumerate(reversed(digits))]
    return sum(doubled) % 10 == 0


def _values(node: object, path: Sequence[str]) -> Generator[str]:
    """Yield every text and number at a path, and under it."""
    if isinstance(node, list):
        for each in cast("list[object]", node):
            yield from _values(each, path)
    elif isinstance(node, dict):
        members = cast("dict[str, object]", node)
        names = list(members) if not path or path[0] == _ALL else [path[0]]
        for name in names:
            if name in members:
                yield from _values(members[name], path[1:])
    elif not path and isinstance(node, str | int) and not isinstance(node, bool):
        yield str(node)
