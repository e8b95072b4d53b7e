"""What an experiment came to, from call records."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from callboard_kit.trials.assigning import Experiment
from callboard_kit.trials.reporting import Effect, ExperimentReport, report_of
from callboard_registry_api.model import CallRecord, Outcome

BEGAN = datetime(2026, 3, 1, tzinfo=UTC)
TRIAL = Experiment(
    id="e-1",
    team="orders",
    a="old",
    b="new",
    share=30,
    operations=("orders.v1.cancel",),
    began=BEGAN,
    ends=BEGAN + timedelta(days=1),
)


def record(number: int, *, root: str, outcome: Outcome = "ok", seconds: float = 1.0, **more: object) -> CallRecord:
    members: dict[str, object] = {
        "root": root,
        "token_id": f"run:{number}",
        "caller": "shop",
        "endpoint": "orders",
        "service": "orders.v1",
        "operation": "cancel",
        "start": BEGAN,
        "outcome": outcome,
        "duration": timedelta(seconds=seconds),
        "build": TRIAL.build(TRIAL.arm(root)),
        "cost_usd": 0.01,
        "input_tokens": 100,
        "reporter": "orders",
    }
    return CallRecord(**{**members, **more})  # pyright: ignore[reportArgumentType] - the members fit


def roots(units: int) -> list[str]:
    return [f"root-{each}" for each in range(units)]


def effect(report: ExperimentReport, metric: str) -> Effect:
    return next(each for each in report.effects if each.metric == metric)


def test_an_arm_that_fails_more_is_shown_to_with_an_interval_that_does_not_hold_none():
    chance = random.Random(7)
    fails = {"a": 0.05, "b": 0.4}
    records = [
        record(number, root=root, outcome="failed" if chance.random() < fails[TRIAL.arm(root)] else "ok")
        for number, root in enumerate(roots(300))
    ]
    report = report_of(TRIAL, records)
    found = effect(report, "failures")

    assert found.verdict == "b has more"
    assert found.more is not None
    assert found.more.low > 0
    assert found.size == pytest.approx(0.9, abs=0.3)
    assert effect(report, "success").verdict == "b has less"
    assert effect(report, "refusals").verdict == "no difference shown"
    assert report.dealt_fairly
    assert report.a.units + report.b.units == 300


def test_an_arm_that_takes_longer_and_costs_more_is_shown_to():
    records = [
        record(
            number,
            root=root,
            seconds=(2.0 if TRIAL.arm(root) == "b" else 1.0) + number % 10 / 10,
            cost_usd=(0.03 if TRIAL.arm(root) == "b" else 0.01) + number % 7 / 1000,
        )
        for number, root in enumerate(roots(200))
    ]
    report = report_of(TRIAL, records)

    for metric in ("latency", "cost", "mean cost"):
        assert effect(report, metric).verdict == "b has more", metric
    latency = effect(report, "latency").more
    assert latency is not None
    assert latency.value == pytest.approx(1.0, abs=0.15)
    assert effect(report, "tokens").verdict == "no difference shown"


def test_of_few_units_nothing_is_claimed():
    report = report_of(TRIAL, [record(number, root=root, outcome="failed") for number, root in enumerate(roots(12))])

    assert {each.verdict for each in report.effects} == {"not enough data"}
    assert effect(report, "failures").a is not None


def test_the_calls_of_a_tree_are_one_unit_however_many_they_are():
    many = [record(number, root="root-1", outcome="failed" if number == 3 else "ok") for number in range(50)]
    report = report_of(TRIAL, many)
    [lot] = [*report.a.lots, *report.b.lots]

    assert (lot.calls, lot.failed, lot.seconds) == (50, 1, 50.0)
    assert lot.cost == pytest.approx(0.5)


def test_a_unit_that_another_build_worked_on_is_left_out_and_said_to_be():
    records = [record(number, root=root) for number, root in enumerate(roots(20))]
    strange = record(99, root="root-3", build="third")
    report = report_of(TRIAL, [*records, strange])

    assert report.misplaced == 1
    assert report.a.units + report.b.units == 19


def test_what_says_nothing_of_a_build_does_not_count():
    report = report_of(
        TRIAL,
        [
            record(1, root="root-1", outcome="started", duration=None),
            record(2, root="root-2", outcome="refused", duration=None, build="handler's"),
            record(3, root="root-3", outcome="cancelled"),
            record(4, root="shadow-4"),
            record(5, root="root-5", reporter="shop", derived=True),
        ],
    )

    assert (report.calls, report.misplaced) == (0, 0)


def test_a_call_that_is_told_of_twice_counts_once_as_it_was_reported():
    derived = record(1, root="root-1", build="", derived=True, outcome="failed")
    reported = record(1, root="root-1")
    report = report_of(TRIAL, [derived, reported])
    [lot] = [*report.a.lots, *report.b.lots]

    assert (lot.calls, lot.failed) == (1, 0)


def test_shares_that_are_not_what_was_asked_are_noticed():
    lost = [record(number, root=root) for number, root in enumerate(roots(400)) if TRIAL.arm(root) == "b"]
    some = [record(number, root=root) for number, root in enumerate(roots(40)) if TRIAL.arm(root) == "a"]

    assert not report_of(TRIAL, [*lost, *some]).dealt_fairly


def test_arms_that_are_alike_are_seldom_said_to_differ():
    wrong = 0
    for seed in range(100):
        chance = random.Random(seed)
        trial = TRIAL.model_copy(update={"id": f"e-{seed}"})
        records = [
            record(
                number,
                root=root,
                outcome="failed" if chance.random() < 0.2 else "ok",
                build=trial.build(trial.arm(root)),
                cost_usd=None,
            )
            for number, root in enumerate(roots(120))
        ]
        wrong += effect(report_of(trial, records), "failures").verdict != "no difference shown"

    assert wrong <= 12
