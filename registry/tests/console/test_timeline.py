"""Call records of a tree, arranged."""

from datetime import UTC, datetime, timedelta

from callboard_registry.console.timeline import WIDTH, timeline
from callboard_registry_api.model import CallRecord

START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def call(token: str, caller: str, team: str, *, at: float, took: float | None, **more: object) -> CallRecord:
    return CallRecord(
        root="r",
        token_id=token,
        caller=caller,
        endpoint=team,
        service=f"{team}.v1",
        operation=f"do_{token}",
        start=START + timedelta(seconds=at),
        outcome="ok" if took is not None else "started",
        duration=None if took is None else timedelta(seconds=took),
        **{"reporter": team, **more},
    )


def test_calls_stand_below_the_call_on_whose_behalf_they_were_made():
    whole = timeline(
        [
            call("2", "orders", "billing", at=2, took=1),
            call("1", "boss", "orders", at=1, took=4),
            call("3", "boss", "customers", at=6, took=4),
            call("4", "orders", "billing", at=3.5, took=1),
        ]
    )

    assert whole is not None
    assert [(line.call.token_id, line.depth) for line in whole.lines] == [("1", 0), ("2", 1), ("4", 1), ("3", 0)]
    assert whole.length == timedelta(seconds=9)
    assert (whole.lines[-1].left, whole.lines[-1].width) == (5 * WIDTH // 9, 4 * WIDTH // 9)


def test_a_call_that_both_sides_reported_is_one_and_its_end_counts():
    whole = timeline(
        [
            call("1", "boss", "orders", at=0, took=None),
            call("1", "boss", "orders", at=0, took=3, reporter="boss"),
            call("1", "boss", "orders", at=0, took=2, build="b7"),
        ]
    )

    assert whole is not None
    [line] = whole.lines
    assert (line.call.outcome, line.call.build) == ("ok", "b7")
    assert whole.under_way == 0


def test_what_agents_report_is_counted_once():
    whole = timeline(
        [
            call("1", "boss", "orders", at=0, took=9, input_tokens=100, cost_usd=0.5),
            call("2", "orders", "billing", at=1, took=2, input_tokens=40, cost_usd=0.2),
        ]
    )

    assert whole is not None
    assert (whole.tokens, whole.cost) == (100, 0.5)


def test_there_is_no_timeline_of_nothing():
    assert timeline([]) is None
