"""What a customer wants remembered is known in the next conversation, listed, forgotten, and then known no more."""

import json
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import httpx
import pytest

from callboard_kit.client import load_key
from callboard_kit.persons import Person, issue_token
from tests.playing.commands import command as run_command
from tests.playing.stage import Stage

# The first test of a run also starts the mesh.
pytestmark = pytest.mark.timeout(300)

Command = Callable[..., Any]


@pytest.fixture
def command(stage: Stage) -> Command:
    """Return what runs `callboard` on the mesh and gives its exit code, its results and its remarks."""

    async def run(*arguments: str) -> tuple[int, str, str]:
        said = await run_command(stage.environment, *arguments)
        return said.code, said.out, said.err

    return run


def gateway(stage: Stage, name: str) -> httpx.AsyncClient:
    [part] = [part for part in stage.parts if part.name == "gateway"]
    token = issue_token(
        load_key("inbox", stage.settings),
        Person(name=name, scopes=("runs",)),
        now=time.time(),
        lifetime=timedelta(hours=1),
    )
    headers = {"authorization": f"Bearer {token}"}
    return httpx.AsyncClient(base_url=f"http://{part.address}", headers=headers, timeout=60)


async def talked(stage: Stage, client: httpx.AsyncClient, *steps: Mapping[str, Any]) -> Mapping[str, Any]:
    """Have a conversation of one message, and return what became of the memory that its model was to know."""
    words = f"memory {uuid.uuid4().hex}"
    await stage.rehearse({"id": words, "match": words, "equals": True, "steps": list(steps)})
    opened = await client.post("/v1/conversations", json={})
    place = f"/v1/conversations/{opened.json()['id']}"
    answer = await client.post(f"{place}/messages", json={"text": words})
    assert answer.status_code == 200, answer.text
    await client.post(f"{place}/close", json={"reason": "settled"})
    async with client.stream("GET", f"{place}/events") as events:
        async for line in events.aiter_lines():
            if line.startswith("data:") and json.loads(line[5:])["kind"] == "context.prepared":
                [source] = json.loads(line[5:])["data"]["sources"]
                return source
    raise AssertionError("no context was prepared")


async def test_a_wish_is_remembered_for_whom_it_is_of_and_forgotten_on_record(stage: Stage, command: Command) -> None:
    ada, eve = f"ada-{uuid.uuid4().hex[:6]}", f"eve-{uuid.uuid4().hex[:6]}"
    wish = "Wants parcels left with the neighbour."
    remember = {"tool_calls": [{"name": "remember", "arguments": {"text": wish, "kind": "preference"}}]}
    done = {"content": "As you wish."}

    async with gateway(stage, ada) as of_ada, gateway(stage, eve) as of_eve:
        first = await talked(stage, of_ada, remember, done)
        second = await talked(stage, of_ada, done)
        for_eve = await talked(stage, of_eve, done)
        _, listed, _ = await command("memory", "list", "support", "--person", ada, "--json")
        _, forgotten, said = await command("memory", "forget", "support", "--person", ada, "--why", "asked for")
        afterwards = await talked(stage, of_ada, done)
    _, record, _ = await command("memory", "list", "support", "--forgotten", "--json")

    assert [each["fetched"] for each in (first, second, for_eve, afterwards)] == ["empty", "ok", "empty", "empty"]
    assert second["kept"] == 1
    [memory] = json.loads(listed)
    assert (memory["text"], memory["kind"], memory["by"]) == (wish, "preference", f"support/support for {ada}")
    assert forgotten.split() == [memory["id"]]
    assert "1 forgotten, on record" in said
    [noted] = [each for each in json.loads(record) if memory["id"] in each["ids"]]
    assert noted["by"].startswith("operator ")
    assert noted["why"] == "asked for"
    assert wish not in record


async def test_a_run_is_given_tools_and_things_to_know_and_refused_what_no_rule_allows(
    stage: Stage, command: Command
) -> None:
    words = f"brief {uuid.uuid4().hex}"
    await stage.rehearse({"id": words, "match": words, "equals": True, "steps": [{"content": "Noted."}]})

    code, out, err = await command("run", words, "--tool", "orders.v1.get_*", "--know", "The shop is closed.", "--json")
    refused = await command("run", words, "--model", "dear-model")

    assert code == 0, err
    settled = json.loads(out)
    assert settled["answer"] == "Noted."
    client = await stage.client("orchestrator")
    history = await client.get_workflow_handle(f"orchestrator-orchestrate-{settled['run_id']}").fetch_history()
    [asked] = [
        json.loads(each.activity_task_scheduled_event_attributes.input.payloads[0].data)
        for each in history.events
        if each.activity_task_scheduled_event_attributes.activity_type.name == "callboard.call_model"
    ]
    assert [tool["name"] for tool in asked["tools"]] == ["orders_v1__get_order_details"]
    assert "The shop is closed." in asked["messages"][-1]["content"]
    assert refused[0] == 1
    assert "does not let 'orchestrator' have it ask the model 'dear-model'" in refused[2]
