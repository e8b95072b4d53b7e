"""Plots as plain SVG: bars beside their names. Shapes only; the stylesheet gives the colours and the places."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

Level = Literal["plain", "well", "some", "many"]

BARS: Final = 480
"""Units that the longest bar has."""

_LETTERS: Final = 60


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
    """A bar, and how long it is."""

    bar: Bar
    label: str
    width: float
    mark: float | None


@dataclass(frozen=True)
class Plot:
    """Bars, the first on top."""

    bars: Sequence[DrawnBar]
    width: int = BARS + 2
    """Units, with room for half of a mark at the end."""


def plot(bars: Sequence[Bar]) -> Plot:
    """Return how long bars are; the longest of them, or of their marks, has the whole width."""
    most = max((max(bar.value, bar.mark or 0.0) for bar in bars), default=0.0) or 1.0
    return Plot([_drawn(bar, most) for bar in bars])


def _drawn(bar: Bar, most: float) -> DrawnBar:
    label = bar.label if len(bar.label) <= _LETTERS else bar.label[: _LETTERS - 1] + "\N{HORIZONTAL ELLIPSIS}"
    width = round(max(bar.value / most * BARS, 1.0), 1)
    return DrawnBar(bar, label, width, None if bar.mark is None else round(bar.mark / most * BARS, 1))
