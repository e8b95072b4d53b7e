"""Which faults strike, and what they leave."""

import json

import pytest

from callboard.offline_model import FaultPlan, Kind, Script
from callboard.offline_model.faults import MISFIT, misfit, spoil
from callboard.offline_model.wire import ChatRequest, Reply

KEYS = [f"run-{number}/1" for number in range(2000)]


def test_the_same_seed_strikes_the_same_requests_and_another_seed_others():
    def struck(seed):
        plan = FaultPlan(seed=seed, rates={Kind.SERVER_ERROR: 0.3})
        return [plan.decide(key, 1, "") for key in KEYS]

    assert struck(1) == struck(1) != struck(2)


def test_a_rate_is_about_the_share_of_attempts_that_are_struck():
    plan = FaultPlan(rates={Kind.SERVER_ERROR: 0.3})

    struck = sum(plan.decide(key, 1, "") is not None for key in KEYS)

    assert 500 < struck < 700


def test_a_struck_request_has_new_luck_with_the_next_attempt():
    plan = FaultPlan(rates={Kind.SERVER_ERROR: 0.5})

    tries = [next(attempt for attempt in range(1, 50) if plan.decide(key, attempt, "") is None) for key in KEYS]

    assert {1, 2, 3} <= set(tries)


@pytest.mark.parametrize(
    ("plan", "attempt", "words", "fault"),
    [
        (FaultPlan(), 1, "hello", None),
        (FaultPlan(rates={Kind.SLOW: 1}), 1, "hello", Kind.SLOW),
        (FaultPlan(rates={Kind.SLOW: 1}, attempts=1), 2, "hello", None),
        (FaultPlan(rates={Kind.SLOW: 1}, match="other"), 1, "hello", None),
        (FaultPlan(rates={Kind.SLOW: 1, Kind.RATE_LIMITED: 1}), 1, "hello", Kind.RATE_LIMITED),
    ],
    ids=["none planned", "always", "only the first attempt", "only other words", "the first kind wins"],
)
def test_a_plan_says_when_a_fault_strikes(plan, attempt, words, fault):
    assert plan.decide("key", attempt, words) is fault


def test_only_the_spoilt_calls_of_a_step_are_played_again():
    steps = [{"tool_calls": [{"name": name, "arguments": {"n": 1}} for name in "abc"]}, {"content": "done"}]
    script = Script.model_validate({"id": "s", "match": "go", "steps": steps})
    conversation = [{"role": "user", "content": "go"}]

    def play(luck=None):
        reply = script.play(ChatRequest.model_validate({"model": "m", "messages": conversation}))
        reply = reply if luck is None else spoil(reply, luck)
        conversation.append({"role": "assistant", "tool_calls": [call.model_dump() for call in reply.calls]})
        return [call.function.name for call in reply.calls], reply.content

    played = [play(luck=0.0), play(luck=0.0), play(), play()]

    assert played == [(["a", "b", "c"], None), (["a"], None), (["a"], None), ([], "done")]


def test_spoilt_arguments_are_not_json():
    steps = [{"tool_calls": [{"name": "a", "arguments": {}}]}]
    script = Script.model_validate({"id": "s", "match": "go", "steps": steps})
    reply = script.play(ChatRequest.model_validate({"model": "m", "messages": [{"role": "user", "content": "go"}]}))

    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        json.loads(spoil(reply, 0.5).calls[0].function.arguments)


def test_arguments_that_do_not_fit_their_schema_are_asked_for_again_and_a_tool_that_requires_none_is_left_alone():
    steps = [{"tool_calls": [{"name": name, "arguments": {"n": 1}} for name in "abc"]}, {"content": "done"}]
    script = Script.model_validate({"id": "s", "match": "go", "steps": steps})
    conversation = [{"role": "user", "content": "go"}]

    def play(demanding=()):
        reply = script.play(ChatRequest.model_validate({"model": "m", "messages": conversation}))
        reply = misfit(reply, 0.99, demanding=demanding)
        conversation.append({"role": "assistant", "tool_calls": [call.model_dump() for call in reply.calls]})
        return [(call.function.name, json.loads(call.function.arguments)) for call in reply.calls], reply.content

    played = [play(demanding="b"), play(), play()]

    assert played == [
        ([("a", {"n": 1}), ("b", dict(MISFIT)), ("c", {"n": 1})], None),
        ([("b", {"n": 1})], None),
        ([], "done"),
    ]
    assert misfit(Reply(content="words"), 0.5, demanding="b") == Reply(content="words")


def test_an_answer_without_calls_cannot_be_spoilt():
    assert spoil(Reply(content="words"), 0.5) == Reply(content="words")
