"""A model that plans like a clock: it thinks for a fixed time, then asks for two tools, five times over, and answers.

Run as a process of its own. What it asks for next follows from how many results it has been shown, so it keeps nothing.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import Response, StreamingResponse

from callboard_kit.ports import LOOPBACK

MODEL: Final = "planner"
STEPS: Final = 5
"""Times that it asks for tools, before it answers."""

TOOLS: Final = ("weigh_parcel", "open_parcel")
"""What it asks for, both at once."""

THINKING: Final = 0.03
"""Seconds before the first word of each answer."""

PAUSE: Final = 0.01
"""Seconds before each word."""

_WORDS: Final = ["I", "look", "at", "the", "parcel", "and", "weigh", "it,"]

OWN_TIME: Final = (STEPS + 1) * (THINKING + len(_WORDS) * PAUSE)
"""Seconds that it takes in one run, whoever asks."""

app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)


def _deltas(results: int) -> Iterator[tuple[dict[str, Any], str | None]]:
    """Yield what an answer consists of, piece by piece, when the model has been shown so many results."""
    yield {"role": "assistant", "content": ""}, None
    for word in _WORDS:
        yield {"content": f"{word} "}, None
    step = results // len(TOOLS)
    if step >= STEPS:
        yield {}, "stop"
        return
    for index, tool in enumerate(TOOLS):
        arguments = json.dumps({"parcel_id": f"#P{step:07}", "wish": "look at everything that is in it"})
        called = {"name": tool, "arguments": arguments}
        yield {"tool_calls": [{"index": index, "id": f"call_{step}_{index}", "function": called}]}, None
    yield {}, "tool_calls"


@app.post("/v1/chat/completions")
async def complete(request: Request) -> Response:
    """Answer as a model that streams."""
    body: dict[str, Any] = await request.json()
    results = sum(message["role"] == "tool" for message in body["messages"])
    head = {"id": "plan", "object": "chat.completion.chunk", "created": 0, "model": MODEL}

    async def chunks() -> AsyncIterator[str]:
        clock = asyncio.get_running_loop().time
        due = clock() + THINKING
        for delta, finish_reason in _deltas(results):
            if delta.get("content"):
                due += PAUSE
                # By the clock, so that what one sleep takes too long comes off the next.
                await asyncio.sleep(max(due - clock(), 0))
            choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
            yield f"data: {json.dumps({**head, 'choices': [choice]})}\n\n"
        usage = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
        yield f"data: {json.dumps({**head, 'choices': [], 'usage': usage})}\n\n"
        yield "data: [DONE]\n\n"

    return StreamingResponse(chunks(), media_type="text/event-stream")


if __name__ == "__main__":
    uvicorn.run(app, host=LOOPBACK, port=int(sys.argv[1]), log_level="warning", access_log=False)
