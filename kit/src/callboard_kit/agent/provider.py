"""The provider of a model, over the OpenAI API. Loaded by the first call: its library is large."""

import asyncio
import json
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Final

import openai
from openai import AsyncOpenAI, AsyncStream
from openai.types.chat import (
    ChatCompletionFunctionToolParam,
    ChatCompletionMessageFunctionToolCallParam,
    ChatCompletionMessageParam,
)
from openai.types.chat.completion_create_params import CompletionCreateParamsStreaming
from openai.types.shared_params import ResponseFormatJSONSchema
from pydantic import ValidationError

from callboard_kit import events
from callboard_kit.agent.affording import affordable_answer
from callboard_kit.agent.billing import billed, tell
from callboard_kit.agent.estimating import LONGEST_ANSWER
from callboard_kit.agent.marked import marked
from callboard_kit.agent.messages import ChatMessage, ModelReply, ModelRequest, OutputSpec, ToolCall, ToolSpec
from callboard_kit.agent.pieces import Answer
from callboard_kit.agent.prices import Prices, cost_usd
from callboard_kit.agent.provider_errors import stream_ended_early, translated, unreadable
from callboard_kit.budgets.blocks import Tab
from callboard_kit.budgets.sharing import NOTHING, Amount
from callboard_kit.marking import mark_of

CALL_HEADER: Final = "x-callboard-call"
"""Names the model call to the provider: `<run id>/<activity id>`, the same for every attempt."""


class Provider:
    """A connection to one provider."""

    def __init__(self, *, base_url: str, api_key: str | None, silence: timedelta, prices: Path | None = None) -> None:
        self._prices = Prices.from_file(prices)
        self._base_url = base_url
        # Temporal tries again, so the client does not: two who retry multiply.
        self._client = AsyncOpenAI(
            api_key=api_key or "none",
            base_url=base_url,
            max_retries=0,
            timeout=openai.Timeout(silence.total_seconds(), connect=10),
        )

    async def ask(self, request: ModelRequest, *, model: str, call: str) -> ModelReply:
        """Ask once and read the answer to its end; `call` names the call to the provider.

        Raises:
            ApplicationError: There was no answer; whether another attempt may help is said in it.
        """
        try:
            return await self._read(request, model, call)
        except openai.APIError as error:
            raise translated(error, model=model) from None
        except (json.JSONDecodeError, ValidationError):
            # Not with what it was: it may hold what somebody said.
            raise unreadable(model) from None

    async def billed(self, tab: Tab, request: ModelRequest, *, model: str, call: str) -> ModelReply:
        """Ask as `ask` does, within what the team's budgets can pay, or say which of them cannot.

        Raises:
            ApplicationError: As `ask`.
        """
        paid = await billed(tab, request, model=model, base_url=self._base_url, prices=self._prices)
        if isinstance(paid, ModelReply):
            return paid
        spent = NOTHING
        try:
            reply = await self.ask(paid.request, model=model, call=call)
            spent = Amount.of(reply.usage)
        finally:
            paid.bill.settle(spent)
        tell(tab, reply, model=model)
        return reply

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.close()

    async def _read(self, request: ModelRequest, model: str, call: str) -> ModelReply:
        request = marked(request, mark_of(call.rpartition("/")[0]))
        tokens = affordable_answer(request, model=model, base_url=self._base_url, prices=self._prices)
        if tokens == 0:
            return ModelReply(finish_reason="over_budget", model=model)
        # What the library makes of requests and answers is left out: see `pieces`.
        stream = await self._client.post(
            "/chat/completions",
            body=_body(request, model, tokens),
            options={"headers": {CALL_HEADER: call}, "security": {"bearer_auth": True}},
            cast_to=object,
            stream=True,
            stream_cls=AsyncStream[object],
        )
        answer = Answer()
        with events.words() as words:
            async with stream:
                async for piece in stream:
                    if text := answer.take(piece):
                        words.say(text)
                        # What was said goes out before the next piece is read.
                        await asyncio.sleep(0)
            if answer.finish_reason is None:
                raise stream_ended_early(model)
        usage, asked = answer.usage, answer.model or model
        cost = cost_usd(usage, model=asked, base_url=self._base_url, prices=self._prices)
        return ModelReply(
            content="".join(answer.text) or None,
            tool_calls=answer.tool_calls,
            finish_reason=answer.finish_reason,
            model=asked,
            usage=usage.model_copy(update={"cost_usd": cost}),
        )


def _body(request: ModelRequest, model: str, tokens: int | None) -> CompletionCreateParamsStreaming:
    """Write what is asked as the API has it; an answer has `tokens` tokens at most, where that is few."""
    body = CompletionCreateParamsStreaming(
        model=model,
        messages=[_message(message) for message in request.messages],
        stream=True,
        stream_options={"include_usage": True},
    )
    if tokens not in (None, LONGEST_ANSWER):
        body["max_completion_tokens"] = tokens
    if request.output:
        body["response_format"] = _form(request.output)
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
    return body


def _form(output: OutputSpec) -> ResponseFormatJSONSchema:
    return {
        "type": "json_schema",
        "json_schema": {"name": output.name, "schema": dict(output.parameters), "strict": False},
    }


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
