"""The HTTP face: OpenAI's chat completions for agents, `/offline/…` for whoever directs the play."""

import asyncio
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from fastapi import APIRouter, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse

from callboard.offline_model import planner
from callboard.offline_model.faults import FaultPlan, Kind, misfit, spoil
from callboard.offline_model.ledger import Entry, Ledger
from callboard.offline_model.scripts import Script, Shelf
from callboard.offline_model.wire import MODEL, ChatMessage, ChatRequest, Reply, chunks, completion, digest, usage_of

# What ASGI calls a message; its keys and values differ from kind to kind.
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

NOTICE: Final = {"x-callboard-offline": "not a model"}
"""Stands on every answer."""

CALL_HEADER: Final = "x-callboard-call"
"""Names the piece of work that asks; a retry of it carries the same name."""


class RefusedRequestError(Exception):
    """A request that OpenAI's API would refuse too, with the status and code it would give."""

    def __init__(self, status: int, code: str, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"message": message, "type": _kind(status), "param": param, "code": code}}


class Stage:
    """What one server holds: the scripts, the faults in force and the ledger."""

    def __init__(self, *, ledger: Ledger, api_key: str | None) -> None:
        self.shelf = Shelf()
        self.faults = FaultPlan()
        self.ledger = ledger
        self.api_key = api_key

    def admit(self, request: Request, model: str) -> None:
        """Refuse a wrong key and an unknown model, as OpenAI does."""
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self.api_key is not None and not hmac.compare_digest(given.encode(), self.api_key.encode()):
            raise RefusedRequestError(401, "invalid_api_key", "the api key is not the one this server was started with")
        if model != MODEL:
            raise RefusedRequestError(404, "model_not_found", f"no model {model!r} here, only {MODEL!r}", param="model")

    def answer(self, chat: ChatRequest) -> tuple[Reply, str]:
        """Answer from a script if one fits, else by the planner; the second value says which."""
        script = self.shelf.find(chat)
        if script is None:
            return planner.plan(chat), "planner"
        return script.play(chat), f"script:{script.id}"


