"""What the benchmarks make of what they measured, and the order in which they measure."""

import random
from collections.abc import Awaitable, Callable, Sequence

import pytest

from bench.ratios import Estimate, estimate
from bench.results import Bar, rates, times
from bench.rounds import Rounds, play


def test_the_interval_of_twenty_rounds_leaves_off_five_at_each_end() -> None:
    values = [float(value) for value in range(20)]
    random.Random(1).shuffle(values)

    assert estimate(values) == Estimate(value=9.5, low=5.0, high=14.0)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_few_rounds_claim_nothing_beyond_what_was_seen(count: int) -> None:
    assert estimate([float(value) for value in range(count)]) == Estimate((count - 1) / 2, 0.0, count - 1.0)


@pytest.mark.parametrize("count", [6, 8, 20, 31])
def test_the_interval_holds_the_true_median_as_often_as_it_says(count: int) -> None:
    dice = random.Random(count)
    true_median = 1.0
    estimates = [estimate([dice.lognormvariate(0, 0.5) for _ in range(count)]) for _ in range(2000)]

    held = sum(each.low <= true_median <= each.high for each in estimates) / len(estimates)

    assert held >= 0.94


async def test_every_side_is_measured_there_and_back_and_each_round_starts_with_another() -> None:
    order: list[str] = []

    await play({name: turn(name, order) for name in "ABC"}, 3, after_each=lambda: order.append("|"))

    assert "".join(order) == "ABCCBA|BCAACB|CABBAC|"


async def test_a_round_is_the_median_of_both_turns_and_keeps_each_for_the_noise() -> None:
    answers = iter([[1.0, 2.0, 9.0], [5.0, 4.0, 6.0]])

    async def measure() -> Sequence[float]:
        return next(answers)

    rounds = await play({"bare": measure}, 1, after_each=lambda: None)

    assert rounds == Rounds(medians={"bare": [4.5]}, first={"bare": [2.0]}, second={"bare": [5.0]})


def test_times_are_judged_by_a_ceiling_and_rates_by_a_floor() -> None:
    slower = Rounds(
        medians={"mesh": [0.012, 0.013], "bare": [0.010, 0.010]},
        first={"bare": [0.010, 0.010]},
        second={"bare": [0.010, 0.010]},
    )
    about = {"part": "plugin", "settings": "tuned", "what": "call", "side": "mesh", "against": "bare"}

    took = times(slower, **about, bar=Bar(1.2))
    managed = rates(slower, **about, bar=Bar(0.8, at_least=True))

    assert (took.value, took.ratio.value, took.verdict) == (12.5, pytest.approx(1.25), "misses")
    assert (managed.value, managed.verdict) == (pytest.approx(80), "holds")
    assert managed.ratio.value == pytest.approx((10 / 12 + 10 / 13) / 2)


def turn(name: str, order: list[str]) -> Callable[[], Awaitable[Sequence[float]]]:
    async def measure() -> Sequence[float]:
        order.append(name)
        return [1.0]

    return measure
