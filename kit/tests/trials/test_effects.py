"""How large a difference is, against figures that were worked out elsewhere."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard_kit.trials.effects import cliffs_delta, cohens_h, mean_difference, shift

LEFT = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30, 2.01]
RIGHT = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29, 0.95]

VALUES = st.lists(st.floats(min_value=0, max_value=1e6), min_size=10, max_size=40)


def test_cohens_h_is_as_in_his_table():
    # Table 6.2.2 of his book: phi of .50 is 1.571, of .30 is 1.159.
    assert cohens_h(0.5, 0.3) == pytest.approx(1.571 - 1.159, abs=1e-3)
    assert cohens_h(1.0, 0.0) == pytest.approx(math.pi)


def test_the_shift_is_the_median_of_all_differences():
    found = shift(LEFT, RIGHT, confidence=0.95)
    every = sorted(one - other for one in LEFT for other in RIGHT)

    assert found is not None
    assert found.value == pytest.approx((every[49] + every[50]) / 2)
    # Of 10 and 10 the test's critical value is 23 at 5 %: the 24th difference from either end.
    assert (found.low, found.high) == (every[23], every[-24])


@given(values=VALUES, by=st.floats(min_value=-1e3, max_value=1e3))
def test_what_is_moved_is_found_moved_by_so_much(values: list[float], by: float):
    found = shift([each + by for each in values], values, confidence=0.95)

    assert found is not None
    assert found.low <= by + 1e-6
    assert found.high >= by - 1e-6


@given(one=VALUES, other=VALUES)
def test_the_other_way_round_it_is_the_same_the_other_way_round(one: list[float], other: list[float]):
    there, back = shift(one, other, confidence=0.95), shift(other, one, confidence=0.95)

    assert there is not None
    assert back is not None
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low))
    assert cliffs_delta(one, other) == pytest.approx(-cliffs_delta(other, one))


def test_cliffs_delta_counts_what_lies_above_less_what_lies_below():
    assert cliffs_delta([3, 4], [1, 2]) == 1
    assert cliffs_delta([1, 2, 3], [2]) == 0
    assert cliffs_delta([1, 2], [1, 2, 3]) == pytest.approx((0 + 1 - 2 - 1) / 6)
    assert cliffs_delta([], [1]) == 0


def test_a_difference_of_means_holds_the_one_that_was_put_in_and_is_the_same_each_time():
    left, right = [5 + each % 7 for each in range(60)], [3 + each % 5 for each in range(60)]
    found = mean_difference(left, right, confidence=0.95)

    assert found is not None
    assert found.low < found.value < found.high
    assert found.low > 0
    assert found == mean_difference(left, right, confidence=0.95)


def test_of_too_few_nothing_is_said():
    assert shift(LEFT[:9], RIGHT, confidence=0.95) is None
    assert mean_difference(LEFT, RIGHT, confidence=0.95) is None
