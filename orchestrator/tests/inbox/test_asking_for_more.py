"""An agent whose budget is used up asks the inbox for more, on a real server: granted once, or refused."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from depot_contracts import Bank, Office
from spender import LIMIT, MORE, Spend, Wish
from temporalio.client import WorkflowHandle

from callboard_contracts import RefusedError, Usage
from callboard_kit import mesh
from callboard_kit.agent import ModelReply, Outcome
from callboard_kit.testing import ScriptedModel, calling
from callboard_kit.tokens import Origin

FINANCE = "finance"


def sending(name: str, *, tokens: int) -> ModelReply:
    call = calling("send", {"name": name}).model_copy(update={"id": f"call-{name}"})
    usage = Usage(model_calls=1, input_tokens=tokens)
    return ModelReply(
        content=f"I send the {name}.", tool_calls=(call,), finish_reason="tool_calls", model="scripted", usage=usage
    )


@asynccontextmanager
async def spending(depot: Any, root: str, *steps: Any) -> AsyncGenerator[WorkflowHandle[Spend, Outcome]]:
    """Run the spender's worker and a run of it."""
    model = ScriptedModel(*steps)
    async with depot.mesh.member(
        "depot", workflows=[Spend], activities=[model.call_model, depot.books.send], contracts=[Office, Bank]
    ) as client:
        with mesh.starting(Origin(root=root, person="the customer")):
            yield await client.start_workflow(Spend.run, Wish(goal="Send it."), id=f"spend-{root}", task_queue="depot")


async def test_a_run_that_is_granted_more_goes_on_to_its_end(depot):
    steps = (sending("vase", tokens=LIMIT - 100), sending("lamp", tokens=50), "Both are on their way.")
    async with spending(depot, "more-granted", *steps) as handle:
        [asked] = await depot.asked("more-granted")
        sent_before = list(depot.books.sent)

        await depot.inbox.answer(asked.gate, depot.credential("grace", FINANCE), approve=True)
        outcome = await handle.result()

    question = asked.question
    assert (question.operation, question.rule, question.words) == (
        "spend_more",
        "budget-used-up",
        "I send the vase.",
    )
    assert question.reason == "the agent has used up its budget of tokens; time 1 of 1 that it may ask"
    assert (question.arguments["tokens"], question.arguments["spent_tokens"]) == (MORE, LIMIT - 100)
    assert asked.approvers == ("role:finance",)
    assert (sent_before, depot.books.sent) == (["vase"], ["vase", "lamp"])
    assert (outcome.stopped_because, outcome.answer) == ("answered", "Both are on their way.")


async def test_more_is_granted_as_often_as_the_agent_may_ask_and_then_it_stops_with_what_it_has(depot):
    steps = (sending("vase", tokens=LIMIT - 100), sending("lamp", tokens=MORE), "Never said.")
    async with spending(depot, "more-once", *steps) as handle:
        [asked] = await depot.asked("more-once")
        await depot.inbox.answer(asked.gate, depot.credential("grace", FINANCE), approve=True)
        outcome = await handle.result()
        questions = [each async for each in depot.inbox.waiting(root="more-once")]

    assert outcome.stopped_because == "max_tokens"
    assert questions == []
    assert depot.books.sent == ["vase", "lamp"]
    assert [call.outcome for call in outcome.calls] == ["ok", "ok"]


async def test_a_run_that_is_refused_more_ends_with_what_it_has(depot):
    async with spending(depot, "more-refused", sending("vase", tokens=LIMIT - 100), "Never said.") as handle:
        [asked] = await depot.asked("more-refused")
        await depot.inbox.answer(asked.gate, depot.credential("grace", FINANCE), approve=False, reason="enough")
        outcome = await handle.result()

    assert outcome.stopped_because == "max_tokens"
    assert f"{LIMIT} tokens" in outcome.answer
    assert [call.operation for call in outcome.calls] == ["send"]
    assert depot.books.sent == ["vase"]
    assert outcome.usage.input_tokens == LIMIT - 100


async def test_whoever_may_not_grant_money_grants_none(depot):
    async with spending(depot, "more-foreign", sending("vase", tokens=LIMIT - 100), "Never said.") as handle:
        [asked] = await depot.asked("more-foreign")
        with pytest.raises(RefusedError, match=r"'eve' may not answer .*; it is for role:finance"):
            await depot.inbox.answer(asked.gate, depot.credential("eve"), approve=True)
        await depot.inbox.answer(asked.gate, depot.credential("grace", FINANCE), approve=False)
        outcome = await handle.result()

    assert outcome.stopped_because == "max_tokens"
