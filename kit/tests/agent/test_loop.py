"""The loop on a real Temporal server and the offline model, in a plain worker without any plugin."""

import asyncio
import json
import signal
import uuid
from dataclasses import replace
from typing import Any

import pytest
from agent_flows import Assistant, Case, agent_worker
from opentelemetry import trace
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowFailureError, WorkflowHandle
from temporalio.contrib.opentelemetry import OpenTelemetryPlugin
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ApplicationError

from callboard_contracts import Deed
from callboard_kit.agent import MOST_OPENED, CallRecord, Limits, ModelEndpoint, ModelReply, ModelSettings, Outcome
from callboard_kit.testing.models import ScriptedModel
from callboard_kit.testing.models import calling as calls


def calling(*calls: tuple[str, dict[str, object]]) -> dict[str, object]:
    return {"tool_calls": [{"name": name, "arguments": arguments} for name, arguments in calls]}


def saying(words: str) -> dict[str, object]:
    return {"content": words}


async def start(bench: Any, goal: str, **more: Any) -> WorkflowHandle[Any, Outcome]:
    case = Case(goal=goal, endpoint=bench.endpoint, **more)
    return await bench.client.start_workflow(
        Assistant.run, case, id=f"assistant-{uuid.uuid4().hex}", task_queue=bench.task_queue
    )


async def failure_of(handle: WorkflowHandle[Any, Outcome]) -> ApplicationError:
    with pytest.raises(WorkflowFailureError) as caught:
        await handle.result()
    assert isinstance(caught.value.cause, ApplicationError)
    return caught.value.cause


@pytest.fixture
def goal(request: pytest.FixtureRequest) -> str:
    """Words that no other test uses."""
    return f"{request.node.name} {uuid.uuid4().hex[:8]}"


async def test_the_calls_of_one_step_are_made_at_the_same_time(bench, goal):
    both = calling(("shop_v1__meet", {"name": "tea"}), ("shop_v1__meet", {"name": "cup"}))
    await bench.offline.play(goal, both, saying("They met."))

    outcome = await (await start(bench, goal)).result()

    record = CallRecord(service="shop.v1", operation="meet", outcome="ok")
    assert (outcome.answer, outcome.calls, outcome.stopped_because) == ("They met.", (record, record), "answered")
    assert outcome.deeds == (Deed(service="shop.v1", operation="meet", outcome="ok"),) * 2
    assert (outcome.usage.model_calls, outcome.usage.tool_calls, outcome.usage.cost_usd) == (2, 2, None)
    assert outcome.usage.input_tokens > outcome.usage.output_tokens > 0


async def test_no_more_calls_run_at_the_same_time_than_allowed(bench, goal):
    bench.shop.needed = 2
    three = calling(*(("shop_v1__meet", {"name": name}) for name in ("a", "b", "c")))
    await bench.offline.play(goal, three, saying("Done."))
    handle = await start(bench, goal, limits=Limits(max_parallel=1))

    async with bench.shop.together:
        await asyncio.wait_for(bench.shop.together.wait_for(lambda: bench.shop.present), 5)
    under_way = [
        event
        for event in (await handle.fetch_history()).events
        if event.HasField("nexus_operation_scheduled_event_attributes")
    ]
    bench.shop.needed = 1
    async with bench.shop.together:
        bench.shop.together.notify_all()
    outcome = await handle.result()

    assert len(under_way) == 1
    assert [call.outcome for call in outcome.calls] == ["ok", "ok", "ok"]


async def test_an_activity_is_a_tool_too(bench, goal):
    await bench.offline.play(goal, calling(("look_up", {"name": "tea"})), saying("Shelf 3."))

    outcome = await (await start(bench, goal)).result()

    assert outcome.calls == (CallRecord(service="local", operation="look_up", outcome="ok"),)


async def test_a_call_that_does_not_work_comes_back_to_the_model_as_a_result(bench, goal):
    names = ("refuse", "be_closed", "fail", "give_up", "price")
    step = calling(*((f"shop_v1__{name}", {"name": "tea"}) for name in names))
    await bench.offline.play(goal, step, saying("Only the price."))

    handle = await start(bench, goal)
    outcome = await handle.result()

    assert [(call.operation, call.outcome, call.error) for call in outcome.calls] == [
        ("refuse", "refused", "'tea' is not for sale"),
        ("be_closed", "unavailable", "the shop is closed"),
        ("fail", "failed", "shop.v1 fail failed for a reason of its own"),
        ("give_up", "failed", "shop.v1 give_up was cancelled by the other side"),
        ("price", "ok", None),
    ]
    told = str(await handle.fetch_history())
    assert '{\\\\\\"error\\\\\\": {\\\\\\"kind\\\\\\": \\\\\\"refused' in told


