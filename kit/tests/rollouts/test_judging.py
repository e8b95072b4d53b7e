import random
from itertools import pairwise

from callboard_kit.rollouts.judging import (
    GUARDS,
    LEAST_PATIENCE,
    LOOKS,
    Sample,
    compare,
    first_worse,
    looks_due,
    next_look,
    patience_of,
)
from callboard_kit.rollouts.saying import said_of


def sample(build="a", *, ended=100, errors=0, refusals=0, seconds=1.0, cost=0.01, waited=100, overdue=0):
    spread = [seconds * (1 + each % 7 / 100) for each in range(ended)]
    costs = [cost * (1 + each % 5 / 100) for each in range(ended)]
    return Sample(
        build=build,
        ended=ended,
        errors=errors,
        refusals=refusals,
        seconds=tuple(spread),
        costs=tuple(costs),
        waited=waited,
        overdue=overdue,
    )


def test_a_build_that_does_the_same_is_worse_in_nothing():
    assert first_worse(compare(sample(), sample("b"))) is None


def test_each_thing_that_is_guarded_can_make_a_build_worse():
    worse = {
        "errors": sample("b", errors=20),
        "refusals": sample("b", refusals=20),
        "overdue": sample("b", waited=100, overdue=20),
        "latency": sample("b", seconds=1.5),
        "cost": sample("b", cost=0.02),
    }

    found = {metric: first_worse(compare(sample(), each)) for metric, each in worse.items()}

    assert {metric: each and each.metric for metric, each in found.items()} == {each: each for each in GUARDS}


def test_a_build_that_is_better_is_not_worse():
    assert first_worse(compare(sample(errors=30, seconds=2.0, cost=0.03), sample("b"))) is None


def test_what_is_tolerated_is_let_pass():
    assert first_worse(compare(sample(), sample("b", seconds=1.15, cost=0.0115))) is None


def test_of_a_few_runs_nothing_is_said():
    few = Sample(build="b", ended=5, errors=1, seconds=(9.0,) * 5, costs=(9.0,) * 5)

    found = compare(sample(ended=12), few)

    assert first_worse(found) is None
    assert {each.metric: each.more is None for each in found} == {
        "errors": False,
        "refusals": False,
        "overdue": True,
        "latency": True,
        "cost": True,
    }
    assert first_worse(compare(Sample(build="a"), sample("b", errors=100))) is None


def test_it_is_said_in_what_a_build_is_worse_and_how_sure_that_is():
    worse = first_worse(compare(sample(), sample("b", errors=20)))

    assert worse is not None
    assert said_of(worse) == "errors: 20.0 % (13.3 % to 28.9 %) against 0.0 % (0.0 % to 3.7 %)"


def test_looks_are_few_and_further_and_further_apart():
    looks = [next_look(done) for done in range(8)]

    assert looks == [*LOOKS, 100, 200, 400, 800, 1600]
    assert [looks_due(each) for each in looks] == list(range(1, 9))
    assert [looks_due(each - 1) for each in looks] == list(range(8))


def test_each_look_is_stricter_than_the_one_before():
    old, new = sample(), sample("b", errors=20)
    lows = [compare(old, new, look=look)[0].more.low for look in range(1, 6)]

    assert all(later < earlier for earlier, later in pairwise(lows))


def rolled_back_after(draw, old_rate, new_rate, *, share, calls):
    old, new, done = [0, 0], [0, 0], 0
    for _ in range(calls):
        side, rate = (new, new_rate) if draw.random() < share else (old, old_rate)
        side[0] += 1
        side[1] += draw.random() < rate
        if looks_due(new[0]) > done:
            done = looks_due(new[0])
            before, after = (
                Sample(build="", ended=ended, errors=errors) for ended, errors in ((old[0], old[1]), (new[0], new[1]))
            )
            if first_worse(compare(before, after, look=done)):
                return new[0]
    return None


def test_a_build_that_fails_three_of_ten_is_found_within_50_of_its_runs():
    draw = random.Random(20261122)
    found = [rolled_back_after(draw, 0.0, 0.3, share=0.1, calls=600) for _ in range(60)]

    assert sum(each is not None and each <= 50 for each in found) >= 59


def test_a_build_that_is_as_good_is_hardly_ever_rolled_back_however_often_one_looks():
    draw = random.Random(20261122)
    found = [rolled_back_after(draw, 0.1, 0.1, share=0.3, calls=2500) for _ in range(60)]

    assert sum(each is not None for each in found) <= 3


def test_a_build_whose_runs_hang_is_found_after_ten_of_them_though_none_has_ended():
    hangs = Sample(build="b", started=14, in_flight=14, waited=10, overdue=10, hanging=10)
    look = looks_due(hangs.decided)

    worse = first_worse(compare(sample(), hangs, look=look))

    assert look == 1
    assert worse is not None
    assert said_of(worse).startswith("overdue: 100.0 %")


def test_a_run_is_overdue_after_three_times_what_most_of_the_old_build_s_take():
    assert patience_of([20.0] * 9 + [500.0]) == 60.0
    assert patience_of([0.2] * 50) == LEAST_PATIENCE
    assert patience_of([20.0] * 9) is None
    assert patience_of([20.0] * 5 + [6 * 86400.0] * 5) == 18 * 86400.0, "half of them wait for a person, for days"
