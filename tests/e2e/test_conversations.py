"""A conversation over HTTP and at the command line: one's own, whole, and with clear words for what cannot be."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from callboard_kit.client import load_key
from callboard_kit.persons import Person, issue_token
from tests.playing.approving import approver
from tests.playing.commands import command
from tests.playing.stage import Stage
from tests.playing.waiting import until

# The first test of a run also starts the mesh.
pytestmark = pytest.mark.timeout(300)

LOOK = {"tool_calls": [{"name": "inventory_v1__list_all_product_types", "arguments": {}}]}
Gateway = Callable[[str], httpx.AsyncClient]


@pytest.fixture
async def gateway(stage: Stage) -> AsyncIterator[Gateway]:
    """A client of the gateway for whoever is named."""
    [part] = [part for part in stage.parts if part.name == "gateway"]
    clients: list[httpx.AsyncClient] = []

    def client(name: str) -> httpx.AsyncClient:
        person = Person(name=name, scopes=("runs", "runs-all"))
        token = issue_token(load_key("inbox", stage.settings), person, now=time.time(), lifetime=timedelta(hours=1))
        headers = {"authorization": f"Bearer {token}"}
        clients.append(httpx.AsyncClient(base_url=f"http://{part.address}", headers=headers, timeout=60))
        return clients[-1]

    yield client
    for each in clients:
        await each.aclose()


async def rehearsed(stage: Stage, *steps: dict[str, Any]) -> str:
    """Give the offline model a script for a conversation, and return the words that begin it."""
    words = f"conversation {uuid.uuid4().hex}"
    await stage.rehearse({"id": words, "match": words, "equals": True, "steps": list(steps)})
    return words


async def opened(client: httpx.AsyncClient, **how: object) -> str:
    answer = await client.post("/v1/conversations", json=how)
    assert answer.status_code == 201, answer.text
    return f"/v1/conversations/{answer.json()['id']}"


async def test_a_customer_talks_asks_again_and_reads_what_was_said(stage: Stage, gateway: Gateway) -> None:
    ada = gateway(f"ada-{uuid.uuid4().hex[:6]}")
    hello = await rehearsed(stage, LOOK, {"content": "We have mugs. Which one?"}, {"content": "The red one is gone."})
    place = await opened(ada)

    first = (await ada.post(f"{place}/messages", json={"text": hello, "message": "m-1"})).json()
    second = (await ada.post(f"{place}/messages", json={"text": "The red one.", "message": "m-2"})).json()
    again = (await ada.post(f"{place}/messages", json={"text": hello, "message": "m-1"})).json()
    told = (await ada.get(place)).json()
    closed = (await ada.delete(place)).json()
    kinds = [kind async for kind in events(ada, place)]

    assert (first["text"], second["text"]) == ("We have mugs. Which one?", "The red one is gone.")
    assert first["deeds"] == [{"service": "inventory.v1", "operation": "list_all_product_types", "outcome": "ok"}]
    assert again == first
    assert [(each["message"], each["answer"]) for each in told["said"]] == [
        ("m-1", "We have mugs. Which one?"),
        ("m-2", "The red one is gone."),
    ]
    assert (told["state"], told["messages"], closed["state"]) == ("open", 2, "closed")
    assert kinds.count("run.started") == 1
    assert kinds[-1] == "run.ended"
    assert kinds.count("step.ended") == 3
    assert "text.delta" in kinds


async def test_whoever_has_no_time_gets_the_answer_with_the_same_message_later(stage: Stage, gateway: Gateway) -> None:
    ada = gateway(f"ada-{uuid.uuid4().hex[:6]}")
    hello = await rehearsed(stage, {"content": "At last. " * 4, "piece_length": 4, "pause_seconds": 0.1})
    place = await opened(ada)

    early = await ada.post(f"{place}/messages", params={"wait": 0.1}, json={"text": hello, "message": "m-1"})
    late = await ada.post(f"{place}/messages", json={"text": hello, "message": "m-1"})

    assert (early.status_code, early.json()["state"]) == (202, "pending")
    assert (late.status_code, late.json()["text"]) == (200, "At last. " * 4)
    assert (await ada.get(place)).json()["messages"] == 1


async def test_what_cannot_be_is_said_clearly_and_loses_nothing(stage: Stage, gateway: Gateway) -> None:
    ada, eve = gateway(f"ada-{uuid.uuid4().hex[:6]}"), gateway(f"eve-{uuid.uuid4().hex[:6]}")
    hello = await rehearsed(stage, {"content": "Hello."})
    place = await opened(ada)
    first = await ada.post(f"{place}/messages", json={"text": hello, "message": "m-1"})

    foreign = await eve.post(f"{place}/messages", json={"text": "Hello?"})
    seen = await eve.get(place)
    followed = await eve.get(f"{place}/events")
    misplaced = await ada.get(f"{place}/events", headers={"last-event-id": "yesterday"})
    unknown = await ada.post(f"{place}0/messages", json={"text": "Hello?"})
    unproved = await ada.get(place, headers={"authorization": "Bearer nobody"})
    blank = await ada.post(f"{place}/messages", json={"text": "  "})
    large = await ada.post(f"{place}/messages", json={"text": "x" * 10_000_000})
    long = await ada.post(f"{place}/messages", json={"text": "x" * 20_001})
    reused = await ada.post(f"{place}/messages", json={"text": "Another.", "message": "m-1"})
    await ada.post(f"{place}/close", json={"reason": "settled"})
    late = await ada.post(f"{place}/messages", json={"text": "One more."})
    told = (await ada.get(place)).json()

    problems = [foreign, seen, followed, misplaced, unknown, unproved, blank, large, long, reused, late]
    assert [(each.status_code, each.json()["code"]) for each in problems] == [
        (404, "unknown_conversation"),
        (404, "unknown_conversation"),
        (404, "unknown_conversation"),
        (400, "invalid_event_id"),
        (404, "unknown_conversation"),
        (401, "not_authenticated"),
        (400, "invalid_request"),
        (413, "body_too_large"),
        (400, "invalid_request"),
        (422, "message_reused"),
        (409, "conversation_closed"),
    ]
    assert late.json()["detail"].endswith("is closed; open another one")
    assert first.json()["text"] == "Hello."
    assert [each["message"] for each in told["said"]] == ["m-1"]
    assert told["closed_because"] == "settled"


async def test_a_chat_is_gone_on_with_by_its_id(stage: Stage) -> None:
    hello = await rehearsed(stage, {"content": "Which mug?"}, {"content": "It is red."})

    code, out, err = await chat(stage, f"{hello}\n", "--json", "--person", "ada")
    first = json.loads(out)
    again = await chat(stage, "The red one.\n\n", first["conversation"], "--person", "ada", "--close")

    assert (code, first["text"]) == (0, "Which mug?")
    assert f"'callboard chat {first['conversation']}' goes on with it (with --person ada)" in err
    assert (again[0], again[1]) == (0, "It is red.\n")
    assert "is closed" in again[2]


async def test_a_message_is_taken_back_while_it_is_answered_and_one_finds_one_s_own_conversations(
    stage: Stage, gateway: Gateway
) -> None:
    ada, eve = gateway(f"ada-{uuid.uuid4().hex[:6]}"), gateway(f"eve-{uuid.uuid4().hex[:6]}")
    hello = await rehearsed(stage, {"content": "Well. " * 60, "piece_length": 6, "pause_seconds": 0.5})
    again = await rehearsed(stage, {"content": "Here I am."})
    place = await opened(ada)
    await ada.post(f"{place}/messages", params={"wait": 0.1}, json={"text": hello, "message": "m-1"})
    waiting = asyncio.create_task(ada.post(f"{place}/messages", json={"text": hello, "message": "m-1"}))

    foreign = await eve.post(f"{place}/messages/m-1/withdraw")
    withdrawn = await ada.post(f"{place}/messages/m-1/withdraw")
    refused = await waiting
    unknown = await ada.post(f"{place}/messages/m-9/withdraw")
    answer = await ada.post(f"{place}/messages", json={"text": again, "message": "m-2"})
    late = await ada.post(f"{place}/messages/m-2/withdraw")
    other = await opened(ada)
    await ada.post(f"{other}/close")

    async def listed(client: httpx.AsyncClient, **which: object) -> list[tuple[str, str]]:
        found = (await client.get("/v1/conversations", params=which)).json()["conversations"]
        return [(f"/v1/conversations/{each['id']}", each["state"]) for each in found]

    async def are_all_listed() -> bool:
        return await listed(ada, closed=True) == [(other, "closed"), (place, "open")]

    await until(are_all_listed, within=60)

    assert (foreign.status_code, foreign.json()["code"]) == (404, "unknown_conversation")
    assert (withdrawn.status_code, withdrawn.json()) == (200, {"message": "m-1", "state": "withdrawn"})
    assert (refused.status_code, refused.json()["code"]) == (409, "message_withdrawn")
    assert (unknown.status_code, unknown.json()["code"]) == (422, "refused")
    assert answer.json()["text"] == "Here I am."
    assert late.json()["state"] == "answered"
    assert [each["message"] for each in (await ada.get(place)).json()["said"]] == ["m-2"]
    assert await listed(ada) == [(place, "open")]
    assert await listed(eve, closed=True) == []


async def test_the_command_lists_a_person_s_chats(stage: Stage) -> None:
    hello = await rehearsed(stage, {"content": "Hello."})
    person = f"ada-{uuid.uuid4().hex[:6]}"
    _, out, _ = await chat(stage, f"{hello}\n", "--json", "--person", person)
    conversation = json.loads(out)["conversation"]

    async def is_listed() -> bool:
        code, listed, _ = await chat(stage, "", "--list", "--person", person)
        return code == 0 and listed.startswith(f"{conversation}  ") and listed.endswith("  open\n")

    await until(is_listed, within=60)
    _, told, _ = await chat(stage, "", "--list", "--person", person, "--json")
    nobodys = await chat(stage, "", "--list", "--person", f"{person}-and-eve")

    assert [each["conversation"] for each in json.loads(told)] == [conversation]
    assert (nobodys[0], nobodys[1]) == (0, "")
    assert "there is no conversation yet" in nobodys[2]


async def events(client: httpx.AsyncClient, place: str) -> AsyncIterator[str]:
    """Yield the kinds of all that is told of a conversation, to its end."""
    async with client.stream("GET", f"{place}/events") as response:
        assert response.status_code == 200
        async for line in response.aiter_lines():
            if line.startswith("event: "):
                yield line.removeprefix("event: ")


async def chat(stage: Stage, typed: str, *arguments: str) -> tuple[int, str, str]:
    """Run `callboard chat` with what is typed, and return its exit code, its answers and its remarks."""
    said = await command(stage.environment, "chat", *arguments, given=typed.encode())
    return said.code, said.out, said.err


async def test_a_message_waits_for_the_person_whose_approval_it_needs(stage: Stage, gateway: Gateway) -> None:
    ada = gateway(f"ada-{uuid.uuid4().hex[:6]}")
    handover = {"name": "support_v1__transfer_to_human_agents", "arguments": {"summary": "Wants a person."}}
    hello = await rehearsed(stage, {"tool_calls": [handover]}, {"content": "Somebody takes over."})
    place = await opened(ada, approvals="effects")

    early = await ada.post(f"{place}/messages", params={"wait": 0.5}, json={"text": hello, "message": "m-1"})
    busy = (await ada.get(place)).json()["busy"]
    async with approver(stage) as person, person.answering(place.rpartition("/")[2]):
        late = await ada.post(f"{place}/messages", json={"text": hello, "message": "m-1"})

    assert (early.status_code, busy) == (202, True)
    assert late.json()["text"] == "Somebody takes over."
    assert [asked.question.operation for asked, _ in person.answered] == ["transfer_to_human_agents"]


async def test_another_teams_specialist_goes_on_and_the_customer_sees_one_conversation(
    stage: Stage, gateway: Gateway
) -> None:
    ada = gateway(f"ada-{uuid.uuid4().hex[:6]}")
    moved = f"I have moved {uuid.uuid4().hex}"
    over = {"team": "customers", "reason": "The customer has moved.", "facts": {"user_id": "ada_smith_1234"}}
    hello = await rehearsed(
        stage,
        {"content": "Hello."},
        {"tool_calls": [{"name": "hand_over", "arguments": over}]},
        {"content": "I hand you over."},
    )
    specialist = [{"content": "Where to?"}]
    await stage.rehearse({"id": moved, "match": moved, "tools": ["hand_back"], "steps": specialist})
    place = await opened(ada)

    first = (await ada.post(f"{place}/messages", json={"text": hello})).json()
    second = (await ada.post(f"{place}/messages", json={"text": moved})).json()
    told = (await ada.get(place)).json()

    assert [(each["team"], each["text"]) for each in (first, second)] == [
        ("support", "Hello."),
        ("customers", "Where to?"),
    ]
    assert (told["team"], told["messages"]) == ("customers", 2)