async def test_a_result_that_is_no_json_is_a_call_that_failed(bench, goal):
    await bench.offline.play(goal, calling(("photograph", {"name": "tea"})), saying("No picture."))

    outcome = await (await start(bench, goal)).result()

    assert outcome.calls == (
        CallRecord(service="local", operation="photograph", outcome="failed", error="the result is no JSON"),
    )


async def test_what_a_called_agent_used_up_is_added(bench, goal):
    await bench.offline.play(goal, calling(("shop_v1__think", {"name": "tea"})), saying("Thought."))

    outcome = await (await start(bench, goal)).result()

    assert (outcome.usage.model_calls, outcome.usage.tool_calls) == (4, 4)
    assert outcome.usage.input_tokens > 100


async def test_operations_that_are_not_for_models_are_not_offered(bench, goal):
    await bench.offline.play(goal, calling(("shop_v1__secret", {"name": "tea"})), saying("No."))

    outcome = await (await start(bench, goal)).result()

    assert [call.outcome for call in outcome.calls] == ["malformed"]


@pytest.mark.parametrize("arguments", [{}, {"name": ""}, {"name": 5}], ids=["missing", "too short", "wrong type"])
async def test_arguments_that_break_the_schema_are_given_back_to_be_corrected(bench, goal, arguments):
    wrong, right = calling(("shop_v1__price", arguments)), calling(("shop_v1__price", {"name": "tea"}))
    await bench.offline.play(goal, wrong, right, saying("7."))

    outcome = await (await start(bench, goal)).result()

    assert (outcome.answer, [call.outcome for call in outcome.calls]) == ("7.", ["malformed", "ok"])


async def test_arguments_that_are_not_json_are_given_back_while_the_rest_of_the_step_is_done(stage, goal):
    model = ScriptedModel(
        [calls("shop_v1__price", {"name": "tea"}), calls("shop_v1__price", '{"name": "cup'), calls("no_such_tool")],
        [calls("shop_v1__price", {"name": "cup"})],
        "Both 7.",
    )
    async with agent_worker(stage.client, stage.task_queue, model.call_model):
        outcome = await (await start(stage, goal)).result()

    assert (outcome.answer, [call.outcome for call in outcome.calls]) == (
        "Both 7.",
        ["ok", "malformed", "malformed", "ok"],
    )
    told = [json.loads(message.content) for message in model.requests[1].messages if message.role == "tool"]
    assert told == [
        {"text": "tea costs 7", "usage": None},
        {
            "error": {
                "kind": "malformed",
                "message": "the arguments are not JSON: Unterminated string starting at: line 1 column 10 (char 9)",
            }
        },
        {
            "error": {
                "kind": "malformed",
                "message": "there is no tool 'no_such_tool'; use one of those offered",
            }
        },
    ]


async def test_what_the_model_hears_first_are_the_instructions_and_the_goal_as_they_are(stage, goal):
    model = ScriptedModel("Nothing to do.")
    async with agent_worker(stage.client, stage.task_queue, model.call_model):
        await (await start(stage, goal)).result()

    [request] = model.requests
    assert [(message.role, message.content) for message in request.messages] == [
        ("system", "Serve the customer."),
        ("user", goal),
    ]
    assert [tool.name for tool in request.tools] == [
        *(f"shop_v1__{name}" for name in ("price", "meet", "refuse", "be_closed", "fail", "give_up", "think")),
        "look_up",
        "photograph",
    ]
    assert request.tools[0].description == "Tell what an item costs."
    assert request.tools[0].parameters == {
        "properties": {"name": {"minLength": 1, "type": "string"}},
        "required": ["name"],
        "title": "Item",
        "type": "object",
    }


async def test_a_long_result_is_cut_and_says_so(stage, goal):
    model = ScriptedModel([calls("shop_v1__price", {"name": "tea" * 100})], "Long.")
    async with agent_worker(stage.client, stage.task_queue, model.call_model):
        await (await start(stage, goal, limits=Limits(max_result_characters=100))).result()

    told = json.loads(model.requests[1].messages[-1].content)
    assert (len(told["beginning"]), told["cut_off_characters"]) == (100, 232)


