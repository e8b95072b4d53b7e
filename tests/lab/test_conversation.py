"""A deployment in the middle of a conversation: the worker is killed, and replaced, between messages and within one.

Nothing that was said is lost or answered twice, and no model call that had finished is made again.
"""

import asyncio
import os
import signal
import uuid
from collections import Counter
from contextlib import aclosing

import pytest

from callboard_contracts import UnavailableError
from callboard_contracts.conversations import Answer
from callboard_orchestrator.conversations import Talk, open_conversations
from tests.playing.stage import Stage
from tests.playing.waiting import until

# The first test of a run also starts the mesh, and a worker that was killed is missed for a while.
pytestmark = pytest.mark.timeout(300)

LOOK = {"tool_calls": [{"name": "inventory_v1__list_all_product_types", "arguments": {}}]}
SLOW = {"piece_length": 6, "pause_seconds": 0.2}


async def test_nothing_is_lost_or_doubled_when_the_worker_is_replaced_in_the_middle(stage: Stage) -> None:
    hello = f"deployment {uuid.uuid4().hex}"
    steps: list[dict[str, object]] = [
        {"content": "Hello."},
        LOOK,
        {"content": "There are mugs, and this takes a while to say.", **SLOW},
        {"content": "Bye."},
    ]
    await stage.rehearse({"id": hello, "match": hello, "equals": True, "steps": steps})
    client = await stage.client("orchestrator")
    async with open_conversations(stage.settings, client=client) as conversations:
        talk = await conversations.open(person="ada")
        first = await talk.say(hello, message="m-1")

        # An orderly deployment between two messages; the second comes while nobody is there.
        await stage.take_away("support")
        second = asyncio.create_task(insisted(talk, "What is there?", "m-2"))
        await stage.bring_back("support")
        # A kill while the model writes the answer to it, and a third message behind it.
        await told_of(talk, "There")
        third = asyncio.create_task(insisted(talk, "Thank you.", "m-3"))
        await killed(stage, "support")
        answers = [first, await second, await third]
        told = await talk.read()
        closed = await talk.close()

    assert [each.text for each in answers] == ["Hello.", "There are mugs, and this takes a while to say.", "Bye."]
    assert [(each.message, each.text, each.answer) for each in told.said] == [
        ("m-1", hello, answers[0].text),
        ("m-2", "What is there?", answers[1].text),
        ("m-3", "Thank you.", answers[2].text),
    ]
    assert told.messages == 3
    finished = Counter(each["key"] for each in await requests(stage, hello) if each["answered"])
    assert sorted(finished.values()) == [1, 1, 1, 1]
    assert closed.state == "closed"


async def insisted(talk: Talk, text: str, message: str) -> Answer:
    """Send a message until it is answered, as a client does whose mesh is being replaced: always the same one."""
    while True:
        try:
            return await talk.say(text, message=message)
        except UnavailableError:
            await asyncio.sleep(0.2)


async def killed(stage: Stage, part: str) -> None:
    """Kill a process as a power cut would, and wait until its successor does its work."""
    before = stage.processes()[part].pid
    assert before is not None
    os.kill(before, signal.SIGKILL)

    async def is_back() -> bool:
        pid = stage.processes()[part].pid
        return pid is not None and pid != before and await stage.works(part, pid)

    await until(is_back, within=90)


async def requests(stage: Stage, script: str) -> list[dict[str, object]]:
    """Return what the offline model was asked in one conversation."""
    return [dict(each) for each in await stage.requests() if each["source"] == f"script:{script}"]


async def told_of(talk: Talk, words: str) -> None:
    """Return once the agent has begun to write these words, as a client does whose mesh is being replaced."""

    async def heard() -> bool:
        try:
            async with aclosing(talk.watch()) as events:
                async for told in events:
                    if told is not None and told.event.kind == "text.delta" and words in str(told.event.data["text"]):
                        return True
        except UnavailableError:  # Whoever could tell that there is such a conversation is away for now.
            return False
        raise AssertionError(f"the conversation ended before {words!r} was said")

    await until(heard, within=90)
