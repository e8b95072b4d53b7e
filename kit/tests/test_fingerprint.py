"""A fingerprint differs whenever the agent does, and says where without saying what."""

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from temporalio import activity

from callboard_contracts import Message
from callboard_kit.agent import ActivityTool, Agent, FunctionTool, Limits, ToolSearch
from callboard_kit.approvals import AskForAll, AskForEffects, ByFunction, Terms
from callboard_kit.budgets.granting import AskForMore
from callboard_kit.context import BriefRule, ContextPlan
from callboard_kit.fingerprint import (
    IRRELEVANT,
    FingerprintError,
    Surroundings,
    differing,
    fingerprint,
)
from callboard_kit.guards import PASS, BeforeEffect, Doing, Verdict
from callboard_kit.mcp_tools import McpServer, Stdio


class Pair(Message):
    a: int
    b: int


class Triple(Pair):
    c: int = 0


class Sum(Message):
    sum: int


def add(pair: Pair) -> Sum:
    return Sum(sum=pair.a + pair.b)


def subtract(pair: Pair) -> Sum:
    return Sum(sum=pair.a - pair.b)


def small(doing: Doing) -> Verdict:
    return PASS


ADD = FunctionTool(name="add", description="Add two numbers.", function=add, input_type=Pair)


@dataclass(frozen=True)
class Shelf:
    """A search for tools."""

    name: str
    find: Any = None
    open: Any = None


def agent(**more: Any) -> Agent[Any]:
    return Agent(**{"name": "adder", "instructions": "Add.", "tools": [ADD], **more})


def at_most(limit: int) -> Any:
    def small(_doing: Any) -> Any:
        return limit

    return small


class Desk:
    @activity.defn(name="look")
    async def look(self, pair: Pair) -> None: ...


OTHERS: Mapping[str, object] = {
    "instructions": "Add, please.",
    "model": "another-model",
    "tools": [replace(ADD, description="Add.")],
    "mcp": [McpServer(name="notes", reached=Stdio(command="notes-server"), allow=("*",))],
    "search": Shelf("a"),
    "output": Sum,
    "approvals": AskForEffects(),
    "hooks": ["compliance"],
    "guards": [BeforeEffect(name="small-sums", check=small, tools=("local.add",))],
    "limits": Limits(max_steps=3),
    "more": AskForMore(times=2),
    "mode": "interactive",
    "context": ContextPlan(max_tokens=1_000),
    "briefs": [BriefRule(name="anyone", instructions=True)],
}
"""Another value for each field of an agent."""


def test_every_field_of_an_agent_is_tried_here_or_listed_as_irrelevant_with_a_reason():
    missing = {field.name for field in fields(Agent)} - OTHERS.keys() - IRRELEVANT.keys()

    assert missing == set(), "give OTHERS another value for it, or IRRELEVANT the reason why it does not count"
    assert all(IRRELEVANT.values())


@pytest.mark.parametrize("field", OTHERS)
def test_an_agent_that_differs_in_one_field_has_another_fingerprint_and_the_field_is_named(field: str):
    one, other = fingerprint(agent()), fingerprint(agent(**{field: OTHERS[field]}))

    assert one.digest != other.digest
    assert {path.partition(".")[0] for path in differing(one, other)} == {field}


def test_a_field_that_an_agent_gets_tomorrow_counts_without_anybody_saying_so():
    @dataclass(frozen=True, kw_only=True)
    class Grown(Agent[Any]):
        temper: str = "calm"

    calm = fingerprint(Grown(name="adder", instructions="Add."))
    angry = fingerprint(Grown(name="adder", instructions="Add.", temper="angry"))

    assert differing(calm, angry) == ("temper",)


def test_equal_agents_have_equal_fingerprints():
    assert fingerprint(agent()) == fingerprint(agent())
    assert differing(fingerprint(agent()), fingerprint(agent())) == ()


@pytest.mark.parametrize(
    ("tool", "paths"),
    [
        (replace(ADD, description="Sum up."), ("tools.add.description",)),
        (replace(ADD, input_type=Triple), ("tools.add.input_type",)),
        (replace(ADD, function=subtract), ("tools.add.function",)),
        (replace(ADD, sensitive={"a": "personal"}), ("tools.add.sensitive",)),
    ],
)
def test_what_changed_of_a_tool_is_named(tool: FunctionTool, paths: tuple[str, ...]):
    assert differing(fingerprint(agent()), fingerprint(agent(tools=[tool]))) == paths


def test_a_tool_that_only_one_has_is_named_and_so_is_the_order_of_tools():
    more = replace(ADD, name="more")

    gained = differing(fingerprint(agent()), fingerprint(agent(tools=[ADD, more])))
    swapped = differing(fingerprint(agent(tools=[more, ADD])), fingerprint(agent(tools=[ADD, more])))

    assert {"tools", "tools.more", "tools.more.function"} <= set(gained)
    assert swapped == ("tools",)


