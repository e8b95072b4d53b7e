"""Chat completions on the wire: what is asked, what is answered, in OpenAI's shapes.

Usage is counted by one rule, stated here: a text is one token for every four
bytes of its UTF-8, rounded up. The input is the messages and tools as compact
JSON, the output is the text and the names and arguments of the tool calls.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from callboard_kit.marking import unmarked

MODEL: Final = "offline-script-player"
"""The only model id the server knows; it names what the server is."""

FINGERPRINT: Final = "not-a-model"
"""Stands where OpenAI puts the fingerprint of the backend that computed the answer."""

PIECE_LENGTH: Final = 48
"""Characters of a piece of streamed text, unless a script says otherwise."""

# A JSON value as it came; its shape is the caller's business.
type_of_json = dict[str, Any]


class Function(BaseModel):
    """A function call as a model writes it: the arguments are text that should be JSON."""

    name: str
    arguments: str


class Call(BaseModel):
    """One tool call of an assistant message."""

    id: str
    type: Literal["function"] = "function"
    function: Function


class Part(BaseModel):
    """A piece of a message's content; only text is read."""

    type: str
    text: str = ""


class ChatMessage(BaseModel):
    """One message of the conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[Part] | None = None
    tool_calls: list[Call] | None = None
    tool_call_id: str | None = None

    @field_validator("content")
    @classmethod
    def _as_it_was_written(cls, content: str | list[Part] | None) -> str | list[Part] | None:
        # Scripts and plans are about what was said, and not about how the kit marks whose words it is.
        return unmarked(content) if isinstance(content, str) else content

    @property
    def text(self) -> str:
        """The content as one text, empty where there is none."""
        if isinstance(self.content, list):
            return "".join(part.text for part in self.content)
        return self.content or ""


class OfferedFunction(BaseModel):
    """What a tool is called, what it does and what it takes."""

    name: str
    description: str = ""
    parameters: type_of_json = Field(default_factory=dict)


class OfferedTool(BaseModel):
    """A tool the model may call."""

    type: Literal["function"]
    function: OfferedFunction


class StreamOptions(BaseModel):
    """What a stream should carry beside the text."""

    include_usage: bool = False


class ChatRequest(BaseModel):
    """The body of `POST /v1/chat/completions`; settings of sampling are accepted and mean nothing here."""

    model_config = ConfigDict(extra="ignore")

    model: str
    messages: list[ChatMessage] = Field(min_length=1)
    tools: list[OfferedTool] = Field(default_factory=list[OfferedTool])
    parallel_tool_calls: bool = True
    stream: bool = False
    stream_options: StreamOptions | None = None

    @property
    def offered(self) -> tuple[str, ...]:
        """The names of the tools that may be called, in the order given."""
        return tuple(tool.function.name for tool in self.tools)

    @property
    def first_words(self) -> str:
        """The first message of the user, which is what scripts are found by."""
        return next((message.text for message in self.messages if message.role == "user"), "")

    @property
    def said(self) -> tuple[str, ...]:
        """All that the user said, oldest first: one message, or the turns of a conversation."""
        return tuple(message.text for message in self.messages if message.role == "user")


class PlannedCall(BaseModel):
    """A tool call the offline model decided on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    arguments: type_of_json = Field(default_factory=dict)


class Reply(BaseModel):
    """One answer: text, or tool calls, or both."""

    content: str | None = None
    calls: tuple[Call, ...] = ()
    piece_length: int = PIECE_LENGTH
    pause_seconds: float = 0

    @property
    def finish_reason(self) -> str:
        """Why the answer ends where it ends."""
        return "tool_calls" if self.calls else "stop"


class Usage(BaseModel):
    """How much was read and written, by the rule of this module."""

    prompt_tokens: int
    completion_tokens: int

    @property
    def document(self) -> dict[str, int]:
        """The usage object as OpenAI writes it."""
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": self.prompt_tokens + self.completion_tokens,
        }


def count_tokens(text: str) -> int:
    """Count one token for every four bytes of UTF-8, rounded up."""
    return -(-len(text.encode()) // 4)


def digest(request: ChatRequest) -> str:
    """Name a request by its messages, so that the same conversation has the same name."""
    text = json.dumps([message.model_dump(exclude_none=True) for message in request.messages], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def with_ids(planned: Sequence[PlannedCall], request: ChatRequest) -> tuple[Call, ...]:
    """Give calls their ids, derived from the conversation so that a repeated request repeats them."""
    stem = digest(request)[:16]
    return tuple(
        Call(id=f"call_{stem}_{index}", function=Function(name=call.name, arguments=json.dumps(call.arguments)))
        for index, call in enumerate(planned)
    )


def usage_of(request: ChatRequest, reply: Reply) -> Usage:
    """Count what the request and its reply come to."""
    asked = request.model_dump_json(include={"messages", "tools"}, exclude_none=True)
    written = (reply.content or "") + "".join(call.function.name + call.function.arguments for call in reply.calls)
    return Usage(prompt_tokens=count_tokens(asked), completion_tokens=count_tokens(written))


def completion(request: ChatRequest, reply: Reply, *, created: int) -> type_of_json:
    """Write a reply as one `chat.completion` object."""
    message: type_of_json = {"role": "assistant", "content": reply.content}
    if reply.calls:
        message["tool_calls"] = [call.model_dump() for call in reply.calls]
    return {
        "id": f"chatcmpl-{digest(request)}",
        "object": "chat.completion",
        "created": created,
        "model": MODEL,
        "system_fingerprint": FINGERPRINT,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": reply.finish_reason}],
        "usage": usage_of(request, reply).document,
    }


def chunks(request: ChatRequest, reply: Reply, *, created: int) -> Iterator[str]:
    """Write a reply as server-sent events, the arguments of tool calls in pieces, `[DONE]` last."""
    with_usage = request.stream_options is not None and request.stream_options.include_usage

    def event(choices: list[type_of_json], usage: dict[str, int] | None) -> str:
        body: type_of_json = {
            "id": f"chatcmpl-{digest(request)}",
            "object": "chat.completion.chunk",
            "created": created,
            "model": MODEL,
            "system_fingerprint": FINGERPRINT,
            "choices": choices,
        }
        if with_usage:
            body["usage"] = usage
        return f"data: {json.dumps(body)}\n\n"

    def delta(content: type_of_json, finish_reason: str | None = None) -> str:
        return event([{"index": 0, "delta": content, "logprobs": None, "finish_reason": finish_reason}], None)

    yield delta({"role": "assistant", "content": None if reply.calls else ""})
    for piece in _pieces(reply.content or "", length=reply.piece_length):
        yield delta({"content": piece})
    for index, call in enumerate(reply.calls):
        opening = {"index": index, "id": call.id, "type": "function"}
        yield delta({"tool_calls": [{**opening, "function": {"name": call.function.name, "arguments": ""}}]})
        for piece in _pieces(call.function.arguments, length=96):
            yield delta({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    yield delta({}, reply.finish_reason)
    if with_usage:
        yield event([], usage_of(request, reply).document)
    yield "data: [DONE]\n\n"


def _pieces(text: str, *, length: int) -> Iterator[str]:
    """Cut a text into pieces, as a model's text arrives."""
    for start in range(0, len(text), length):
        yield text[start : start + length]
