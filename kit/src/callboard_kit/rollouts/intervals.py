"""How sure a figure is: intervals for one build, and for the difference between two.

Shares have the score interval (E. B. Wilson, JASA 22, 1927), medians the one of order statistics, which assumes
nothing about how the values are spread (W. J. Conover, Practical Nonparametric Statistics, 3.2), and means the normal
one. A difference has the interval that both of its sides allow (R. G. Newcombe, Statistics in Medicine 17, 1998,
method 10; for other figures than shares G. Y. Zou and A. Donner, Statistics in Medicine 27, 2008).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, median, stdev
from typing import Final

FEWEST_FOR_MEAN: Final = 20
"""Values from which on a mean is taken to be spread normally."""


@dataclass(frozen=True)
class Estimate:
    """A figure and the interval that it lies in with a given confidence."""

    value: float
    low: float
    high: float


def share(hits: int, of: int, *, confidence: float) -> Estimate | None:
    """Return how large a share is; None of nothing."""
    if of == 0:
        return None
    value, z = hits / of, _z(confidence)
    middle = (value + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * math.sqrt(value * (1 - value) / of + z * z / (4 * of * of))
    # At the ends the interval ends exactly there, which sums of binary fractions may miss.
    low, high = (0.0 if hits == 0 else middle - half), (1.0 if hits == of else middle + half)
    return Estimate(value, low, high)


def middle(values: Sequence[float], *, confidence: float) -> Estimate | None:
    """Return the median; None where there are too few values for an interval of this confidence."""
    outside = _fewer_than(len(values), (1 - confidence) / 2)
    if outside is None:
        return None
    ordered = sorted(values)
    return Estimate(median(ordered), ordered[outside], ordered[-1 - outside])


def mean(values: Sequence[float], *, confidence: float) -> Estimate | None:
    """Return the mean; None of fewer than `FEWEST_FOR_MEAN` values."""
    if len(values) < FEWEST_FOR_MEAN:
        return None
    value, half = fmean(values), _z(confidence) * stdev(values) / math.sqrt(len(values))
    return Estimate(value, value - half, value + half)


def difference(of: Estimate, to: Estimate) -> Estimate:
    """Return how much more `of` is than `to`, both of one confidence."""
    value = of.value - to.value
    return Estimate(
        value,
        value - math.hypot(of.value - of.low, to.high - to.value),
        value + math.hypot(of.high - of.value, to.value - to.low),
    )


def _z(confidence: float) -> float:
    return NormalDist().inv_cdf((1 + confidence) / 2)


def _fewer_than(number: int, tail: float) -> int | None:
    """Return how many values at each end lie outside of the median's interval; None when even none is too few."""
    below, probability = -1, 0.0
    for count in range(number):
        probability += math.exp(
            math.lgamma(number + 1) - math.lgamma(count + 1) - math.lgamma(number - count + 1) - number * math.log(2)
        )
        if probability > tail:
            break
        below = count
    return None if below < 0 else below
