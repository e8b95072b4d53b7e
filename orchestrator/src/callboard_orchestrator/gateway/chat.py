"""`/v1/chat/completions`: talk to the mesh with any client of OpenAI's API.

A request is a run; the model's name says who answers. The mesh picks operations itself, so a client cannot bring
tools. What is streamed is what the model at the root writes while it writes it. A text that is taken back, which this
API has no word for, is said to begin again; what stands in the end is always the run's own answer.
"""

import json
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Header, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, Field

from callboard_contracts import MeshError, Usage
from callboard_kit.events.following import Told
from callboard_kit.events.model import LONGEST_TEXT, StepEnded, StepRetracted, TextDelta
from callboard_orchestrator.gateway.callers import RunsCaller
from callboard_orchestrator.gateway.problems import Problem, ProblemError, problem_of
from callboard_orchestrator.gateway.runs import NewRun, started
from callboard_orchestrator.gateway.sse import HEADERS, PING
from callboard_orchestrator.messages import Settled
from callboard_orchestrator.runs import TEAM, Run, Runs

MODEL: Final = "orchestrate"
"""The model's name that stands for the orchestrator."""

MOST_CHARACTERS: Final = 20_000
BEGINS_AGAIN: Final = "\n\n[what was said so far is taken back; the answer begins again]\n\n"
BETWEEN_STEPS: Final = "\n\n"

_OPERATION: Final = "Orchestrate"


class Part(BaseModel):
    """A piece of a message; only text is read."""

    type: str
    text: str | None = None


class ChatMessage(BaseModel):
    """One message of the conversation."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[Part]

    @property
    def text(self) -> str:
        """The content as one text."""
        if isinstance(self.content, str):
            return self.content
        if any(part.type != "text" for part in self.content):
            raise ProblemError(
                400, "unsupported_content", "only text is read; send parts of type 'text'", param="messages"
            )
        return "".join(part.text or "" for part in self.content)


class StreamOptions(BaseModel):
    """What a stream holds beside the text."""

    include_usage: bool = False


class ChatRequest(BaseModel):
    """The body of a request; settings of sampling are taken and mean nothing here."""

    model: str
    messages: Annotated[list[ChatMessage], Field(min_length=1)]
    stream: bool = False
    stream_options: StreamOptions | None = None
    n: int = 1
    tools: list[Any] | None = None  # Any: whatever was sent is refused
    functions: list[Any] | None = None  # Any: see above


def router(runs: Runs) -> APIRouter:
    """Return the routes that OpenAI's clients call."""
    routes = APIRouter(
        prefix="/v1", tags=["chat"], responses={status: {"model": Problem} for status in (400, 401, 403, 413, 422, 503)}
    )

    @routes.post("/chat/completions", response_model=None)
    async def complete(
        caller: RunsCaller, chat: ChatRequest, idempotency_key: Annotated[str | None, Header()] = None
    ) -> Response:
        """Answer as a chat model would, with the whole mesh behind it."""
        new = NewRun(words=_words(chat))
        run, _ = await started(runs, caller, new, idempotency_key)
        written = Writing(run, usage=chat.stream_options is not None and chat.stream_options.include_usage)
        if chat.stream:
            return StreamingResponse(written.chunks(), media_type="text/event-stream", headers=HEADERS)
        return JSONResponse(written.whole(await run.result()))

    @routes.get("/models", response_model=None)
    async def list_models(_caller: RunsCaller) -> Response:
        """List what can be talked to."""
        entry = {"id": MODEL, "object": "model", "created": 0, "owned_by": TEAM}
        return JSONResponse({"object": "list", "data": [entry]})

    return routes


def _words(chat: ChatRequest) -> str:
    if chat.model != MODEL:
        raise ProblemError(404, "model_not_found", f"there is no model {chat.model!r}; use {MODEL!r}", param="model")
    if chat.tools or chat.functions:
        raise ProblemError(
            400, "unsupported_parameter", "the mesh chooses operations itself; leave 'tools' out", param="tools"
        )
    if chat.n != 1:
        raise ProblemError(400, "unsupported_parameter", "there is one answer; leave 'n' out", param="n")
    words = _as_words(chat.messages)
    if not words.strip() or chat.messages[-1].role != "user":
        raise ProblemError(
            400, "invalid_request", "the last message must be the user's, and say something", param="messages"
        )
    if len(words) > MOST_CHARACTERS:
        detail = (
            f"the conversation has {len(words)} characters; {MOST_CHARACTERS} is the limit: leave out older messages"
        )
        raise ProblemError(400, "context_length_exceeded", detail, param="messages")
    return words


