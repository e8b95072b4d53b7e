"""The six numbers: what is killed, when, and what must be seen then."""

import asyncio
import os
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, nullcontext
from http import HTTPStatus
from typing import Any, Final

import httpx

from callboard_kit.rollouts.deployment import Deployment
from callboard_orchestrator.inbox.client import InboxClient
from tests.lab.kill.scene import FEW, Findings, Scene, played
from tests.playing.approving import Approver
from tests.playing.following import gateway_client
from tests.playing.stage import Stage
from tests.playing.waiting import until

NEXT: Final = "lab-next"
"""The build that is deployed in the middle of a conversation."""


async def worker_in_a_stream(scene: Scene) -> None:
    """Kill the orchestrator's worker while its model writes the answer."""
    run_id = await scene.start()
    async with scene.followed(run_id) as heard:
        await scene.kill("orchestrator")
    scene.must(heard.kinds["step.retracted"] == 1, "what the killed worker had streamed was taken back, once")
    scene.judge_heard(heard)
    await scene.judge(run_id)


async def approval_that_waits(scene: Scene) -> None:
    """Kill the asking team's worker and the inbox's while a question waits."""
    run_id = await scene.start(approvals="effects")
    person = Approver(scene.stage, InboxClient(await scene.stage.client("inbox")))
    [asked] = await person.waiting(run_id)
    before = scene.stage.books.effects()
    victims = ("orchestrator",) if scene.short else ("orchestrator", "inbox")
    for victim in victims:
        await scene.kill(victim)
    [still] = await person.waiting(run_id)
    scene.must(not before, f"nothing had happened while {asked.gate} waited")
    scene.must(still == asked, "the same question waited on")
    await person.inbox.answer(asked.gate, person.credential, approve=True)
    async with person.answering(run_id), scene.followed(run_id) as heard:
        pass
    scene.saw(f"{asked.question.operation} was approved once, and done once")
    scene.judge_heard(heard)
    await scene.judge(run_id)


async def gateway_in_a_stream(scene: Scene) -> None:
    """Kill the gateway while a client follows a run."""
    run_id = await scene.start()
    async with scene.followed(run_id) as heard:
        await scene.kill("gateway")
    scene.must(heard.connections > 1, f"the client came again with Last-Event-ID, {heard.connections - 1} times")
    scene.must(heard.kinds["gap"] == 0, "no gap")
    scene.judge_heard(heard)
    await scene.judge(run_id)


async def redis_in_a_stream(scene: Scene) -> None:
    """Kill Redis while a run streams into it."""
    run_id = await scene.start()
    async with scene.followed(run_id) as heard:
        await scene.kill("valkey")
    ended = [event["data"]["text"] for event in heard.events if event["kind"] == "step.ended"]
    scene.must(heard.kinds["gap"] == 1, "the stream said that it has a gap, once")
    scene.must(heard.kinds["run.ended"] == 1, "the stream ended")
    scene.must(ended[-1:] == [scene.answer], "the last step came whole, with its end")
    await scene.judge(run_id)


async def temporal_in_a_stream(scene: Scene) -> None:
    """Kill Temporal while a model writes and a client follows."""
    run_id = await scene.start()
    async with scene.followed(run_id) as heard:
        await scene.kill("temporal")
    scene.saw(f"{heard.kinds['step.retracted']} steps were taken back; the workers went on by themselves")
    scene.judge_heard(heard)
    await scene.judge(run_id)


