"""The short form of `python -m tests.lab.contention`, and proof that it finds what it is there to find."""

from pathlib import Path

import pytest

from tests.lab.contention.house import Change
from tests.lab.contention.serial import Books, Effect
from tests.lab.contention.trial import Plan, run

pytestmark = pytest.mark.timeout(500)


async def test_records_end_as_after_some_serial_order_while_workers_are_killed(tmp_path: Path):
    plan = Plan(agents=8, changes=16, records=3, pause=(3.0, 6.0), patience=400)

    findings = await run(tmp_path, plan)

    assert findings.lost_updates == []
    assert findings.faults == []
    assert findings.standing == []
    assert sum(findings.kills.values()) >= 1


async def test_without_locks_updates_are_lost(tmp_path: Path):
    plan = Plan(agents=10, changes=30, records=2, from_balance=0, locks=False, pause=None, patience=400)

    findings = await run(tmp_path, plan)

    assert len(findings.lost_updates) >= 3
    assert findings.faults


A = Change(name="a", order_id="#W1", balance_id="card_1", amount=5)
B = Change(name="b", order_id="#W1", balance_id="card_1", amount=7)
WRONG = {
    "an update was lost": (
        [Effect("a", "#W1", 0, 5), Effect("a", "card_1", 0, 5), Effect("b", "#W1", 0, 7), Effect("b", "card_1", 5, 12)],
        {"#W1": 7, "card_1": 12},
        "#W1 is 7; one change after another makes 12",
    ),
    "an effect happened twice": (
        [Effect("a", "#W1", 0, 5), Effect("a", "#W1", 5, 10), Effect("a", "card_1", 0, 5)],
        {"#W1": 10, "card_1": 5},
        "a happened to #W1 once too often",
    ),
    "half of a change is missing": (
        [Effect("a", "#W1", 0, 5)],
        {"#W1": 5},
        "a did not happen to card_1",
    ),
    "each came before the other": (
        [
            Effect("a", "#W1", 0, 5),
            Effect("b", "#W1", 5, 12),
            Effect("b", "card_1", 0, 7),
            Effect("a", "card_1", 7, 12),
        ],
        {"#W1": 12, "card_1": 12},
        "these changes came before and after each other",
    ),
}


@pytest.mark.parametrize(("effects", "values", "said"), WRONG.values(), ids=WRONG)
def test_books_that_no_serial_order_leads_to_are_found_out(
    effects: list[Effect], values: dict[str, int], said: str
) -> None:
    names = {effect.name for effect in effects}

    faults = list(Books(effects, values).serial_faults([change for change in (A, B) if change.name in names]))

    assert any(fault.startswith(said) for fault in faults), faults


CROSSED = (("a", "#W1", 0, 5), ("b", "#W1", 5, 12), ("b", "card_1", 0, 7), ("a", "card_1", 7, 12))


@pytest.mark.parametrize(
    ("askings", "fault"),
    [
        (("first", "only", "only", "second"), None),
        (("first", "only", "only", "first"), "these changes came before and after each other"),
    ],
    ids=["one was left half done and finished by a later asking", "both were done by one asking"],
)
def test_others_may_come_between_the_halves_of_a_change_only_when_no_lock_was_held_over_both(
    askings: tuple[str, ...], fault: str | None
) -> None:
    effects = [Effect(*effect, asking) for effect, asking in zip(CROSSED, askings, strict=True)]

    faults = list(Books(effects, {"#W1": 12, "card_1": 12}).serial_faults([A, B]))

    assert [found.partition(":")[0] for found in faults] == ([] if fault is None else [fault])


def test_halves_of_a_torn_change_do_not_hide_whole_ones_that_came_before_each_other() -> None:
    c = Change(name="c", order_id="#W1", balance_id="card_1", amount=1)
    effects = [
        *(Effect(*effect, "only") for effect in CROSSED),
        Effect("c", "#W1", 12, 13, "first"),
        Effect("c", "card_1", 12, 13, "second"),
    ]

    faults = list(Books(effects, {"#W1": 13, "card_1": 13}).serial_faults([A, B, c]))

    assert [found.partition(":")[0] for found in faults] == ["these changes came before and after each other"]
