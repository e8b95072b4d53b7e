"""The loop on a real Temporal server and the offline model, in a plain worker without any plugin."""

import asyncio
import signal
import uuid
from typing import Any

import pytest
from agent_flows import SANDBOX, Assistant, Case
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ApplicationError
from temporalio.worker import Replayer

from callboard_contracts import Deed
from callboard_kit.agent import CallRecord, Limits, Outcome


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
    alone = dict(bench.shop.present)
    bench.shop.needed = 1
    async with bench.shop.together:
        bench.shop.together.notify_all()
    outcome = await handle.result()

    assert alone == {"a": 1}
    assert [call.outcome for call in outcome.calls] == ["ok", "ok", "ok"]


async def test_an_activity_is_a_tool_too(bench, goal):
    await bench.offline.play(goal, calling(("look_up", {"name": "tea"})), saying("Shelf 3."))

    outcome = await (await start(bench, goal)).result()

    assert outcome.calls == (CallRecord(service="local", operation="look_up", outcome="ok"),)


async def test_a_call_that_does_not_work_comes_back_to_the_model_as_a_result(bench, goal):
    names = ("refuse", "be_closed", "fail", "price")
    step = calling(*((f"shop_v1__{name}", {"name": "tea"}) for name in names))
    await bench.offline.play(goal, step, saying("Only the price."))

    handle = await start(bench, goal)
    outcome = await handle.result()

    assert [(call.operation, call.outcome, call.error) for call in outcome.calls] == [
        ("refuse", "refused", "'tea' is not for sale"),
        ("be_closed", "unavailable", "the shop is closed"),
        ("fail", "failed", "shop.v1 fail failed for a reason of its own"),
        ("price", "ok", None),
    ]
    told = str(await handle.fetch_history())
    assert '{\\\\\\"error\\\\\\": {\\\\\\"kind\\\\\\": \\\\\\"refused' in told


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


async def test_arguments_that_are_not_json_are_given_back_and_only_they_are_asked_for_again(bench, goal):
    step = calling(("shop_v1__price", {"name": "tea"}), ("shop_v1__price", {"name": "cup"}))
    await bench.offline.play(goal, step, saying("Both 7."))
    # Every first attempt is struck, so the correction would be struck as well: a rate below 1 lets one through.
    await bench.offline.break_down(goal, "malformed_arguments", rates={"malformed_arguments": 0.5})

    outcome = await (await start(bench, goal, limits=Limits(max_corrections=19))).result()

    assert outcome.answer == "Both 7."
    assert sum(call.outcome == "ok" for call in outcome.calls) == 2


async def test_a_model_that_keeps_writing_malformed_arguments_ends_the_run(bench, goal):
    await bench.offline.play(goal, *(calling(("shop_v1__price", {})) for _ in range(3)), saying("never said"))

    error = await failure_of(await start(bench, goal, limits=Limits(max_corrections=2)))

    assert error.type == "UnavailableError"
    assert error.message == (
        "the model wrote malformed tool calls 3 times in a row, "
        "the last for 'price': /: \"name\" is a required property"
    )


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


async def test_a_wrong_key_ends_the_run_at_once_and_names_the_variable_but_not_the_key(stage, goal):
    from agent_flows import agent_worker

    from callboard_kit.agent import ModelEndpoint, ModelSettings

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


async def test_a_run_stops_at_its_tokens_and_says_so(bench, goal):
    await bench.offline.play(goal, calling(("shop_v1__price", {"name": "tea"})), saying("never said"))

    outcome = await (await start(bench, goal, limits=Limits(max_tokens=10))).result()

    assert (outcome.stopped_because, outcome.usage.model_calls) == ("max_tokens", 1)


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

    handle = await start(bench, goal, padding=9)
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
    assert offered == [1, 9, 9]


async def test_a_run_can_be_replayed(bench, goal):
    both = calling(("shop_v1__meet", {"name": "tea"}), ("shop_v1__refuse", {"name": "cup"}))
    bench.shop.needed = 1
    await bench.offline.play(goal, both, calling(("shop_v1__price", {})), saying("Done."))
    handle = await start(bench, goal)
    await handle.result()

    replayer = Replayer(workflows=[Assistant], data_converter=pydantic_data_converter, workflow_runner=SANDBOX)
    replayed = await replayer.replay_workflow(await handle.fetch_history())

    assert replayed.replay_failure is None
