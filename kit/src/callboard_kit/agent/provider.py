"""The provider of a model, over the OpenAI API. Loaded by the first call: its library is large."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

import openai
from openai import AsyncOpenAI
from openai.types.chat import (
    ChatCompletionChunk,
    ChatCompletionFunctionToolParam,
    ChatCompletionMessageFunctionToolCallParam,
    ChatCompletionMessageParam,
)
from openai.types.shared_params import ResponseFormatJSONSchema

from callboard_contracts import Usage
from callboard_kit import events
from callboard_kit.agent.affording import affordable_answer
from callboard_kit.agent.billing import billed, tell
from callboard_kit.agent.estimating import LONGEST_ANSWER
from callboard_kit.agent.marked import marked
from callboard_kit.agent.messages import ChatMessage, ModelReply, ModelRequest, OutputSpec, ToolCall, ToolSpec
from callboard_kit.agent.prices import Prices, cost_usd
from callboard_kit.agent.provider_errors import stream_ended_early, translated
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
        stream = await self._client.chat.completions.create(
            model=model,
            max_completion_tokens=openai.omit if tokens in (None, LONGEST_ANSWER) else tokens,
            response_format=_form(request.output) if request.output else openai.omit,
            messages=[_message(message) for message in request.messages],
            tools=[_tool(tool) for tool in request.tools] or openai.omit,
            stream=True,
            stream_options={"include_usage": True},
            extra_headers={CALL_HEADER: call},
        )
        answer = _Answer()
        with events.words() as words:
            async with stream:
                async for chunk in stream:
                    words.say(answer.take(chunk))
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

    def take(self, chunk: ChatCompletionChunk) -> str:
        """Add one piece, and return the text in it."""
        before = len(self.text)
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
        return "".join(self.text[before:])


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
