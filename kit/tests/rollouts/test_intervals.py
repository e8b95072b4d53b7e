import math
import random

import pytest

from callboard_kit.rollouts.intervals import Estimate, difference, mean, middle, share

# R. G. Newcombe, Statistics in Medicine 17 (1998), table II: the differences of these shares by method 10.
PUBLISHED = {
    (56, 70, 48, 80): (0.0524, 0.3339),
    (9, 10, 3, 10): (0.1705, 0.8090),
    (6, 7, 2, 7): (0.0582, 0.8062),
    (5, 56, 0, 29): (-0.0381, 0.1926),
    (0, 10, 0, 20): (-0.1611, 0.2775),
    (10, 10, 0, 20): (0.6791, 1.0),
}


@pytest.mark.parametrize(("counts", "interval"), PUBLISHED.items(), ids=str)
def test_a_difference_of_shares_has_the_published_interval(counts, interval):
    hits, of, others, of_others = counts
    one, other = share(hits, of, confidence=0.95), share(others, of_others, confidence=0.95)
    assert one is not None
    assert other is not None

    found = difference(one, other)

    assert (found.low, found.high) == pytest.approx(interval, abs=6e-5)


def test_a_share_of_none_and_of_all_ends_at_its_end():
    assert share(0, 7, confidence=0.95).low == 0.0  # pyright: ignore[reportOptionalMemberAccess] - there are seven
    assert share(7, 7, confidence=0.95).high == 1.0  # pyright: ignore[reportOptionalMemberAccess] - there are seven
    assert share(0, 0, confidence=0.95) is None


# W. J. Conover, Practical Nonparametric Statistics: what lies between these places of an ordered sample.
@pytest.mark.parametrize(("number", "low", "high"), [(6, 1, 6), (10, 2, 9), (20, 6, 15), (50, 18, 33)])
def test_a_median_lies_between_the_published_places(number, low, high):
    found = middle(range(1, number + 1), confidence=0.95)

    assert found == Estimate((number + 1) / 2, low, high)


def test_of_too_few_values_there_is_no_median_that_one_could_be_sure_of():
    assert middle([1.0] * 5, confidence=0.95) is None
    assert mean([1.0] * 19, confidence=0.95) is None


def test_a_median_is_found_for_thousands_of_values_at_once():
    found = middle([float(each) for each in range(5000)], confidence=0.999)

    assert found is not None
    assert found.low < 2500 < found.high
    assert found.high - found.low < 260


def test_intervals_hold_what_they_are_of_about_as_often_as_they_say():
    draw, held = random.Random(7), 0
    for _ in range(400):
        values = [draw.expovariate(1.0) for _ in range(41)]
        found = middle(values, confidence=0.95)
        assert found is not None
        held += found.low <= math.log(2) <= found.high

    assert held >= 0.93 * 400