def _as_words(messages: Sequence[ChatMessage]) -> str:
    """Return a conversation as one request: its last message, with what was said before it, if anything."""
    *before, last = messages
    if not before:
        return last.text
    said = "\n".join(f"{message.role}: {message.text}" for message in before)
    return f"{last.text}\n\nWhat was said before, oldest first:\n{said}"


class Writing:
    """Writes one run as a chat completion."""

    def __init__(self, run: Run, *, usage: bool) -> None:
        self._run = run
        self._usage = usage
        self._created = int(time.time())
        self._step = ""
        self._attempt = 0
        self._of_step = ""
        """What was sent of the step that is written now."""

        self._again = ""
        """What a later attempt has written so far, as long as it says what was sent before."""

        self._sent = ""

    def whole(self, settled: Settled) -> dict[str, object]:
        """Return the completion of a run that is settled."""
        message = {"role": "assistant", "content": settled.answer, "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish_reason(settled)}
        return {**self._head("chat.completion"), "choices": [choice], "usage": _usage(settled.usage)}

    async def chunks(self) -> AsyncGenerator[str]:
        """Yield the completion piece by piece, while it comes about."""
        yield self._chunk({"role": "assistant", "content": ""})
        try:
            async with aclosing(self._run.watch()) as events:
                async for told in events:
                    if told is None:
                        yield PING
                    elif text := self._heard(told):
                        yield self._said(text)
            settled = await self._run.result()
        except MeshError as error:
            yield _event({"error": problem_of(error).problem.error.model_dump()})
            return
        if rest := self._rest(settled.answer):
            yield self._said(rest)
        yield self._chunk({}, finish_reason=_finish_reason(settled))
        if self._usage:
            yield _event({**self._head("chat.completion.chunk"), "choices": [], "usage": _usage(settled.usage)})
        yield "data: [DONE]\n\n"

    def _heard(self, told: Told) -> str:
        """Return what an event adds to the text."""
        event = told.event
        if event.team != TEAM or event.operation != _OPERATION:
            return ""
        match event.detail:
            case TextDelta() as delta:
                return self._delta(delta)
            case StepRetracted() as retracted if retracted.step == self._step:
                # Taken back once something else is said: most often the same is said again.
                self._attempt = max(self._attempt, retracted.attempt)
                return ""
            case StepEnded() as ended if ended.step == self._step and len(ended.text) < LONGEST_TEXT:
                return self._ended(ended.text)
            case _:
                return ""

    def _ended(self, text: str) -> str:
        """Return what is to be added where a piece was missed, or where a later attempt said less."""
        before, self._of_step = self._of_step, text
        return text[len(before) :] if text.startswith(before) else BEGINS_AGAIN + text

    def _delta(self, delta: TextDelta) -> str:
        if delta.step != self._step:
            between = BETWEEN_STEPS if self._sent else ""
            self._step, self._attempt, self._of_step, self._again = delta.step, delta.attempt, delta.text, ""
            return between + delta.text
        if delta.attempt < self._attempt:
            return ""
        if delta.attempt > self._attempt or self._again:
            return self._repeated(delta)
        self._of_step += delta.text
        return delta.text

    def _repeated(self, delta: TextDelta) -> str:
        if delta.attempt > self._attempt:
            self._attempt, self._again = delta.attempt, ""
        self._again += delta.text
        if self._of_step.startswith(self._again):
            return ""
        text, before, self._again = self._again, self._of_step, ""
        self._of_step = text
        return text[len(before) :] if text.startswith(before) else BEGINS_AGAIN + text

    def _rest(self, answer: str) -> str:
        """Return what is to be added so that the text ends with the run's answer."""
        if self._sent.endswith(answer):
            return ""
        if answer.startswith(self._of_step) and self._sent.endswith(self._of_step):
            return answer[len(self._of_step) :]
        return BETWEEN_STEPS + answer

    def _said(self, text: str) -> str:
        self._sent += text
        return self._chunk({"content": text})

    def _chunk(self, delta: dict[str, str], *, finish_reason: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return _event({**self._head("chat.completion.chunk"), "choices": [choice]})

    def _head(self, kind: str) -> dict[str, object]:
        return {"id": f"chatcmpl-{self._run.id}", "object": kind, "created": self._created, "model": MODEL}


def _event(document: dict[str, object]) -> str:
    return f"data: {json.dumps(document)}\n\n"


def _finish_reason(settled: Settled) -> str:
    match settled.stopped_because:
        case "answered":
            return "stop"
        case "filtered" | "guarded" | "stopped":
            return "content_filter"
        case _:
            return "length"


def _usage(usage: Usage) -> dict[str, int]:
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }
