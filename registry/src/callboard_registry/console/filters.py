"""What an address says about what to show: checked, so that a bad one is told what to use."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from callboard_registry.refusals import Refusal

ChoiceT = TypeVar("ChoiceT", bound=str)

WINDOWS: Final[Mapping[str, timedelta]] = {
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=30),
}
"""How far back a page looks."""


def beginning(window: str) -> datetime:
    """Return where a window begins."""
    return datetime.now(UTC) - WINDOWS[window]


def one_of(name: str, value: str, known: Sequence[ChoiceT]) -> ChoiceT:
    """Return the one of `known` that `value` is.

    Raises:
        Refusal: It is none of them.
    """
    found = next((each for each in known if each == value), None)
    if found is None:
        raise Refusal("invalid", name, f"{name} is {value!r}; use {', '.join(map(repr, known))}")
    return found


def dollars(name: str, value: str) -> float:
    """Return an amount of money, nothing for an empty text.

    Raises:
        Refusal: It is none.
    """
    try:
        amount = float(value.removeprefix("$") or 0)
    except ValueError:
        amount = -1.0
    if not 0 <= amount < 1e9:
        raise Refusal("invalid", name, f"{name} is {value!r}; write US dollars, as in '0.05'")
    return amount
