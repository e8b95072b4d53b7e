"""Asking a model over the OpenAI API: the activity `callboard.call_model`."""

import asyncio
import os
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import openai
from openai import AsyncOpenAI
from openai.types.chat import (
    ChatCompletionChunk,
    ChatCompletionFunctionToolParam,
    ChatCompletionMessageFunctionToolCallParam,
    ChatCompletionMessageParam,
)
from temporalio import activity

from callboard_contracts import Usage
from callboard_kit.agent import tracing
from callboard_kit.agent.messages import CALL_MODEL, ChatMessage, ModelReply, ModelRequest, ToolCall, ToolSpec
from callboard_kit.agent.prices import cost_usd
from callboard_kit.agent.provider_errors import not_configured, stream_ended_early, translated

CALL_HEADER: Final = "x-callboard-call"
"""Names the model call to the provider: `<run id>/<activity id>`, the same for every attempt."""

_OPENAI: Final = "https://api.openai.com/v1"


@dataclass(frozen=True)
class ModelSettings:
    """Which model a worker asks, and where."""

    model: str | None = None
    """The model's name (`CALLBOARD_MODEL`). None: every call fails and says so."""

    base_url: str = _OPENAI
    """The address of an OpenAI-compatible API (`OPENAI_BASE_URL`)."""

    api_key: str | None = field(default=None, repr=False)
    """The secret to show there (`OPENAI_API_KEY`)."""

    silence: timedelta = timedelta(seconds=90)
    """How long the provider may send nothing before the attempt is given up."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "ModelSettings":
        """Read `CALLBOARD_MODEL`, `OPENAI_BASE_URL` and `OPENAI_API_KEY`."""
        variables = os.environ if environment is None else environment
        return cls(
            model=variables.get("CALLBOARD_MODEL") or None,
            base_url=variables.get("OPENAI_BASE_URL") or _OPENAI,
            api_key=variables.get("OPENAI_API_KEY") or None,
        )


class ModelEndpoint:
    """The one connection of a worker to its model; register its `call_model` as an activity."""

    def __init__(self, settings: ModelSettings) -> None:
        self._settings = settings
        # Temporal tries again, so the client does not: two who retry multiply.
        self._client = AsyncOpenAI(
            api_key=settings.api_key or "none",
            base_url=settings.base_url,
            max_retries=0,
            timeout=openai.Timeout(settings.silence.total_seconds(), connect=10),
        )

    @activity.defn(name=CALL_MODEL)
    async def call_model(self, request: ModelRequest) -> ModelReply:
        """Ask once and read the answer to its end.

        Raises:
            ApplicationError: The model did not answer; whether another attempt may help is said in it.
        """
        model = request.model or self._settings.model
        if model is None:
            raise not_configured()
        with tracing.model_call(model, self._settings.base_url) as span:
            async with _heartbeats():
                try:
                    reply = await self._read(request, model)
                except openai.APIError as error:
                    raise translated(error, model=model) from None
            span.answered(reply)
            return reply

    async def close(self) -> None:
        """Let go of the connections, when the worker stops."""
        await self._client.close()

    async def _read(self, request: ModelRequest, model: str) -> ModelReply:
        stream = await self._client.chat.completions.create(
            model=model,
            messages=[_message(message) for message in request.messages],
            tools=[_tool(tool) for tool in request.tools] or openai.omit,
            stream=True,
            stream_options={"include_usage": True},
            extra_headers={CALL_HEADER: _call_name()},
        )
        answer = _Answer()
        async with stream:
            async for chunk in stream:
                answer.take(chunk)
        if answer.finish_reason is None:
            raise stream_ended_early(model)
        usage = answer.usage
        return ModelReply(
            content="".join(answer.text) or None,
            tool_calls=answer.tool_calls,
            finish_reason=answer.finish_reason,
            model=answer.model or model,
            usage=usage.model_copy(
                update={"cost_usd": cost_usd(usage, model=answer.model or model, base_url=self._settings.base_url)}
            ),
        )


@dataclass
class _Answer:
    """What has come of an answer so far."""

    text: list[str] = field(default_factory=list[str])
    calls: dict[int, ToolCall] = field(default_factory=dict[int, ToolCall])
    finish_reason: str | None = None
    model: str = ""
    id: str = ""
    usage: Usage = field(default_factory=lambda: Usage(model_calls=1))

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The calls in their order. Some providers give them no id, and a result needs one to refer to."""
        return tuple(
            call if call.id else call.model_copy(update={"id": f"call_{self.id}_{index}"})
            for index, call in sorted(self.calls.items())
        )

    def take(self, chunk: ChatCompletionChunk) -> None:
        """Add one piece."""
        self.model = chunk.model or self.model
        self.id = chunk.id or self.id
        if chunk.usage is not None:
            self.usage = Usage(
                model_calls=1, input_tokens=chunk.usage.prompt_tokens, output_tokens=chunk.usage.completion_tokens
            )
        for choice in chunk.choices:
            if choice.delta.content:
                self.text.append(choice.delta.content)
            for part in choice.delta.tool_calls or []:
                known = self.calls.get(part.index) or ToolCall(id="", name="", arguments="")
                name = (part.function.name if part.function else None) or ""
                arguments = (part.function.arguments if part.function else None) or ""
                self.calls[part.index] = ToolCall(
                    id=part.id or known.id, name=known.name or name, arguments=known.arguments + arguments
                )
            self.finish_reason = choice.finish_reason or self.finish_reason


def _call_name() -> str:
    """Name this model call: the same for every attempt, another for every other call."""
    info = activity.info()
    return f"{info.workflow_run_id or 'standalone'}/{info.activity_id}"


def _message(message: ChatMessage) -> ChatCompletionMessageParam:
    """Write a message as the API has it."""
    match message.role:
        case "system":
            return {"role": "system", "content": message.content or ""}
        case "user":
            return {"role": "user", "content": message.content or ""}
        case "tool":
            return {"role": "tool", "content": message.content or "", "tool_call_id": message.tool_call_id or ""}
        case "assistant":
            if not message.tool_calls:
                return {"role": "assistant", "content": message.content or ""}
            return {"role": "assistant", "content": message.content, "tool_calls": list(_calls(message.tool_calls))}


def _calls(calls: Iterable[ToolCall]) -> Iterable[ChatCompletionMessageFunctionToolCallParam]:
    for call in calls:
        yield {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def _tool(tool: ToolSpec) -> ChatCompletionFunctionToolParam:
    return {
        "type": "function",
        "function": {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)},
    }


@asynccontextmanager
async def _heartbeats() -> AsyncGenerator[None]:
    """Say at intervals that the worker lives. A silent provider is ended by the client's own time limit."""

    async def beat() -> None:
        every = (activity.info().heartbeat_timeout or timedelta(seconds=30)) / 3
        while True:
            activity.heartbeat()
            await asyncio.sleep(every.total_seconds())

    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()
        with suppress(asyncio.CancelledError):
            await beating
