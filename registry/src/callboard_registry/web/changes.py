"""What HTTP answers about changes: a page of them, or a stream that goes on."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing
from typing import Annotated, Final

from fastapi import APIRouter, Header, Request
from fastapi.responses import JSONResponse, StreamingResponse
from fastapi.sse import format_sse_event
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from callboard_registry.registry import Registry
from callboard_registry.web import shapes
from callboard_registry.web.moments import moment
from callboard_registry_api.model import Change

_EVENTS: Final = "text/event-stream"
_SIGN_OF_LIFE: Final = 15.0
"""Seconds after which something is sent in any case, so that a client that has left is noticed."""

_Told = AsyncGenerator[tuple[list[Change], str]]


def changes_router(registry: Registry) -> APIRouter:
    """Serve changes."""
    router = APIRouter()
    watching = registry.watching

    @router.get("/v1/changes", response_model=shapes.Changes)
    async def changes(team: str = "", after: str = "", page_size: int = 0) -> JSONResponse:
        """List what happened, in order; `after` with the last `cursor` returns exactly what has happened since."""
        found, cursor = await watching.page(team=team, after=after, size=page_size)
        return JSONResponse({"changes": [_shown(each) for each in found], "cursor": cursor})

    @router.get(
        "/v1/changes/stream",
        response_class=StreamingResponse,
        responses={
            200: {"content": {_EVENTS: {"schema": {"type": "string"}}}, "description": "Ends with the registry."}
        },
    )
    async def stream(
        request: Request,
        team: str = "",
        after: str = "",
        only_new: bool = False,
        last_event_id: Annotated[str, Header()] = "",
    ) -> StreamingResponse:
        """Tell what happens as it happens, as server-sent events `change`, each as `/v1/changes` lists it.

        The id of an event is its cursor. A browser that was cut off sends it as `Last-Event-ID`, and goes on.
        """
        async with AsyncExitStack() as stack:
            stack.enter_context(watching.place_for(request.client.host if request.client else ""))
            told = await stack.enter_async_context(
                aclosing(
                    watching.watch(team=team, after=last_event_id or after, only_new=only_new and not last_event_id)
                )
            )
            # The first answer is the place to go on from. One that is none is refused before anything is sent.
            _, cursor = await anext(told)
            return _Stream(_events(told, cursor), held=stack.pop_all())

    del changes, stream  # they live in the router now
    return router


class _Stream(StreamingResponse):
    """Gives back what it holds when it has ended, also when it never began."""

    def __init__(self, events: AsyncGenerator[bytes], *, held: AsyncExitStack) -> None:
        super().__init__(events, media_type=_EVENTS, headers={"cache-control": "no-store"})
        self._events = events
        self._held = held

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._held, aclosing(self._events):
            await super().__call__(scope, receive, send)


async def _events(told: _Told, cursor: str) -> AsyncGenerator[bytes]:
    yield format_sse_event(id=cursor, comment="from here on")
    while True:
        coming = asyncio.ensure_future(anext(told))
        try:
            while not (await asyncio.wait({coming}, timeout=_SIGN_OF_LIFE))[0]:
                yield format_sse_event(comment="still here")
            changes, _ = coming.result()
        except StopAsyncIteration:
            return
        finally:
            # Whoever closes what is waited for must find it at rest.
            coming.cancel()
            await asyncio.wait({coming})
        for change in changes:
            yield format_sse_event(id=change.cursor, event="change", data_str=json.dumps(_shown(change)))


def _shown(change: Change) -> dict[str, object]:
    return {**vars(change), "at": moment(change.at)}
