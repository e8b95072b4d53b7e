"""What an experiment or a shadow may be about, and how it is shown."""

from datetime import UTC, datetime, timedelta

import pytest

from callboard.failures import CommandError
from callboard.trials.planning import placeable
from callboard.trials.showing import experiment_data, experiment_rows, percents, shadow_data
from callboard_kit.teams import installed_teams
from callboard_kit.trials.assigning import Experiment
from callboard_kit.trials.comparing import Difference
from callboard_kit.trials.reporting import report_of
from callboard_kit.trials.shadow import Case, ShadowPlan, ShadowReport, Wanted

ROOMS = {"orders": installed_teams()["orders"]}
BEGAN = datetime(2026, 3, 1, tzinfo=UTC)


def test_without_a_choice_it_is_about_all_operations_with_a_workflow_behind_them():
    found = placeable("orders", ROOMS, ())

    assert "orders.v1.cancel_pending_order" in found
    assert "orders.v1.get_order_details" not in found


def test_an_operation_may_be_named_with_or_without_its_service():
    assert placeable("orders", ROOMS, ["cancel_pending_order", "orders.v1.assist"]) == (
        "orders.v1.assist",
        "orders.v1.cancel_pending_order",
    )


@pytest.mark.parametrize(
    ("name", "words"),
    [("nonesuch", "has no operation 'nonesuch'; it has orders"), ("get_order_details", "is answered by its handler")],
)
def test_what_cannot_be_placed_is_refused(name: str, words: str):
    with pytest.raises(CommandError, match=words):
        placeable("orders", ROOMS, [name])


def test_of_nothing_the_report_says_that_it_knows_nothing():
    experiment = Experiment(
        id="e-1",
        team="orders",
        a="old",
        b="new",
        share=30,
        operations=("orders.v1.assist",),
        began=BEGAN,
        ends=BEGAN + timedelta(days=1),
    )
    report = report_of(experiment, [])
    data = experiment_data(report, None)

    assert {row[-1] for row in experiment_rows(report)} == {"", "not enough data"}
    assert (data["units"], data["share_of_b"], data["dealt_fairly"]) == ({"a": 0, "b": 0}, None, True)


def test_a_shadow_says_how_sure_its_agreement_is():
    plan = ShadowPlan(
        id="s-1",
        team="orders",
        candidate="new",
        share=10,
        operations=("orders.v1.assist",),
        most=10,
        budget_usd=1,
        each_usd=0.1,
        patience=timedelta(minutes=1),
        began=BEGAN,
        ends=BEGAN + timedelta(days=1),
    )
    wanted = Wanted(workflow_id="w", run_id="r", operation="orders.v1.assist")
    case = Case(wanted=wanted, differences=(Difference(pointer="/answer", how="other value"),))
    report = ShadowReport(plan=plan, made=10, compared=10, agreed=9, same_answers=9, same_effects=10, cases=(case,))
    data = shadow_data(report)

    assert data["agreement"]["everything"] == pytest.approx({"value": 0.9, "low": 0.596, "high": 0.982}, abs=1e-3)  # pyright: ignore[reportIndexIssue] - a mapping
    assert percents(None) == "not enough data"
