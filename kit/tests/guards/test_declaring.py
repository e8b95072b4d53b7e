"""What could not work is said when a guard, or an agent that has it, is made."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from guard_flows import Amount

from callboard_kit.agent import Agent, AgentConfigurationError, ChatMessage, FunctionTool
from callboard_kit.guards import (
    PASS,
    AfterModel,
    Answering,
    BeforeEffect,
    ByActivity,
    Doing,
    GuardError,
    Judge,
    Verdict,
)


def limit(_: Doing) -> Verdict:
    return PASS


def promise(_: Answering) -> Verdict:
    return PASS


LIMIT = BeforeEffect(name="limit", check=limit, tools=("local.pay",))
PROMISES = AfterModel(name="promises", check=promise)


async def not_plain(_: Doing) -> Verdict:
    return PASS


def add(wanted: Amount) -> float:
    return wanted.amount


ADD = FunctionTool("add", "Add.", add, Amount)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: BeforeEffect(name="Limit", check=limit), "a guard cannot be called 'Limit'"),
        (lambda: BeforeEffect(name="limit", check=not_plain), "checks with an `async` function"),
        (lambda: BeforeEffect(name="limit", check="limit"), "has 'limit' to check with"),
        (lambda: BeforeEffect(name="limit", check=limit, tools=()), "is about no tool"),
        (lambda: Judge(goal=" ", threshold=0.5), "a judge has no goal"),
        (lambda: Judge(goal="true", threshold=0), "has the threshold 0"),
        (lambda: Judge(goal="true", threshold=float("nan")), "has the threshold nan"),
        (lambda: Judge(goal="true", threshold=0.5, timeout=timedelta(0)), "give it some time"),
        (lambda: ByActivity(""), "cannot look at anything"),
    ],
)
def test_a_guard_that_could_not_work_cannot_be_made(make: Callable[[], object], why: str):
    with pytest.raises(GuardError, match=why):
        make()


@pytest.mark.parametrize(
    ("guards", "why"),
    [
        ([limit], "is no guard; use BeforeModel"),
        ([PROMISES, AfterModel(name="promises", check=promise)], "two guards are called 'promises'"),
        ([LIMIT], "guard 'limit' is about local.pay, and no tool of the agent is"),
        ([BeforeEffect(name="writes", check=limit, effects=("write",))], "is about \\*, and no tool of the agent is"),
    ],
)
def test_an_agent_whose_guards_could_not_work_cannot_be_made(guards: list[Any], why: str):
    with pytest.raises(AgentConfigurationError, match=why):
        Agent(name="clerk", instructions="Serve.", tools=[ADD], guards=guards)


def test_a_message_of_the_loops_own_is_told_from_others_and_old_ones_read_as_before():
    assert ChatMessage(role="user", content="a").model_dump() == {
        "role": "user",
        "content": "a",
        "tool_calls": (),
        "tool_call_id": None,
    }
    assert ChatMessage.model_validate(ChatMessage(role="user", content="a", own=True).model_dump()).own