class Exchange:
    """One request on its way through, written into the ledger when it is over."""

    def __init__(self, stage: Stage, request: Request, chat: ChatRequest) -> None:
        self._stage = stage
        self._chat = chat
        self._key = request.headers.get(CALL_HEADER) or digest(chat)
        self._received = datetime.now(UTC)
        self._attempt = stage.ledger.begin(self._key)
        self._fault = stage.faults.decide(self._key, self._attempt, chat.first_words)

    async def respond(self) -> Response:
        """Answer, or let the fault strike that was drawn for this attempt."""
        faults = self._stage.faults
        if self._fault is Kind.RATE_LIMITED:
            return self._failed(429, "rate_limit_exceeded", {"retry-after": f"{faults.retry_after_seconds:g}"})
        if self._fault is Kind.SERVER_ERROR:
            return self._failed(500, "injected_fault", {})
        if self._fault in (Kind.SLOW, Kind.SILENT):
            await asyncio.sleep(faults.slow_seconds if self._fault is Kind.SLOW else faults.silent_seconds)
        reply, source = self._stage.answer(self._chat)
        if self._fault is Kind.MALFORMED_ARGUMENTS:
            reply = spoil(reply, faults.luck(self._key, self._attempt, "which"))
        if self._fault is Kind.MISFIT_ARGUMENTS:
            demanding = [tool.function.name for tool in self._chat.tools if tool.function.parameters.get("required")]
            reply = misfit(reply, faults.luck(self._key, self._attempt, "which"), demanding=demanding)
        created = int(self._received.timestamp())
        if not self._chat.stream:
            self._written(200, reply, source, answered=True)
            return JSONResponse(completion(self._chat, reply, created=created), headers=NOTICE)
        stream = self._told(chunks(self._chat, reply, created=created), reply, source)
        kind = BrokenResponse if self._fault is Kind.BROKEN_STREAM else StreamingResponse
        return kind(stream, media_type="text/event-stream", headers=NOTICE)

    async def _told(self, events: Iterator[str], reply: Reply, source: str) -> AsyncIterator[str]:
        """Hand out the events, and write down whether they went out to the end."""
        told = list(events)
        whole = self._fault not in (Kind.BROKEN_STREAM, Kind.ENDED_STREAM)
        sent = 0
        try:
            for event in told if whole else told[: max(1, len(told) // 2)]:
                # The first piece of text is the second event.
                if reply.pause_seconds and sent > 1:
                    await asyncio.sleep(reply.pause_seconds)
                yield event
                sent += 1
        finally:
            complete = sent == len(told)
            self._written(200 if complete or not whole else 499, reply, source, answered=complete)

    def _failed(self, status: int, code: str, headers: dict[str, str]) -> Response:
        self._written(status, None, "", answered=False)
        error = RefusedRequestError(status, code, f"injected fault {self._fault!r}, attempt {self._attempt}")
        return JSONResponse(error.body, status_code=status, headers=NOTICE | headers)

    def _written(self, status: int, reply: Reply | None, source: str, *, answered: bool) -> None:
        usage = usage_of(self._chat, reply) if reply is not None else None
        self._stage.ledger.end(
            Entry(
                key=self._key,
                attempt=self._attempt,
                received_at=self._received,
                answered_at=datetime.now(UTC),
                status=status,
                fault=self._fault,
                answered=answered,
                source=source,
                prompt_tokens=usage.prompt_tokens if usage else 0,
                completion_tokens=usage.completion_tokens if usage else 0,
            )
        )


class BrokenResponse(StreamingResponse):
    """A stream that is never finished: the server closes the connection where it stands."""

    async def stream_response(self, send: Send) -> None:
        """Send what there is and leave the response open, which makes the server cut the connection."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async for chunk in self.body_iterator:
            body = chunk.encode() if isinstance(chunk, str) else bytes(chunk)
            await send({"type": "http.response.body", "body": body, "more_body": True})


def create_app(*, ledger: Ledger | None = None, api_key: str | None = None) -> FastAPI:
    """Build the server. `api_key` is checked when given; without one any key will do."""
    stage = Stage(ledger=ledger or Ledger(), api_key=api_key)
    app = FastAPI(title="Callboard offline model (not a model)", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_exception_handler(RefusedRequestError, _say_refused)
    app.add_exception_handler(RequestValidationError, _say_malformed)
    app.include_router(_openai(stage))
    app.include_router(_direction(stage), prefix="/offline")
    return app


def _openai(stage: Stage) -> APIRouter:
    """Serve the routes that agents call."""
    router = APIRouter(prefix="/v1")

    async def complete(request: Request, chat: ChatRequest) -> Response:
        stage.admit(request, chat.model)
        check_order(chat.messages)
        return await Exchange(stage, request, chat).respond()

    async def models(request: Request) -> Response:
        stage.admit(request, MODEL)
        entry = {"id": MODEL, "object": "model", "created": 0, "owned_by": "nobody: this is not a model"}
        return JSONResponse({"object": "list", "data": [entry]}, headers=NOTICE)

    router.add_api_route("/chat/completions", complete, methods=["POST"])
    router.add_api_route("/models", models, methods=["GET"])
    return router


def _direction(stage: Stage) -> APIRouter:
    """Serve the routes of whoever directs: scripts, faults, the ledger."""
    router = APIRouter()

    async def put_script(script: Script) -> dict[str, str]:
        stage.shelf.put(script)
        return {"id": script.id}

    async def list_scripts() -> list[Script]:
        return list(stage.shelf.listing())

    async def clear_scripts() -> dict[str, int]:
        return {"cleared": stage.shelf.clear()}

    async def put_faults(plan: FaultPlan) -> FaultPlan:
        stage.faults = plan
        return plan

    async def get_faults() -> FaultPlan:
        return stage.faults

    async def requests(key: str = "", limit: int | None = Query(default=None, ge=0)) -> dict[str, object]:
        return {"totals": stage.ledger.totals, "requests": stage.ledger.entries(key=key, limit=limit)}

    async def health() -> dict[str, str]:
        return {"status": "ok", "model": MODEL, "notice": "this is not a model"}

    router.add_api_route("/scripts", put_script, methods=["POST"], status_code=201)
    router.add_api_route("/scripts", list_scripts, methods=["GET"])
    router.add_api_route("/scripts", clear_scripts, methods=["DELETE"])
    router.add_api_route("/faults", put_faults, methods=["PUT"])
    router.add_api_route("/faults", get_faults, methods=["GET"])
    router.add_api_route("/requests", requests, methods=["GET"])
    router.add_api_route("/health", health, methods=["GET"])
    return router


def check_order(messages: Sequence[ChatMessage]) -> None:
    """Refuse a conversation in which a tool call has no result, or a result no call, as OpenAI does."""
    open_calls: set[str] = set()
    for index, message in enumerate(messages):
        where = f"messages[{index}]"
        if message.role == "tool":
            if message.tool_call_id not in open_calls:
                text = (
                    f"{where} answers the tool call {message.tool_call_id!r}, which nobody made or was answered before"
                )
                raise RefusedRequestError(400, "invalid_value", text, param=where)
            open_calls.discard(message.tool_call_id)
            continue
        if open_calls:
            text = f"{where} comes before the tool calls {sorted(open_calls)!r} have been answered"
            raise RefusedRequestError(400, "invalid_value", text, param=where)
        if message.role == "assistant":
            open_calls = {call.id for call in message.tool_calls or []}
    if open_calls:
        text = f"the tool calls {sorted(open_calls)!r} have not been answered"
        raise RefusedRequestError(400, "invalid_value", text, param="messages")


async def _say_refused(_request: Request, error: Exception) -> Response:
    """Answer with OpenAI's error object."""
    assert isinstance(error, RefusedRequestError)
    return JSONResponse(error.body, status_code=error.status, headers=NOTICE)


async def _say_malformed(_request: Request, error: Exception) -> Response:
    """Answer a body that is not as it should be, naming the first place that is wrong."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(step) for step in first["loc"] if step != "body")
    refused = RefusedRequestError(400, "invalid_value", f"{where}: {first['msg']}".strip(": "), param=where or None)
    return JSONResponse(refused.body, status_code=400, headers=NOTICE)


def _kind(status: int) -> str:
    """Name the type of error the way OpenAI names it."""
    return {429: "rate_limit_error", 500: "server_error"}.get(status, "invalid_request_error")
