"""Whatever is killed while a run is watched, its result stands, and who watches misses nothing that can be had."""

import asyncio
import json
import os
import signal
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.playing.commands import Said, command
from tests.playing.following import Heard, follow, gateway_client
from tests.playing.stage import Stage
from tests.playing.waiting import until

# The first test of a run also starts the mesh, and a worker that was killed is missed for a while.
pytestmark = pytest.mark.timeout(300)

ANSWER = "The quick brown fox jumps over the lazy dog. " * 12
LOOK = {"tool_calls": [{"name": "inventory_v1__list_all_product_types", "arguments": {}}]}


@pytest.fixture
async def gateway(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    async with gateway_client(stage) as client:
        yield client


async def rehearsed(stage: Stage, *steps: dict[str, Any]) -> str:
    """Give the offline model a script and return the words that it is for."""
    words = f"streaming {uuid.uuid4().hex}"
    await stage.rehearse({"id": words, "match": words, "equals": True, "steps": list(steps)})
    return words


async def start(gateway: httpx.AsyncClient, words: str) -> str:
    answer = await gateway.post("/v1/runs", json={"words": words})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def assert_nothing_is_missing_or_doubled(heard: Heard) -> None:
    assert (heard.missing(), heard.doubled()) == ([], [])


async def killed(stage: Stage, part: str) -> None:
    """Kill a process as a power cut would, and wait until its successor does its work."""
    before = stage.processes()[part].pid
    assert before is not None
    os.kill(before, signal.SIGKILL)

    async def is_back() -> bool:
        pid = stage.processes()[part].pid
        return pid is not None and pid != before and await stage.works(part, pid)

    await until(is_back, within=90)


async def test_what_a_killed_worker_had_streamed_is_taken_back_and_no_finished_call_is_made_again(
    stage: Stage, gateway: httpx.AsyncClient
) -> None:
    words = await rehearsed(stage, LOOK, {"content": ANSWER, "piece_length": 6, "pause_seconds": 0.05})
    run_id = await start(gateway, words)
    heard, some = Heard(), asyncio.Event()
    following = asyncio.create_task(
        follow(gateway, run_id, heard, lambda heard: heard.kinds["text.delta"] > 5 and some.set())
    )
    await some.wait()

    await killed(stage, "orchestrator")
    await following

    assert heard.kinds["step.retracted"] == 1
    assert heard.text() == ANSWER
    assert heard.kinds["run.ended"] == 1
    workflow_run = next(event["id"] for event in heard.events if event["kind"] == "run.started").rpartition(":")[0]
    asked = [each for each in await stage.requests() if each["key"].startswith(workflow_run)]
    answered = Counter(each["key"] for each in asked if each["answered"])
    assert sorted(answered.values()) == [1, 1]
    assert len(asked) == 3
    assert (await gateway.get(f"/v1/runs/{run_id}")).json()["result"]["answer"] == ANSWER


async def test_a_run_whose_redis_is_gone_for_good_still_ends_and_has_its_result(
    stage: Stage, gateway: httpx.AsyncClient
) -> None:
    words = await rehearsed(stage, LOOK, {"content": "Done.", "piece_length": 1, "pause_seconds": 0.2})
    run_id = await start(gateway, words)
    heard, some = Heard(), asyncio.Event()
    following = asyncio.create_task(
        follow(gateway, run_id, heard, lambda heard: heard.kinds["run.started"] and some.set())
    )
    await some.wait()
    await stage.take_away("valkey")
    try:
        await following
        result = (await gateway.get(f"/v1/runs/{run_id}")).json()["result"]
    finally:
        await stage.bring_back("valkey")

    assert heard.events[-1]["kind"] == "run.ended"
    assert heard.events[-1]["data"]["outcome"] == "ok"
    assert result["answer"] == "Done."


async def test_many_runs_stream_at_once_and_none_loses_an_event(stage: Stage, gateway: httpx.AsyncClient) -> None:
    words = await rehearsed(stage, LOOK, {"content": ANSWER, "piece_length": 12, "pause_seconds": 0.02})
    run_ids = await asyncio.gather(*(start(gateway, words) for _ in range(24)))
    heard = [Heard() for _ in run_ids]

    await asyncio.gather(*(follow(gateway, run_id, each) for run_id, each in zip(run_ids, heard, strict=True)))

    for each in heard:
        assert each.text() == ANSWER
        assert_nothing_is_missing_or_doubled(each)
        assert each.kinds["gap"] == each.kinds["step.retracted"] == 0


async def test_what_another_team_does_is_told_but_not_what_its_agent_says_where_that_is_sensitive(
    stage: Stage, gateway: httpx.AsyncClient
) -> None:
    said = "The customer lives at 1 Old Road."
    goal = await rehearsed(stage, LOOK, {"content": said})
    assist = {"tool_calls": [{"name": "orders_v1__assist", "arguments": {"goal": goal}}]}
    words = await rehearsed(stage, assist, {"content": "Done."})
    heard = Heard()

    await follow(gateway, await start(gateway, words), heard)

    of_orders = Counter(event["kind"] for event in heard.events if event["team"] == "orders")
    assert of_orders["step.started"] == of_orders["step.ended"] == 2
    assert of_orders["tool.called"] == 1
    assert of_orders["call.started"] == of_orders["call.ended"] == 1
    assert of_orders["text.delta"] == 0
    assert said not in json.dumps(heard.events)
    assert goal not in json.dumps(heard.events)
    assert heard.text() == "Done."
    assert_nothing_is_missing_or_doubled(heard)


async def test_a_run_that_nobody_takes_up_fails_within_seconds_unless_it_may_wait(
    stage: Stage, gateway: httpx.AsyncClient
) -> None:
    words = await rehearsed(stage, {"content": "At last."})
    await stage.take_away("orchestrator")
    try:
        began = time.monotonic()
        refused = await gateway.post("/v1/runs", json={"words": words})
        took = time.monotonic() - began
        waiting = await gateway.post("/v1/runs", json={"words": words, "mode": "autonomous"})
    finally:
        await stage.bring_back("orchestrator")
    heard = Heard()
    await follow(gateway, waiting.json()["id"], heard)

    assert (refused.status_code, refused.json()["code"]) == (503, "no_worker")
    assert took < 15
    assert waiting.status_code == 201
    assert heard.text() == "At last."


async def test_the_command_shows_a_run_while_it_goes_on_and_finds_it_again(stage: Stage) -> None:
    words = await rehearsed(stage, LOOK, {"content": ANSWER})

    streamed = await at_home(stage, "run", "--stream", words)
    [listed, *_] = json.loads((await at_home(stage, "runs", "list", "--json")).out)
    shown = json.loads((await at_home(stage, "runs", "show", "--json", listed["id"])).out)
    attached = await at_home(stage, "runs", "attach", "--json", listed["id"])
    cancelled = await at_home(stage, "runs", "cancel", listed["id"])

    assert streamed.code == 0
    assert streamed.out.startswith(ANSWER)
    assert streamed.out.count(ANSWER) == 1
    assert "orchestrator calls inventory.v1 list_all_product_types" in streamed.err
    assert listed["state"] == "ok"
    assert shown["result"]["answer"] == ANSWER
    events = [json.loads(line) for line in attached.out.splitlines()]
    assert [events[0]["kind"], events[-1]["kind"]] == ["run.started", "run.ended"]
    [*_, last] = [each["position"] for each in events if each["position"] and each["kind"] != "run.ended"]
    after = await at_home(stage, "runs", "attach", "--json", listed["id"], "--after", last)
    assert json.loads(after.out.splitlines()[-1])["kind"] == "run.ended"
    assert (cancelled.code, cancelled.err) == (1, f"callboard: run {listed['id']} is over: it is 'ok'\n")


WRONG = {
    "no such run to show": (("runs", "show", "nope"), "there is no run 'nope'"),
    "no such run to follow": (("runs", "attach", "nope"), "there is no run 'nope'"),
    "no such run to cancel": (("runs", "cancel", "nope"), "there is no run 'nope'"),
    "no such event": (("runs", "attach", "nope", "--after", "x"), "'x' is no id of an event"),
    "nothing to ask about": (("run", "hello", "--ask", "nicely"), "--ask takes none, effects, all"),
    "two ways at once": (("run", "hello", "--stream", "--detach"), "exclude each other"),
}


@pytest.mark.parametrize(("line", "said"), WRONG.values(), ids=WRONG)
async def test_what_is_wrong_with_runs_is_one_line(stage: Stage, line: tuple[str, ...], said: str) -> None:
    answer = await at_home(stage, *line)

    assert (answer.code, answer.out) == (1, "")
    assert answer.err.startswith("callboard: ")
    assert answer.err.count("\n") == 1
    assert said in answer.err


async def at_home(stage: Stage, *words: str) -> Said:
    """Run a command that finds the mesh by nothing but the home it runs in."""
    return await command({"CALLBOARD_HOME": str(stage.home)}, *words)