async def deployment_in_a_conversation(scene: Scene) -> None:
    """Have another build of support take the place of the one that answers, or in the short form kill its worker."""
    hello, request, thanks = f"Hello {uuid.uuid4().hex}", scene.task.words, "Thank you."
    steps = [{"content": "Hello."}, *scene.steps, scene.writing("You are welcome.")]
    await scene.stage.rehearse({"id": hello, "match": hello, "equals": True, "steps": steps})
    place = await _opened(scene.gateway)
    first = await _said(scene.gateway, place, hello, "m-1")
    answering = asyncio.create_task(_said(scene.gateway, place, request, "m-2"))
    await _writes(scene.gateway, place)
    async with nullcontext() if scene.short else _deployed(scene):
        if scene.short:
            await scene.kill("support")
        second = await answering
        third = await _said(scene.gateway, place, thanks, "m-3")
        told = await scene.view(place)
        (await scene.gateway.post(f"{place}/close", json={"reason": "settled"})).raise_for_status()
    texts = [each["text"] for each in (first, second, third)]
    scene.found.results = len(texts)
    scene.must(texts == ["Hello.", scene.answer, "You are welcome."], "every message was answered, and rightly")
    scene.must(
        [(each["message"], each["answer"]) for each in told["said"]]
        == [(f"m-{number}", text) for number, text in enumerate(texts, start=1)],
        "every message stands in the conversation once, in order",
    )


NUMBERS: Final[Mapping[int, tuple[str, Callable[[Scene], Awaitable[None]]]]] = {
    1: ("a worker is killed in the middle of a model's stream", worker_in_a_stream),
    2: ("workers are killed while an approval waits", approval_that_waits),
    3: ("the gateway is killed while a client follows a run", gateway_in_a_stream),
    4: ("Redis is killed and comes back", redis_in_a_stream),
    5: ("Temporal is killed and comes back", temporal_in_a_stream),
    6: ("a deployment in the middle of a conversation", deployment_in_a_conversation),
}


async def play(stage: Stage, number: int, *, short: bool = False) -> Findings:
    """Play one number on a mesh."""
    title, scene = NUMBERS[number]
    async with gateway_client(stage) as gateway:
        return await played(scene, stage, gateway, Findings(number=number, title=title), short=short)


async def _opened(gateway: httpx.AsyncClient) -> str:
    answer = await gateway.post("/v1/conversations", json={})
    return f"/v1/conversations/{answer.raise_for_status().json()['id']}"


async def _said(gateway: httpx.AsyncClient, place: str, text: str, name: str) -> Mapping[str, Any]:
    """Say something until it is answered, as a client does whose mesh is being replaced: always the same message."""
    while True:
        answer = await gateway.post(f"{place}/messages", json={"text": text, "message": name})
        if answer.status_code == HTTPStatus.OK:
            return answer.json()
        if answer.status_code not in {HTTPStatus.ACCEPTED, HTTPStatus.SERVICE_UNAVAILABLE}:
            answer.raise_for_status()
        await asyncio.sleep(0.2)


async def _writes(gateway: httpx.AsyncClient, place: str) -> None:
    """Return once the agent has written some of the answer to the second message."""
    pieces = 0
    async with gateway.stream("GET", f"{place}/events") as response:
        async for line in response.aiter_lines():
            pieces += line == "event: text.delta"
            if pieces > FEW + 1:
                return


@asynccontextmanager
async def _deployed(scene: Scene) -> AsyncIterator[None]:
    """Start another build of support, which takes over, stop the one that answers, and put all back in the end."""
    stage = scene.stage
    deployment = Deployment(await stage.client("support"), "support")
    old = await _current(deployment)
    environment = {**os.environ, **stage.environment, "CALLBOARD_BUILD": NEXT, "CALLBOARD_LOG": "WARNING"}
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "callboard_team_support", env=environment)
    try:
        await until(lambda: _is_current(deployment, NEXT), within=60)
        await stage.take_away("support")
        scene.found.killed.append(f"nothing: build {NEXT} took the place of {old}, whose worker was stopped")
        yield
        await stage.bring_back("support")
        await _make_current(deployment, old)
    finally:
        process.terminate()
        await process.wait()


async def _current(deployment: Deployment) -> str:
    seen = await deployment.look()
    return "" if seen is None else seen.current


async def _is_current(deployment: Deployment, build: str) -> bool:
    return await _current(deployment) == build


async def _make_current(deployment: Deployment, build: str) -> None:
    if (seen := await deployment.look()) is not None and seen.current != build:
        await deployment.make_current(build, seen)
