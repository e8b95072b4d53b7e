"""An agent as a team writes it on Temporal without the kit: its own loop, its own activities, its own live words.

It does what the kit's loop does and no less: every model call and every tool call is an activity with a time limit
and retries, the tools of a step run at the same time, the model's answer is streamed, the activity says that it is
alive, and whoever watches reads each word from a Redis stream.
"""

import asyncio
import os
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final

from pydantic import BaseModel
from temporalio import activity, workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from bench.contract import Parcel, Question, answer
    from bench.planner import TOOLS

INSTRUCTIONS: Final = "You keep the desk of a parcel office. Look at every parcel before you say anything about it."
MOST_STEPS: Final = 20
KEPT: Final = 10_000

_HEARTBEAT: Final = timedelta(seconds=10)
_PATIENT: Final = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30))


class ToolSpec(BaseModel):
    """A tool, as the model is told of it."""

    name: str
    description: str
    parameters: dict[str, Any]


class ToolCall(BaseModel):
    """A tool that the model wants called."""

    id: str
    name: str
    arguments: str


class Said(BaseModel):
    """One message of the conversation."""

    role: str
    content: str | None = None
    tool_calls: list[ToolCall] = []
    tool_call_id: str | None = None


class Asked(BaseModel):
    """What the model is asked."""

    stream: str
    step: int
    messages: list[Said]
    tools: list[ToolSpec]


class Answered(BaseModel):
    """What the model answered."""

    content: str
    tool_calls: list[ToolCall]
    input_tokens: int
    output_tokens: int


DESCRIPTIONS: Final = {
    "weigh_parcel": "Weigh a parcel, and say what is in it piece by piece, with the price of each.",
    "open_parcel": "Open a parcel, and say what is in it piece by piece, with the options it was chosen with.",
}


class Desk:
    """The activities."""

    def __init__(self) -> None:
        # As the kit does: the libraries are large, and only the worker needs them.
        from openai import AsyncOpenAI
        from redis.asyncio import Redis

        self._model = AsyncOpenAI(max_retries=0)
        self._name = os.environ["CALLBOARD_MODEL"]
        self._redis = Redis.from_url(os.environ["CALLBOARD_REDIS_URL"], protocol=2)

    @activity.defn
    async def ask_model(self, asked: Asked) -> Answered:
        """Ask the model, pass its words on as they come, and return the whole."""
        beating = asyncio.create_task(_beating())
        try:
            return await self._ask(asked)
        finally:
            beating.cancel()
            with suppress(asyncio.CancelledError):
                await beating

    async def _ask(self, asked: Asked) -> Answered:
        messages: Any = [_written(message) for message in asked.messages]  # Any: the library's own union of eight
        tools: Any = [{"type": "function", "function": tool.model_dump()} for tool in asked.tools]
        chunks = await self._model.chat.completions.create(
            model=self._name,
            messages=messages,
            tools=tools,
            stream=True,
            stream_options={"include_usage": True},
        )
        text: list[str] = []
        calls: dict[int, ToolCall] = {}
        read = written = 0
        async for chunk in chunks:
            if chunk.usage is not None:
                read, written = chunk.usage.prompt_tokens, chunk.usage.completion_tokens
            for choice in chunk.choices:
                if choice.delta.content:
                    text.append(choice.delta.content)
                    fields: Any = {"kind": "text.delta", "step": asked.step, "text": choice.delta.content}
                    await self._redis.xadd(asked.stream, fields, maxlen=KEPT)
                for part in choice.delta.tool_calls or []:
                    if part.function is not None:
                        known = calls.setdefault(part.index, ToolCall(id=part.id or "", name="", arguments=""))
                        known.name += part.function.name or ""
                        known.arguments += part.function.arguments or ""
        return Answered(
            content="".join(text), tool_calls=list(calls.values()), input_tokens=read, output_tokens=written
        )

    @activity.defn
    async def weigh_parcel(self, asked: Question) -> Parcel:
        """Answer at once."""
        return answer(asked)

    @activity.defn
    async def open_parcel(self, asked: Question) -> Parcel:
        """Answer at once."""
        return answer(asked)


@workflow.defn
class DeskByHand:
    """The loop."""

    @workflow.run
    async def run(self, goal: str) -> str:
        """Let the model work on a goal."""
        schema = Question.model_json_schema()
        tools = [ToolSpec(name=name, description=DESCRIPTIONS[name], parameters=schema) for name in TOOLS]
        messages = [Said(role="system", content=INSTRUCTIONS), Said(role="user", content=goal)]
        stream = f"by-hand:{workflow.info().run_id}"
        for step in range(MOST_STEPS):
            reply = await workflow.execute_activity_method(
                Desk.ask_model,
                Asked(stream=stream, step=step, messages=messages, tools=tools),
                start_to_close_timeout=timedelta(minutes=5),
                heartbeat_timeout=_HEARTBEAT,
                retry_policy=_PATIENT,
            )
            messages.append(Said(role="assistant", content=reply.content, tool_calls=reply.tool_calls))
            if not reply.tool_calls:
                return reply.content
            results = await asyncio.gather(*(_call(call) for call in reply.tool_calls))
            messages.extend(results)
        raise RuntimeError("the model did not come to an end")


async def _call(call: ToolCall) -> Said:
    result: Parcel = await workflow.execute_activity(
        call.name,
        Question.model_validate_json(call.arguments),
        result_type=Parcel,
        start_to_close_timeout=timedelta(seconds=30),
        retry_policy=RetryPolicy(maximum_attempts=3),
    )
    return Said(role="tool", content=result.model_dump_json(), tool_call_id=call.id)


def _written(message: Said) -> dict[str, object]:
    document: dict[str, object] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        document["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        document["tool_call_id"] = message.tool_call_id
    return document


async def _beating() -> None:
    while True:
        activity.heartbeat()
        await asyncio.sleep(_HEARTBEAT.total_seconds() / 3)  # Between beats, as the kit does.
