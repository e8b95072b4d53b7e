from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from callboard_kit.ambient import Assessment, Finding, Memory, WatchPolicy
from callboard_kit.ambient.memory import place
from callboard_kit.ambient.remedies import remedy_id

NOW = datetime(2026, 11, 22, tzinfo=UTC)
DAY = timedelta(days=1)
POLICY = WatchPolicy(thresholds={"restock": 0.8})


def finding(key: str, *, weight: float = 0.0) -> Finding:
    return Finding(kind="shelves", key=key, summary="it is empty", weight=weight)


@pytest.mark.parametrize(
    ("remedy", "confidence", "action"),
    [
        ("restock", 1.0, "allow"),
        ("restock", 0.8, "allow"),
        ("restock", 0.79, "ask"),
        ("restock", float("nan"), "ask"),
        ("close-shop", 1.0, "ask"),
    ],
)
def test_only_what_is_confident_enough_for_its_kind_is_done_without_asking(remedy, confidence, action):
    assert POLICY.judge(remedy, confidence).action == action


def test_a_question_says_how_sure_it_is_and_how_sure_it_would_have_to_be():
    assert POLICY.judge("restock", 0.5).reason == "the confidence is 0.50, the threshold of restock 0.80"


@pytest.mark.parametrize("confidence", [1.01, -0.1, float("nan"), "certain"])
def test_an_assessment_is_not_surer_than_sure(confidence):
    with pytest.raises(ValidationError):
        Assessment(explanation="", remedy="restock", confidence=confidence)


def after(memory: Memory, *found: Finding, now: datetime = NOW, policy: WatchPolicy = POLICY) -> Memory:
    return memory.after(now=now, found=found, dealt_with=set(map(place, found)), tried={}, open=[], policy=policy)


def test_new_findings_come_once_and_the_heaviest_first():
    memory = after(Memory(), finding("known"))

    new = memory.unknown([finding("a"), finding("known"), finding("b", weight=2), finding("a")])

    assert [each.key for each in new] == ["b", "a"]


def test_what_was_left_is_new_again():
    left = Memory().after(now=NOW, found=[finding("a")], dealt_with=(), tried={}, open=[], policy=POLICY)

    assert [each.key for each in left.unknown([finding("a")])] == ["a"]


def test_a_finding_is_forgotten_when_it_was_not_seen_for_long_and_not_while_it_lasts():
    memory = after(Memory(), finding("gone"), finding("lasts"))
    for day in range(1, 9):
        memory = after(memory, finding("lasts"), now=NOW + day * DAY)

    assert [each.key for each in memory.known] == ["lasts"]


def test_no_more_is_remembered_than_the_policy_says():
    few = POLICY.model_copy(update={"remembered": 3})

    memory = after(Memory(), *(finding(str(n)) for n in range(50)), policy=few)

    assert len(memory.known) == 3


def test_a_remedy_has_one_id_for_a_wake_that_is_made_again_and_another_for_a_finding_that_came_back():
    def name(wakes: int, key: str = "a") -> str:
        return remedy_id("orchestrator", "watch", since="2026-11-22", wakes=wakes, finding=finding(key))

    assert name(3) == name(3)
    assert len({name(3), name(4), name(3, "b")}) == 3
