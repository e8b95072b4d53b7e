"""Whoever starts a run may give it what a rule allows, and nothing else."""

import json

import pytest
from cooking import Kitchen
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError

from callboard_kit.context import Brief, Piece
from callboard_kit.context.briefs import MEMO
from callboard_kit.fingerprint.carrying import AGENT_HEADER


async def refused(kitchen: Kitchen, brief: Brief, person: str | None) -> str:
    with pytest.raises(WorkflowFailureError) as caught:
        await kitchen.cook("Look on the upper", person=person, brief=brief)
    cause = caught.value.cause
    assert isinstance(cause, ApplicationError)
    assert cause.type == "RefusedError"
    return cause.message


async def test_a_run_is_given_tools_a_model_and_things_to_know_where_a_rule_allows_it(kitchen: Kitchen) -> None:
    brief = Brief(tools=("local.st*",), model="big-model", context=(Piece(content="No sugar, please."),))

    handle = await kitchen.start("Look on the upper", person="ada", brief=brief)
    outcome = await handle.result()

    assert [tool.name for tool in kitchen.asked.tools] == ["stir"]
    assert kitchen.asked.model == "big-model"
    assert kitchen.known.index("No sugar") < kitchen.known.index("upper shelf")
    assert [each.source for each in outcome.sources if each.kept] == ["pantry", "cookbook", "guests", "given"]
    noted = (await (await handle.describe()).memo())[MEMO]
    assert noted == {"rule": "guests", "instructions": 0, "tools": ["local.st*"], "model": "big-model", "context": 1}


async def test_given_instructions_come_after_the_agents_own(kitchen: Kitchen) -> None:
    await kitchen.cook("Look on the upper", person="chef", brief=Brief(instructions="Use no salt."))

    said = kitchen.asked.messages[0].content or ""
    assert said.startswith("You cook.\n\n")
    assert said.endswith("Use no salt.")


async def test_a_run_that_is_given_something_is_still_a_run_of_the_agent_that_was_configured(kitchen: Kitchen) -> None:
    plain = await kitchen.start("Look on the upper", person="chef")
    told = await kitchen.start("Look on the upper", person="chef", brief=Brief(instructions="Use no salt."))
    carried = {
        each.activity_task_scheduled_event_attributes.header.fields[AGENT_HEADER].data
        for handle in (plain, told)
        if await handle.result()
        for each in (await handle.fetch_history()).events
        if each.HasField("activity_task_scheduled_event_attributes")
    }

    assert len(carried) == 1
    assert json.loads(carried.pop())["agent"] == "cook"


async def test_what_no_rule_allows_is_refused_and_the_message_says_what(kitchen: Kitchen) -> None:
    asked = [
        (
            Brief(instructions="Burn it."),
            "ada",
            "rule 'guests' of agent 'cook' does not let 'kitchen' for 'ada' give it ",
        ),
        (Brief(model="dear-model"), "ada", "have it ask the model 'dear-model' (but 'big-model')"),
        (Brief(tools=("local.*",)), "chef", "choose the tool 'local.taste'"),
        (Brief(context=(Piece(content=1),)), "chef", "give it anything to know"),
        (Brief(context=(Piece(content=1),) * 4), "ada", "give it more than 3 things to know"),
        (Brief(tools=("bank.v1.pay",)), "ada", "agent 'cook' has no tool 'bank.v1.pay' to choose"),
        (Brief(tools=()), None, "no rule of agent 'cook' lets 'kitchen' give its runs anything but a goal"),
    ]

    said = [await refused(kitchen, brief, person) for brief, person, _ in asked]

    assert [words in message for message, (_, _, words) in zip(said, asked, strict=True)] == [True] * len(asked), said
    assert kitchen.speaker.script.requests == []


async def test_a_brief_that_gives_nothing_needs_no_rule(kitchen: Kitchen) -> None:
    outcome = await kitchen.cook("Look on the upper", brief=Brief())

    assert outcome.answer == "Done."
    assert [tool.name for tool in kitchen.asked.tools] == ["stir", "taste"]