@pytest.mark.parametrize(("finish", "reason"), [("length", "cut_off"), ("content_filter", "filtered")])
async def test_an_answer_that_the_provider_ended_says_so(stage, goal, finish, reason):
    model = ScriptedModel(ModelReply(content="To begin with", finish_reason=finish))
    async with agent_worker(stage.client, stage.task_queue, model.call_model):
        outcome = await (await start(stage, goal)).result()

    assert (outcome.answer, outcome.stopped_because) == ("To begin with", reason)


async def test_a_model_that_keeps_writing_malformed_arguments_ends_the_run(bench, goal):
    await bench.offline.play(goal, *(calling(("shop_v1__price", {})) for _ in range(3)), saying("never said"))

    error = await failure_of(await start(bench, goal, limits=Limits(max_corrections=2)))

    assert error.type == "UnavailableError"
    assert error.message == (
        "the model wrote malformed tool calls 3 times in a row, "
        "the last for 'price': /: \"name\" is a required property"
    )


async def test_only_malformed_steps_in_a_row_count(stage, goal):
    wrong, right = [calls("shop_v1__price")], [calls("shop_v1__price", {"name": "tea"})]
    model = ScriptedModel(wrong, right, wrong, right, "7.")
    async with agent_worker(stage.client, stage.task_queue, model.call_model):
        outcome = await (await start(stage, goal, limits=Limits(max_corrections=1))).result()

    assert outcome.answer == "7."


@pytest.mark.parametrize("kind", ["rate_limited", "server_error", "broken_stream", "ended_stream"])
async def test_a_provider_that_fails_once_is_asked_again(bench, goal, kind):
    await bench.offline.play(goal, calling(("shop_v1__price", {"name": "tea"})), saying("7."))
    await bench.offline.break_down(goal, kind, retry_after_seconds=0.1)

    handle = await start(bench, goal)
    outcome = await handle.result()

    asked = await bench.offline.requests(handle.result_run_id)
    assert outcome.answer == "7."
    assert [(entry["attempt"], entry["fault"], entry["answered"]) for entry in asked] == [
        (1, kind, False),
        (2, None, True),
    ] * 2
    failures = [
        event.activity_task_started_event_attributes.last_failure.application_failure_info.type
        for event in (await handle.fetch_history()).events
        if event.HasField("activity_task_started_event_attributes")
        and event.activity_task_started_event_attributes.attempt > 1
    ]
    assert failures == ["UnavailableError"] * 2


async def test_a_wrong_key_ends_the_run_at_once_and_names_the_variable_but_not_the_key(stage, goal):
    settings = ModelSettings(
        model="offline-script-player", base_url=stage.offline.settings.base_url, api_key="sk-wrong"
    )
    endpoint = ModelEndpoint(settings)
    async with agent_worker(stage.client, stage.task_queue, endpoint.call_model):
        handle = await start(stage, goal)
        error = await failure_of(handle)
    await endpoint.close()

    assert (error.type, error.message) == (
        "UnavailableError",
        "the model's provider does not accept the key (status 401); look at OPENAI_API_KEY",
    )
    assert "sk-wrong" not in str(await handle.fetch_history())


async def test_an_unknown_model_ends_the_run_at_once(bench, goal):
    error = await failure_of(await start(bench, goal, model="gpt-none"))

    assert error.message == (
        "the model's provider does not know model 'gpt-none' (status 404); look at CALLBOARD_MODEL and OPENAI_BASE_URL"
    )


async def test_a_run_stops_at_its_steps_and_says_so(bench, goal):
    step = {**calling(("shop_v1__price", {"name": "tea"})), "content": "Looking at prices."}
    await bench.offline.play(goal, step, step, step, saying("never said"))

    outcome = await (await start(bench, goal, limits=Limits(max_steps=2))).result()

    assert (outcome.stopped_because, len(outcome.calls)) == ("max_steps", 2)
    assert outcome.answer == "Stopped at the limit of 2 steps, before the work was done. Looking at prices."


async def test_a_model_is_not_asked_what_could_cost_more_tokens_than_are_left(bench, goal):
    await bench.offline.play(goal, saying("never said"))

    outcome = await (await start(bench, goal, limits=Limits(max_tokens=300))).result()

    assert (outcome.stopped_because, outcome.usage.model_calls) == ("max_tokens", 0)
    assert outcome.answer == "Stopped at the limit of 300 tokens, before the work was done."


