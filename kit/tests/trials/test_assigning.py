"""Who gets which build: always the same one, and each its share."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard_kit.rollouts.intervals import share
from callboard_kit.tokens import Address, Call
from callboard_kit.trials.assigning import Experiment

BEGAN = datetime(2026, 3, 1, tzinfo=UTC)
NOW = BEGAN + timedelta(hours=1)


def experiment(**more: object) -> Experiment:
    document = {
        "id": "e-1",
        "team": "orders",
        "a": "old",
        "b": "new",
        "share": 30.0,
        "operations": ("orders.v1.cancel",),
        "began": BEGAN,
        "ends": BEGAN + timedelta(days=1),
    }
    return Experiment.model_validate({**document, **more})


def call(root: str = "tree-1", *, entity: str = "", operation: str = "cancel", dry: bool = False) -> Call:
    return Call(root=root, team="orders", address=Address("orders", "orders.v1", operation), entity=entity, dry=dry)


@given(root=st.text(min_size=1, max_size=200), others=st.lists(st.text(min_size=1), max_size=20))
def test_every_call_of_a_tree_goes_to_one_build_whatever_else_is_asked_meanwhile(root: str, others: list[str]):
    trial = experiment()
    first = trial.arm_of(call(root, entity="#W1"), NOW)
    for each in others:
        trial.arm_of(call(each), NOW)

    assert first is not None
    assert trial.arm_of(call(root, entity="#W2"), NOW + timedelta(hours=5)) == first
    assert Experiment.model_validate_json(trial.model_dump_json()).arm_of(call(root), NOW) == first


@given(entity=st.text(min_size=1, max_size=50), roots=st.lists(st.text(min_size=1), min_size=2, max_size=10))
def test_by_entity_every_tree_that_acts_on_one_record_meets_one_build(entity: str, roots: list[str]):
    trial = experiment(by="entity")

    assert len({trial.arm_of(call(each, entity=entity), NOW) for each in roots}) == 1


@given(
    percent=st.floats(min_value=1, max_value=99),
    salt=st.integers(min_value=0, max_value=2**32),
)
def test_each_build_gets_its_share(percent: float, salt: int):
    trial = experiment(id=f"e-{salt}", share=percent)
    hits = sum(trial.arm(f"root-{each}") == "b" for each in range(2_000))
    got = share(hits, 2_000, confidence=0.999_999_9)

    assert got is not None
    assert got.low <= percent / 100 <= got.high


@given(small=st.floats(min_value=1, max_value=49), more=st.floats(min_value=1, max_value=50), root=st.text())
def test_a_larger_share_takes_nobody_back(small: float, more: float, root: str):
    if experiment(share=small).arm(root) == "b":
        assert experiment(share=small + more).arm(root) == "b"


def test_another_experiment_deals_the_same_roots_out_anew():
    roots = [f"root-{each}" for each in range(200)]
    one, other = experiment(share=50), experiment(id="e-2", share=50)

    assert [one.arm(each) for each in roots] != [other.arm(each) for each in roots]


@pytest.mark.parametrize(
    ("asked", "at"),
    [
        (call(operation="show"), NOW),
        (call(dry=True), NOW),
        (call(), BEGAN - timedelta(seconds=1)),
        (call(), BEGAN + timedelta(days=1)),
        (Call(root="tree-1", team="orders"), NOW),
    ],
    ids=["another operation", "a dry run", "before it", "after it", "no call of an operation"],
)
def test_what_an_experiment_is_not_about_goes_wherever_new_work_goes(asked: Call, at: datetime):
    assert experiment().arm_of(asked, at) is None


def test_by_entity_what_acts_on_none_is_left_out():
    assert experiment(by="entity").arm_of(call(), NOW) is None
