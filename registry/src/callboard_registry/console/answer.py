"""What there is to a question of the analytics: rows to read, bars to see, and the same for a program."""

from collections.abc import Sequence
from dataclasses import dataclass

from callboard_registry.console.plots import Bar


@dataclass(frozen=True)
class Cell:
    """One cell of a table."""

    text: str
    link: str = ""
    number: bool = False


@dataclass(frozen=True)
class Answer:
    """What there is to one question."""

    titles: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    bars: Sequence[Bar]
    raw: Sequence[Sequence[object]]
    """The rows as a program reads them; there may be more of them."""