def test_a_limit_and_a_policy_of_the_same_kind_are_told_apart_part_by_part():
    slow = agent(limits=Limits(model_timeout=timedelta(seconds=1)), approvals=AskForAll(terms=Terms(approvers=("a",))))

    assert differing(fingerprint(agent()), fingerprint(slow)) == ("approvals.terms", "limits.model_timeout")


def test_a_function_of_a_policy_is_known_by_its_name():
    def judge(_proposal: object) -> Any: ...

    one = fingerprint(agent(approvals=ByFunction("ours", judge)))
    other = fingerprint(agent(approvals=ByFunction("theirs", judge)))

    assert differing(one, other) == ("approvals.name",)


def test_what_a_worker_adds_counts_but_for_the_secret_in_an_address():
    here = Surroundings(model="m", store="redis://orders:one@here:1/0")
    renewed = replace(here, store="redis://orders:two@here:1/0")
    there = replace(here, store="redis://orders:one@there:1/0", model="n")

    assert differing(fingerprint(agent(), here), fingerprint(agent(), renewed)) == ()
    assert differing(fingerprint(agent(), here), fingerprint(agent(), there)) == ("worker.model", "worker.store")


def test_no_value_stands_in_a_fingerprint():
    told = fingerprint(agent(instructions="The code word is swordfish."), Surroundings(store="redis://a:hush@h:1"))

    assert "swordfish" not in told.model_dump_json()
    assert "hush" not in told.model_dump_json()


def test_a_guard_whose_limit_was_changed_is_another_and_it_is_named():
    small, large = (fingerprint(agent(guards=[BeforeEffect(name="small", check=at_most(n))])) for n in (3, 4))

    assert differing(small, large) == ("guards.small.check",)


def test_an_activity_is_known_by_its_name_whatever_object_it_belongs_to():
    tools = [
        ActivityTool(name="look", description="", activity=look, input_type=Pair) for look in (Desk().look, "look")
    ]

    one, other = (fingerprint(agent(tools=[tool])) for tool in tools)

    assert differing(one, other) == ("tools.look.activity",)
    assert one == fingerprint(agent(tools=[replace(tools[0], activity=Desk().look)]))


class Judge:
    """A policy that keeps to itself what it was made with."""

    def __init__(self, strict: bool) -> None:
        self.strict = strict

    def judge(self, proposal: object) -> Any: ...


class OpenJudge(Judge):
    def configuration(self) -> Mapping[str, object]:
        return {"strict": self.strict}


def test_what_nobody_can_see_into_is_refused_and_the_message_says_what_to_do():
    with pytest.raises(FingerprintError, match=r"agent 'adder': approvals is a .*Judge.*give it a method"):
        fingerprint(agent(approvals=Judge(True)))


def test_an_object_may_say_itself_what_it_was_configured_with():
    strict, lenient = (fingerprint(agent(approvals=OpenJudge(strict))) for strict in (True, False))

    assert differing(strict, lenient) == ("approvals.strict",)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (functools.partial(add, 1), functools.partial(add, 2)),
        (re.compile("a"), re.compile("a", re.IGNORECASE)),
        (frozenset({"a"}), frozenset({"b"})),
        ({"a": 1}, {"a": 2}),
        (b"a", b"b"),
        (1, "1"),
        (True, 1.5),
        (SecretStr("a"), SecretStr("")),
        (timedelta(seconds=1), 1.0),
        ([1, 2], [2, 1]),
        (Pair, Triple),
        (OpenJudge(True).judge, OpenJudge(False).judge),
    ],
)
def test_values_of_many_kinds_are_told_apart(one: object, other: object):
    first, second = (fingerprint(agent(approvals=ByFunctionOf(value))) for value in (one, other))

    assert differing(first, second) == ("approvals.value",)


@dataclass(frozen=True)
class ByFunctionOf:
    value: object

    def judge(self, proposal: object) -> Any: ...


def test_the_order_of_a_map_or_a_set_does_not_count_nor_does_a_secret():
    one = ByFunctionOf([{"a": 1, "b": 2}, {"x", "y", "z"}, SecretStr("one")])
    other = ByFunctionOf([{"b": 2, "a": 1}, {"z", "y", "x"}, SecretStr("two")])

    assert fingerprint(agent(approvals=one)) == fingerprint(agent(approvals=other))


def test_a_value_that_holds_itself_and_a_number_that_is_none_are_refused():
    endless: list[object] = []
    endless.append(endless)

    for value in (endless, float("nan"), {1: "a"}):
        with pytest.raises(FingerprintError):
            fingerprint(agent(approvals=ByFunctionOf(value)))


def test_tools_of_a_search_are_the_searchs_own_business_and_it_is_known_by_what_it_was_made_with():
    found: ToolSearch = Shelf("a")  # type: ignore[assignment]  # a search that finds nothing

    assert differing(fingerprint(agent(search=found)), fingerprint(agent(search=Shelf("b")))) == ("search.name",)
