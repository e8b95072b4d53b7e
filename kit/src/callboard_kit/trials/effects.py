"""How large a difference between two arms is, and how sure that is: for figures that shares and medians do not cover.

Cohen's h (J. Cohen, Statistical Power Analysis, 1988, chapter 6) puts a difference of two shares on one scale: 0.2 is
small, 0.5 medium, 0.8 large. The Hodges-Lehmann shift with the interval of the Mann-Whitney test (M. Hollander and
D. A. Wolfe, Nonparametric Statistical Methods, 4.2 and 4.3) says by how much one arm's values lie above the other's,
however they are spread; Cliff's delta (N. Cliff, Psychological Bulletin 114, 1993) how often they do. A difference of
means has the bootstrap's interval (B. Efron and R. Tibshirani, An Introduction to the Bootstrap, chapter 13).
"""

import math
import random
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from statistics import NormalDist, fmean
from typing import Final

from callboard_kit.rollouts.intervals import Estimate

FEWEST: Final = 10
"""Units of each arm below which nothing is said of their difference."""

FEWEST_FOR_MEAN: Final = 20
"""Units of each arm below which nothing is said of a difference of means."""

MOST: Final = 400
"""Values of each arm that are held against each other; of more, so many are drawn."""

_DRAWS: Final = 2_000
_SEED: Final = 20_240_229


def cohens_h(of: float, to: float) -> float:
    """Return how far the share `of` is from the share `to`, from -π to π; above 0 when `of` is the larger one."""
    return 2 * math.asin(math.sqrt(of)) - 2 * math.asin(math.sqrt(to))


def shift(of: Sequence[float], to: Sequence[float], *, confidence: float) -> Estimate | None:
    """Return by how much the values `of` lie above the values `to`; None of fewer than `FEWEST` each."""
    if min(len(of), len(to)) < FEWEST:
        return None
    left, right = _drawn(of), _drawn(to)
    differences = sorted(one - other for one in left for other in right)
    n, m, last = len(left), len(right), len(differences) - 1
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    outside = max(0, math.floor(n * m / 2 - z * math.sqrt(n * m * (n + m + 1) / 12)) - 1)
    middle = (differences[last // 2] + differences[(last + 1) // 2]) / 2
    return Estimate(middle, differences[outside], differences[last - outside])


def cliffs_delta(of: Sequence[float], to: Sequence[float]) -> float:
    """Return how much more often a value `of` is above one `to` than below it, from -1 to 1; 0 where one is empty."""
    if not of or not to:
        return 0.0
    ordered = sorted(to)
    above = sum(bisect_left(ordered, each) - (len(ordered) - bisect_right(ordered, each)) for each in of)
    return above / (len(of) * len(to))


def mean_difference(of: Sequence[float], to: Sequence[float], *, confidence: float) -> Estimate | None:
    """Return how much more the mean `of` is than the mean `to`; None of fewer than `FEWEST_FOR_MEAN` each.

    The same values give the same interval: what is drawn at random is drawn from a set seed.
    """
    if min(len(of), len(to)) < FEWEST_FOR_MEAN:
        return None
    left, right, chance = _drawn(of), _drawn(to), random.Random(_SEED)
    drawn = sorted(
        fmean(chance.choices(left, k=len(left))) - fmean(chance.choices(right, k=len(right))) for _ in range(_DRAWS)
    )
    outside = math.floor((1 - confidence) / 2 * _DRAWS)
    return Estimate(fmean(of) - fmean(to), drawn[outside], drawn[_DRAWS - 1 - outside])


def _drawn(values: Sequence[float]) -> Sequence[float]:
    return values if len(values) <= MOST else random.Random(_SEED).sample(values, MOST)
