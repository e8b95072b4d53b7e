"""A model that says what time it is, at a steady pace, and the two bare paths that its words are compared with.

Run as a process of its own. Times are of the machine's monotonic clock, which all its processes read alike.
"""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import Response, StreamingResponse
from redis.asyncio import Redis

from callboard_kit.ports import LOOPBACK

MODEL = "metronome"

FIRST_PAUSE = 0.5
"""Seconds before the first beat, so that whoever listens is there."""

app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)


async def beats(count: int, pause: float) -> AsyncIterator[str]:
    """Yield the time, in nanoseconds and hexadecimal, `count` times."""
    await asyncio.sleep(FIRST_PAUSE)
    for _ in range(count):
        # Not in decimal: guards against numbers of cards take one of ten such numbers for one.
        yield f"{time.monotonic_ns():x} "
        await asyncio.sleep(pause)


def order(text: str) -> tuple[int, float]:
    """Read how often to beat and with what pause from `beat 60 every 0.02`, whatever stands around it."""
    words = text.split()
    place = words.index("beat")
    return int(words[place + 1]), float(words[place + 3])


@app.post("/v1/chat/completions")
async def complete(request: Request) -> Response:
    """Answer as a model that streams."""
    body: dict[str, Any] = await request.json()
    count, pause = order(next(each["content"] for each in body["messages"] if each["role"] == "user"))

    def chunk(delta: dict[str, str], finish_reason: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        head = {"id": "beat", "object": "chat.completion.chunk", "created": 0, "model": MODEL}
        return f"data: {json.dumps({**head, 'choices': [choice]})}\n\n"

    async def chunks() -> AsyncIterator[str]:
        yield chunk({"role": "assistant", "content": ""})
        async for beat in beats(count, pause):
            yield chunk({"content": beat})
        yield chunk({}, "stop")
        yield "data: [DONE]\n\n"

    return StreamingResponse(chunks(), media_type="text/event-stream")


@app.get("/chunks")
async def bare_chunks(count: int, pause: float) -> Response:
    """Stream the beats over HTTP and nothing else."""

    async def lines() -> AsyncIterator[str]:
        async for beat in beats(count, pause):
            yield f"data: {beat}\n\n"

    return StreamingResponse(lines(), media_type="text/event-stream")


@app.post("/entries")
async def bare_entries(count: int, pause: float, url: str, stream: str) -> dict[str, str]:
    """Add the beats to a Redis stream and do nothing else."""
    async with Redis.from_url(url) as redis:
        async for beat in beats(count, pause):
            await redis.xadd(stream, {"beat": beat})
    return {}


if __name__ == "__main__":
    uvicorn.run(app, host=LOOPBACK, port=int(sys.argv[1]), log_level="warning", access_log=False)
