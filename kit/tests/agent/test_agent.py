"""An agent is checked when it is made."""

import json
import uuid
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from typing import Any

import pytest
from agent_flows import ADDER, Adding, agent_worker
from pydantic import BaseModel
from temporalio.client import WorkflowFailureError

from callboard_contracts import Message, UnavailableError, Usage
from callboard_kit.agent import Agent, AgentConfigurationError, FunctionTool, Limits, Outcome
from callboard_kit.agent.affording import affordable_answer
from callboard_kit.agent.arguments import AnswerForm, MalformedArgumentsError
from callboard_kit.agent.messages import ChatMessage, ModelReply, ModelRequest, OutputSpec, ToolCall
from callboard_kit.agent.names import LONGEST_NAME, operation_tool_name
from callboard_kit.agent.repeats import Repeats
from callboard_kit.approvals import AskForAll
from callboard_kit.testing import ScriptedModel, calling


class Pair(Message):
    a: int
    b: int


class Sum(Message):
    sum: int


class NoSchema(BaseModel):
    how: Callable[[], int]


def add(pair: Pair) -> Sum:
    return Sum(sum=pair.a + pair.b)


ADD = FunctionTool(name="add", description="Add two numbers.", function=add, input_type=Pair)


def agent(**more: Any) -> Agent[Any]:
    return Agent(**{"name": "adder", "instructions": "Add.", "tools": [ADD], **more})


def test_an_agent_asks_a_person_before_everything_unless_it_says_otherwise():
    assert agent().approvals == AskForAll()


def test_an_agent_does_not_change():
    made = agent()

    assert made.tools == (ADD,)
    with pytest.raises(FrozenInstanceError):
        made.name = "other"  # type: ignore[misc]  # that is what must not work


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"name": "Adder"}, "an agent cannot be called 'Adder'"),
        ({"name": ""}, "an agent cannot be called ''"),
        ({"instructions": " \n"}, "agent 'adder' has no instructions"),
        ({"mode": "fast"}, "has mode 'fast'; the modes are"),
        ({"approvals": "none"}, "has 'none' for approvals; use one of callboard_kit.approvals"),
        ({"tools": [ADD, ADD]}, "two tools are called 'add'; rename one of them"),
        ({"tools": [FunctionTool("search_tools", "", add, Pair)]}, "two tools are called 'search_tools'"),
        ({"tools": [FunctionTool("ädd", "", add, Pair)]}, "a tool is called 'ädd'; providers take 1 to 64"),
        ({"tools": [FunctionTool("a" * 65, "", add, Pair)]}, "providers take 1 to 64 letters"),
        ({"tools": [FunctionTool("", "", add, Pair)]}, "a tool is called ''"),
        ({"output": NoSchema}, "cannot answer with NoSchema: there is no JSON schema of it"),
    ],
)
def test_an_agent_that_cannot_work_cannot_be_made(wrong: dict[str, object], why: str):
    with pytest.raises(AgentConfigurationError, match=why):
        agent(**wrong)


def test_an_answer_is_read_in_the_form_the_agent_has():
    made = agent(output=Sum)

    assert made.read(Outcome(answer="{…}", output={"sum": 3})) == Sum(sum=3)
    with pytest.raises(UnavailableError, match="agent 'adder' came to no answer: max_steps"):
        made.read(Outcome(answer="", stopped_because="max_steps"))
    with pytest.raises(TypeError, match="answers with words"):
        agent().read(Outcome(answer="3"))


@pytest.mark.parametrize("text", ['{"sum": 3}', ' {"sum": 3}\n', '```json\n{"sum": 3}\n```', '```\n{"sum": 3}\n```'])
def test_an_answer_may_stand_between_fences(text: str):
    assert AnswerForm(OutputSpec(name="Sum", parameters=Sum.model_json_schema())).read(text) == {"sum": 3}


@pytest.mark.parametrize("text", ["", "3", "The sum is 3.", '{"sum": "three"}', "{}", '{"sum": 3} I think'])
def test_an_answer_in_another_form_is_told_from_one_that_fits(text: str):
    with pytest.raises(MalformedArgumentsError):
        AnswerForm(OutputSpec(name="Sum", parameters=Sum.model_json_schema())).read(text)


def test_names_that_providers_take_stay_as_they_are():
    assert operation_tool_name("orders.v1", "cancel_pending_order") == "orders_v1__cancel_pending_order"


def test_names_that_are_too_long_are_shortened_so_that_no_two_are_the_same():
    long = ["a" * 60 + each for each in ("x", "y")]
    names = [operation_tool_name("orders.v1", operation) for operation in (*long, "größe")]

    assert len(set(names)) == 3
    assert all(len(name) <= LONGEST_NAME and name.isascii() for name in names)
    assert names == [operation_tool_name("orders.v1", operation) for operation in (*long, "größe")]