async def test_a_run_stops_at_its_tokens_with_what_it_has(bench, goal):
    thinking = {"content": "It costs seven. " * 200, **calling(("shop_v1__think", {"name": "tea"}))}
    await bench.offline.play(goal, *(thinking for _ in range(9)), saying("never said"))

    outcome = await (await start(bench, goal, limits=Limits(max_tokens=9000))).result()

    used = outcome.usage.input_tokens + outcome.usage.output_tokens
    assert outcome.stopped_because == "max_tokens"
    assert "Stopped at the limit of 9000 tokens, before the work was done. It costs seven." in outcome.answer
    assert 0 < used <= 9000


async def test_a_cancelled_run_ends_as_cancelled_while_a_tool_is_under_way(bench, goal):
    await bench.offline.play(goal, calling(("shop_v1__meet", {"name": "tea"})), saying("never said"))
    handle = await start(bench, goal)
    async with bench.shop.together:
        await asyncio.wait_for(bench.shop.together.wait_for(lambda: bench.shop.present), 5)

    await handle.cancel()
    with pytest.raises(WorkflowFailureError):
        await handle.result()

    assert (await handle.describe()).status is WorkflowExecutionStatus.CANCELED


async def test_a_finished_model_call_is_never_made_again_after_the_worker_was_killed(stage, goal, run_worker):
    await stage.offline.play(
        goal,
        calling(("shop_v1__price", {"name": "tea"})),
        calling(("shop_v1__meet", {"name": "tea"})),
        saying("Survived."),
    )
    async with run_worker(stage) as first:
        handle = await start(stage, goal)
        async with stage.shop.together:
            await asyncio.wait_for(stage.shop.together.wait_for(lambda: stage.shop.present), 20)
        first.send_signal(signal.SIGKILL)
        await first.wait()
    stage.shop.needed = 1
    async with stage.shop.together:
        stage.shop.together.notify_all()
    async with run_worker(stage):
        outcome = await handle.result()

    asked = await stage.offline.requests(handle.result_run_id)
    assert outcome.answer == "Survived."
    assert [(entry["attempt"], entry["answered"]) for entry in asked] == [(1, True)] * 3
    assert len({entry["key"] for entry in asked}) == 3


async def test_many_tools_are_found_by_search_instead_of_being_offered_all(bench, goal):
    await bench.offline.play(
        goal,
        calling(("search_tools", {"query": "shop price"})),
        calling(("shop_v1__price", {"name": "tea"})),
        saying("7."),
    )

    handle = await start(bench, goal, padding=8)
    outcome = await handle.result()

    assert [(call.operation, call.outcome) for call in outcome.calls] == [("search_tools", "ok"), ("price", "ok")]
    offered = [
        len(
            pydantic_data_converter.payload_converter.from_payloads(
                event.activity_task_scheduled_event_attributes.input.payloads
            )[0]["tools"]
        )
        for event in (await handle.fetch_history()).events
        if event.HasField("activity_task_scheduled_event_attributes")
    ]
    assert offered == [2, 2 + MOST_OPENED, 2 + MOST_OPENED]


async def test_a_run_its_model_calls_and_its_tools_are_spans_of_one_trace(stage, goal, spans):
    await stage.offline.play(goal, calling(("shop_v1__refuse", {"name": "SECRET"})), saying("Done."))
    client = await Client.connect(
        stage.client.service_client.config.target_host,
        data_converter=pydantic_data_converter,
        plugins=[OpenTelemetryPlugin()],
    )
    endpoint = ModelEndpoint(stage.offline.settings)
    with trace.get_tracer("test").start_as_current_span("the request"):
        async with agent_worker(client, stage.task_queue, endpoint.call_model):
            await (await start(replace(stage, client=client), goal)).result()
    await endpoint.close()

    found = {span.context.span_id: span for span in spans.get_finished_spans()}
    names = [
        (span.name, found[span.parent.span_id].name if span.parent else None, span.attributes.get("error.type"))
        for span in sorted(found.values(), key=lambda span: span.start_time)
    ]
    assert names == [
        ("the request", None, None),
        ("invoke_agent agent", "the request", None),
        ("chat offline-script-player", "invoke_agent agent", None),
        ("execute_tool shop_v1__refuse", "invoke_agent agent", "RefusedError"),
        ("chat offline-script-player", "invoke_agent agent", None),
    ]
    assert len({span.context.trace_id for span in found.values()}) == 1
    assert "SECRET" not in "".join(span.to_json() for span in found.values())
