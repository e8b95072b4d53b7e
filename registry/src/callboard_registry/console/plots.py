"""Plots as plain SVG: bars beside their names. Shapes and texts only; the stylesheet gives the colours."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

Level = Literal["plain", "well", "some", "many"]

LABEL: Final = 300
"""Units for the names on the left."""

BARS: Final = 480
"""Units that the longest bar has."""

_ROW: Final = 26
_LETTERS: Final = 40
_TEXT: Final = 90


@dataclass(frozen=True)
class Bar:
    """One bar."""

    label: str
    value: float
    text: str
    """The value, as people read it."""

    level: Level = "plain"
    mark: float | None = None
    """A value that is marked on the bar: what was promised, for instance."""


@dataclass(frozen=True)
class DrawnBar:
    """A bar, and where it is."""

    bar: Bar
    label: str
    top: int
    width: float
    mark: float | None
    text: float
    """Where the value stands: behind the bar, and behind its mark if that is in the way."""


@dataclass(frozen=True)
class Plot:
    """Bars, the first on top."""

    bars: Sequence[DrawnBar]
    height: int
    width: int = LABEL + BARS + 160
    left: int = LABEL
    row: int = _ROW


def plot(bars: Sequence[Bar]) -> Plot:
    """Return where bars are; the longest of them, or of their marks, has the whole width."""
    most = max((max(bar.value, bar.mark or 0.0) for bar in bars), default=0.0) or 1.0
    return Plot([_drawn(bar, number * _ROW, most) for number, bar in enumerate(bars)], len(bars) * _ROW)


def _drawn(bar: Bar, top: int, most: float) -> DrawnBar:
    label = bar.label if len(bar.label) <= _LETTERS else bar.label[: _LETTERS - 1] + "\N{HORIZONTAL ELLIPSIS}"
    width = round(max(bar.value / most * BARS, 1.0), 1)
    mark = None if bar.mark is None else round(LABEL + bar.mark / most * BARS, 1)
    end = LABEL + width
    is_in_the_way = mark is not None and end < mark < end + _TEXT
    return DrawnBar(bar, label, top, width, mark, (mark if is_in_the_way and mark is not None else end) + 8)
