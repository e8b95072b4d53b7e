"""What every error looks like: problem details (RFC 9457), with a member `error` that OpenAI's clients read."""

import http
import logging
from collections.abc import Mapping
from typing import Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from callboard_contracts import MeshError, RefusedError, UnavailableError
from callboard_kit.events.positions import InvalidPositionError
from callboard_orchestrator.conversations import (
    BusyConversationError,
    ClosedConversationError,
    ReusedMessageError,
    UnknownConversationError,
    WithdrawnMessageError,
)
from callboard_orchestrator.runs import NoWorkerError, RunExistsError, UnknownRunError

logger: Final = logging.getLogger(__name__)

MEDIA_TYPE: Final = "application/problem+json"


class OpenAiError(BaseModel):
    """The same error, as OpenAI's clients expect it."""

    message: str
    """What is wrong."""

    type: str
    """`invalid_request_error`, `authentication_error`, `server_error`."""

    code: str
    """The problem's code."""

    param: str | None = None
    """The part of the request that is wrong."""


class Problem(BaseModel):
    """Something that went wrong."""

    type: str
    """`urn:callboard:problem:` and the code."""

    title: str
    """The status in words."""

    status: int
    """The HTTP status."""

    detail: str
    """What is wrong and what to do."""

    code: str
    """The kind of problem, for programs."""

    error: OpenAiError
    """The same for OpenAI's clients."""


class ProblemError(Exception):
    """A request that cannot be answered as it is."""

    def __init__(
        self, status: int, code: str, detail: str, *, param: str | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.param = param
        self.headers = dict(headers or {})

    @property
    def problem(self) -> Problem:
        """Return what the client gets."""
        kind = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}.get(self.status)
        return Problem(
            type=f"urn:callboard:problem:{self.code}",
            title=http.HTTPStatus(self.status).phrase,
            status=self.status,
            detail=self.detail,
            code=self.code,
            error=OpenAiError(
                message=self.detail,
                type=kind or ("server_error" if self.status >= 500 else "invalid_request_error"),
                code=self.code,
                param=self.param,
            ),
        )


def problem_of(error: MeshError) -> ProblemError:
    """Return the problem that an error of the mesh is to a client."""
    match error:
        case UnknownRunError():
            return ProblemError(404, "unknown_run", str(error))
        case RunExistsError():
            return ProblemError(409, "run_exists", str(error))
        case UnknownConversationError():
            return ProblemError(404, "unknown_conversation", str(error))
        case ClosedConversationError():
            return ProblemError(409, "conversation_closed", str(error))
        case BusyConversationError():
            return ProblemError(409, "conversation_busy", str(error), headers={"retry-after": "2"})
        case WithdrawnMessageError():
            return ProblemError(409, "message_withdrawn", str(error))
        case ReusedMessageError():
            return ProblemError(422, "message_reused", str(error))
        case NoWorkerError():
            return ProblemError(503, "no_worker", str(error), headers={"retry-after": "5"})
        case RefusedError():
            return ProblemError(422, "refused", str(error))
        case UnavailableError():
            return ProblemError(503, "unavailable", str(error), headers={"retry-after": "5"})
        case _:
            return ProblemError(502, "failed", str(error))


def install(app: FastAPI) -> None:
    """Have everything that goes wrong in `app` answered as a problem."""
    app.add_exception_handler(ProblemError, _say)
    app.add_exception_handler(MeshError, _say_of_the_mesh)
    app.add_exception_handler(InvalidPositionError, _say_invalid_position)
    app.add_exception_handler(RequestValidationError, _say_invalid)
    app.add_exception_handler(HTTPException, _say_http)
    app.add_exception_handler(Exception, _say_unexpected)


def answer(error: ProblemError) -> Response:
    """Return the response that tells of `error`."""
    return JSONResponse(
        error.problem.model_dump(mode="json"), status_code=error.status, headers=error.headers, media_type=MEDIA_TYPE
    )


async def _say(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)
    return answer(error)


async def _say_of_the_mesh(_request: Request, error: Exception) -> Response:
    assert isinstance(error, MeshError)
    return answer(problem_of(error))


async def _say_invalid_position(_request: Request, error: Exception) -> Response:
    return answer(ProblemError(400, "invalid_event_id", str(error), param="Last-Event-ID"))


async def _say_invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(step) for step in first["loc"] if step != "body")
    place = f"{where}: " if where else ""
    return answer(ProblemError(400, "invalid_request", f"{place}{first['msg']}", param=where or None))


async def _say_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = f"{request.method} {request.url.path} is not served here; /openapi.json says what is"
    match error.status_code:
        case 404:
            return answer(ProblemError(404, "unknown_path", detail))
        case 405:
            return answer(ProblemError(405, "method_not_allowed", detail, headers=error.headers))
        case 413:
            return answer(ProblemError(413, "body_too_large", error.detail))
        case _:
            return answer(ProblemError(error.status_code, "invalid_request", error.detail))


async def _say_unexpected(_request: Request, error: Exception) -> Response:
    logger.error("a request failed unexpectedly", exc_info=error)
    return answer(ProblemError(500, "unexpected", "the gateway failed for a reason of its own; it stands in its log"))
