"""Requests in words, settled on a real Temporal server with the offline model and two small teams."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from two_teams import ADA, REFUSED_WORDS

from callboard_contracts import ServiceDescription
from callboard_kit import Limits
from callboard_kit.agent import CallRecord
from callboard_orchestrator import catalog as catalogs
from callboard_orchestrator.client import orchestrate, start_orchestrate
from callboard_orchestrator.messages import Request
from callboard_orchestrator.workflows import Orchestrate


def calling(*calls: tuple[str, dict[str, object]]) -> dict[str, object]:
    return {"tool_calls": [{"name": name, "arguments": arguments} for name, arguments in calls]}


def saying(words: str) -> dict[str, object]:
    return {"content": words}


FIND = ("customers_v1__find_user_id_by_email", {"email": ADA.email})


def look(order_id: str) -> tuple[str, dict[str, object]]:
    return ("orders_v1__get_order_details", {"order_id": order_id})


def cancel(order_id: str) -> tuple[str, dict[str, object]]:
    return ("orders_v1__cancel_pending_order", {"order_id": order_id, "reason": "no longer needed"})


def record(service: str, operation: str, outcome: str = "ok", error: str | None = None) -> CallRecord:
    return CallRecord.model_validate({"service": service, "operation": operation, "outcome": outcome, "error": error})


async def test_a_request_is_settled_with_calls_that_are_made_at_the_same_time(stage):
    stage.orders.present.awaited = 2
    await stage.offline.play(
        stage.words, calling(FIND), calling(look("#W2"), look("#W4")), calling(cancel("#W2")), saying("Cancelled.")
    )

    settled = await orchestrate(stage.client, stage.words, person="ada", root=f"root-{stage.words[-8:]}")

    assert settled.answer == "Cancelled."
    assert settled.calls == (
        record("customers.v1", "find_user_id_by_email"),
        record("orders.v1", "get_order_details"),
        record("orders.v1", "get_order_details"),
        record("orders.v1", "cancel_pending_order"),
    )
    assert (settled.stopped_because, settled.usage.model_calls, settled.usage.tool_calls) == ("answered", 4, 4)
    assert sorted(stage.orders.present.seen) == ["#W2", "#W4"]
    assert stage.orders.cancelled == ["#W2"]
    assert (stage.customers.people, stage.customers.roots) == (["ada"], [f"root-{stage.words[-8:]}"])


async def test_a_refusal_comes_back_to_the_model_which_then_does_something_else(stage):
    await stage.offline.play(
        stage.words, calling(cancel("#W1")), calling(cancel("#W2")), saying("#W1 is delivered; #W2 is cancelled.")
    )

    handle = await start_orchestrate(stage.client, stage.words)
    settled = await handle.result()

    assert settled.calls == (
        record("orders.v1", "cancel_pending_order", "refused", REFUSED_WORDS),
        record("orders.v1", "cancel_pending_order"),
    )
    assert stage.orders.cancelled == ["#W2"]
    told = str(await handle.fetch_history())
    assert "claim nothing as done whose call was refused" in told
    assert 'kind\\\\\\": \\\\\\"refused' in told


async def test_arguments_that_break_the_contract_are_corrected_and_never_called(stage):
    wrong = ("orders_v1__cancel_pending_order", {"order_id": "#W2", "reason": "bored"})
    await stage.offline.play(stage.words, calling(wrong), calling(cancel("#W2")), saying("Done."))

    settled = await orchestrate(stage.client, stage.words)

    assert [call.outcome for call in settled.calls] == ["malformed", "ok"]
    assert stage.orders.cancelled == ["#W2"]


async def test_a_registry_that_goes_down_does_not_stop_runs(stage, monkeypatch):
    monkeypatch.setattr(catalogs, "LONGEST_AGE", timedelta(0))
    await stage.offline.play(stage.words, calling(cancel("#W2")), saying("Done."))
    await stage.catalog.offered_operations()
    stage.registry.down = True

    settled = await orchestrate(stage.client, stage.words)

    assert (settled.answer, stage.registry.missed.is_set()) == ("Done.", True)


async def test_a_run_waits_for_a_registry_that_was_never_heard_and_goes_on_when_it_comes(stage):
    await stage.offline.play(stage.words, calling(cancel("#W2")), saying("Done."))
    stage.registry.down = True
    handle = await start_orchestrate(stage.client, stage.words)
    await asyncio.wait_for(stage.registry.missed.wait(), 5)
    stage.registry.down = False

    assert (await handle.result()).answer == "Done."


async def test_what_policy_does_not_offer_is_no_tool_at_all(stage):
    stage.registry.policies.pop()
    await stage.offline.play(stage.words, calling(cancel("#W2")), saying("I cannot."))

    settled = await orchestrate(stage.client, stage.words)

    [call] = settled.calls
    assert (call.outcome, stage.orders.cancelled) == ("malformed", [])


async def test_a_catalog_of_more_than_forty_operations_is_searched(stage):
    [listing] = [each for each in stage.registry.listings if each.service == "customers.v1"]
    described = ServiceDescription.model_validate_json(listing.document)
    crowd = [described.operations[0].model_copy(update={"name": f"find_{number}"}) for number in range(41)]
    described = described.model_copy(update={"operations": tuple(crowd)})
    stage.registry.listings.remove(listing)
    stage.registry.listings.append(replace(listing, document=described.model_dump_json().encode()))
    await stage.offline.play(
        stage.words,
        calling(("search_tools", {"query": "cancel a pending order"})),
        calling(cancel("#W2")),
        saying("Done."),
    )

    settled = await orchestrate(stage.client, stage.words)

    assert settled.calls == (record("orders.v1", "cancel_pending_order"),)
    assert stage.orders.cancelled == ["#W2"]


@pytest.mark.parametrize(
    ("limits", "stopped"),
    [(Limits(steps=2), "max_steps"), (Limits(tokens=1000), "max_tokens")],
    ids=["steps", "tokens"],
)
async def test_the_limits_of_the_tree_are_those_of_the_model(stage, limits, stopped):
    await stage.offline.play(stage.words, *[calling(look("#W2"))] * 5, saying("Never said."))

    settled = await orchestrate(stage.client, stage.words, limits=limits)

    assert settled.stopped_because == stopped
    assert settled.answer.startswith("Stopped at the limit of")


async def test_a_tree_that_allows_no_step_is_refused(stage):
    with pytest.raises(WorkflowFailureError) as caught:
        await orchestrate(stage.client, stage.words, limits=Limits(steps=0))

    assert isinstance(caught.value.cause, ApplicationError)
    assert (caught.value.cause.type, "allow no step" in caught.value.cause.message) == ("RefusedError", True)


async def test_a_request_started_by_plain_temporal_names_its_person_and_its_limits_itself(stage):
    await stage.offline.play(stage.words, calling(FIND), calling(look("#W2")), saying("Never said."))

    settled = await stage.client.execute_workflow(
        Orchestrate.run,
        Request(words=stage.words, person="bob", limits=Limits(fan_out=1)),
        id=f"plain-{stage.words[-8:]}",
        task_queue="orchestrator",
    )

    assert stage.customers.people == ["bob"]
    assert [call.outcome for call in settled.calls] == ["ok", "refused"]


async def test_a_tree_is_started_once(stage):
    await stage.offline.play(stage.words, saying("Hello."))
    root = f"once-{stage.words[-8:]}"
    await orchestrate(stage.client, stage.words, root=root)

    with pytest.raises(WorkflowAlreadyStartedError):
        await orchestrate(stage.client, stage.words, root=root)
