"""What a client of the gateway sees."""

import asyncio
from typing import Any

import httpx2
import pytest

from .conftest import Theatre, sse

ANSWER = "Your address is 1 Old Road, Denver. " * 8
LOOK_UP = {"tool_calls": [{"name": "customers_v1__get_user_details", "arguments": {"user_id": "ada_smith_1234"}}]}


async def ended(client: httpx2.AsyncClient, run_id: str) -> dict[str, Any]:
    async with asyncio.timeout(20), client.stream("GET", f"/v1/runs/{run_id}/events") as response:
        assert response.status_code == 200
        [*_, (_, last)] = [each async for each in sse(response)]
    return last


async def test_a_run_is_started_followed_and_settled(theatre: Theatre) -> None:
    words = await theatre.play(LOOK_UP, {"content": ANSWER})
    async with theatre.client() as client:
        started = await client.post("/v1/runs", json={"words": words})
        assert started.status_code == 201
        run_id = started.json()["id"]
        assert started.headers["location"] == f"/v1/runs/{run_id}"
        async with client.stream("GET", f"/v1/runs/{run_id}/events") as response:
            assert response.headers["content-type"].startswith("text/event-stream")
            events = [event async for _, event in sse(response)]
        shown = (await client.get(f"/v1/runs/{run_id}")).json()

    kinds = [event["kind"] for event in events if event["kind"] != "text.delta"]
    assert kinds[:5] == ["run.started", "step.started", "step.ended", "usage", "tool.called"]
    assert sorted(kinds[5:8]) == ["call.ended", "call.started", "tool.returned"]
    assert kinds[8:] == ["step.started", "step.ended", "usage", "run.ended"]
    assert "".join(event["data"]["text"] for event in events if event["kind"] == "text.delta") == ANSWER
    assert {event["team"] for event in events if event["kind"].startswith("call.")} == {"customers"}
    assert len({event["id"] for event in events}) == len(events)
    assert shown["state"] == "ok"
    assert shown["result"]["answer"] == ANSWER
