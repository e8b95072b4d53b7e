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
    drawn = [
        DrawnBar(
            bar,
            bar.label if len(bar.label) <= _LETTERS else bar.label[: _LETTERS - 1] + "\N{HORIZONTAL ELLIPSIS}",
            number * _ROW,
            round(max(bar.value / most * BARS, 1.0), 1),
            None if bar.mark is None else round(LABEL + bar.mark / most * BARS, 1),
        )
        for number, bar in enumerate(bars)
    ]
    return Plot(drawn, len(bars) * _ROW)
