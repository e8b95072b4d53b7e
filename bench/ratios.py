"""What can be said about two sides from a few rounds on a noisy machine.

Times of one side move by half within a minute when something else runs beside it; the ratio of two sides measured
within the same seconds moves far less. So each round gives one ratio, and the rounds together a median and an interval.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from statistics import median
from typing import Final

CONFIDENCE: Final = 0.95
"""How often, at least, an interval holds the true median."""


@dataclass(frozen=True)
class Estimate:
    """A median and the interval it lies in."""

    value: float
    low: float
    high: float


def estimate(values: Sequence[float]) -> Estimate:
    """Return the median of `values` with the interval of the sign test.

    The interval runs from one of the values to another, chosen so that the true median lies between them with at least
    `CONFIDENCE`; it assumes nothing about how the values are spread. With fewer than six values nothing is that
    certain, and it runs from the smallest to the largest.
    """
    ordered = sorted(values)
    count = len(ordered)
    # How many values may be left off at each end: the chance that fewer than that lie on one side of the true median.
    left_off, missed = 0, 0.0
    for place in range(count // 2):
        missed += 2 * comb(count, place) / 2**count
        if missed > 1 - CONFIDENCE:
            break
        left_off = place
    return Estimate(value=median(ordered), low=ordered[left_off], high=ordered[count - 1 - left_off])


def ratios(over: Sequence[float], under: Sequence[float]) -> list[float]:
    """Return the ratio of each round."""
    return [above / below for above, below in zip(over, under, strict=True)]
