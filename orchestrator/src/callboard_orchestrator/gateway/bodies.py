"""How large a request may be."""

from typing import Final

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from callboard_orchestrator.gateway.problems import ProblemError, answer

MOST_BYTES: Final = 1024 * 1024
"""The longest body that is read."""

_DETAIL: Final = f"the body is larger than {MOST_BYTES} bytes, the limit"


class LimitedBodies:
    """Refuses a body that is too large: by what it says of its length, else as soon as it is."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        said: bytes = dict(scope["headers"]).get(b"content-length", b"0")
        if said.isdigit() and int(said) > MOST_BYTES:
            await answer(ProblemError(413, "body_too_large", _DETAIL))(scope, receive, send)
            return
        read = 0

        async def counting() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > MOST_BYTES:
                # Of this class, since FastAPI takes any other for a body that cannot be parsed.
                raise HTTPException(413, _DETAIL)
            return message

        await self._app(scope, counting, send)