def test_the_same_call_may_be_made_so_often_in_a_row_and_no_more():
    repeats = Repeats(3)

    faults = [repeats.fault("look", {"id": 1, "x": 2}) for _ in range(3)]
    again = repeats.fault("look", {"x": 2, "id": 1})

    assert faults == [None, None, None]
    assert again is not None
    assert "'look' was called 3 times in a row" in again
    assert repeats.fault("look", {"id": 2}) is None


def test_two_calls_that_take_turns_are_noticed():
    repeats = Repeats(3)
    calls = [("a", {}), ("b", {})] * 3

    faults = [repeats.fault(*call) for call in calls]

    assert faults == [None] * 6
    assert "took turns 3 times" in (repeats.fault("a", {}) or "")
    assert repeats.fault("c", {}) is None


def test_calls_that_lead_somewhere_are_never_too_many():
    repeats = Repeats(2)

    assert [repeats.fault("page", {"number": number}) for number in range(50)] == [None] * 50


REQUEST = ModelRequest(messages=(ChatMessage(role="user", content="x" * 2_000),))
GPT = {"model": "gpt-4o", "base_url": "https://api.openai.com/v1"}


@pytest.mark.parametrize(
    ("budget", "model", "tokens"),
    [
        (None, GPT, None),
        (0.0, GPT, 0),
        (0.003, GPT, 0),
        (0.01, GPT, range(500, 800)),
        (100.0, GPT, 32_000),
        (0.0, {"model": "nobody-knows", "base_url": "http://127.0.0.1:1/v1"}, None),
    ],
    ids=["no budget", "nothing left", "not enough to ask", "a short answer", "plenty", "no price"],
)
def test_an_answer_is_as_long_as_what_is_left_pays_for(budget: float | None, model: dict[str, str], tokens: Any):
    found = affordable_answer(REQUEST.model_copy(update={"budget_usd": budget}), **model)

    assert found in tokens if isinstance(tokens, range) else found == tokens


def test_a_request_that_says_nothing_new_is_written_as_before():
    assert set(json.loads(REQUEST.model_dump_json())) == {"messages", "tools", "model"}
    more = REQUEST.model_copy(update={"budget_usd": 1.0})
    assert ModelRequest.model_validate_json(more.model_dump_json()) == more


def test_limits_must_leave_something():
    with pytest.raises(ValueError, match="max_repeats"):
        Limits(max_repeats=0)


async def adding(stage: Any, *steps: Any) -> tuple[Outcome, ScriptedModel]:
    model = ScriptedModel(*steps)
    async with agent_worker(stage.client, stage.task_queue, model.call_model):
        outcome = await stage.client.execute_workflow(
            Adding.run, "Add 1 and 2.", id=f"adding-{uuid.uuid4().hex}", task_queue=stage.task_queue
        )
    return outcome, model


ONE_AND_TWO = [calling("add", {"a": 1, "b": 2})]


async def test_a_pure_function_is_a_tool_and_the_answer_has_its_form(stage: Any):
    outcome, model = await adding(stage, ONE_AND_TWO, '{"sum": 3}')

    assert (outcome.output, [call.outcome for call in outcome.calls]) == ({"sum": 3}, ["ok"])
    assert json.loads(model.requests[1].messages[-1].content or "") == {"sum": 3}
    assert model.requests[0].output == ADDER.output_spec
    assert model.requests[0].budget_usd == 0.5


async def test_an_answer_in_another_form_is_given_back_to_be_corrected(stage: Any):
    outcome, model = await adding(stage, "It is 3.", '{"sum": 3}')

    assert outcome.output == {"sum": 3}
    told = model.requests[1].messages[-1]
    assert told.role == "user"
    assert (told.content or "").startswith("Your answer cannot be read: it is not JSON")


async def test_a_model_that_never_answers_in_the_form_ends_the_run(stage: Any):
    with pytest.raises(WorkflowFailureError) as caught:
        await adding(stage, "It is 3.", "Really, 3.")

    assert "the model answered 2 times in a form that cannot be read" in str(caught.value.cause)


async def test_a_model_that_goes_in_circles_is_told_so(stage: Any):
    outcome, model = await adding(stage, ONE_AND_TWO, ONE_AND_TWO, ONE_AND_TWO, '{"sum": 3}')

    assert [call.outcome for call in outcome.calls] == ["ok", "ok", "refused"]
    told = json.loads(model.requests[3].messages[-1].content or "")
    assert "was called 2 times in a row with the same arguments" in told["error"]["message"]


async def test_a_run_stops_at_its_money_and_says_so(stage: Any):
    dear = ModelReply(
        tool_calls=(ToolCall(id="1", name="add", arguments='{"a": 1, "b": 2}'),),
        finish_reason="tool_calls",
        usage=Usage(model_calls=1, cost_usd=0.4),
    )

    outcome, model = await adding(stage, dear, ModelReply(finish_reason="over_budget"))

    assert (outcome.stopped_because, outcome.output) == ("max_cost", None)
    assert outcome.answer == "Stopped at the limit of 0.5 US dollars, before the work was done."
    assert model.requests[1].budget_usd == pytest.approx(0.1)
