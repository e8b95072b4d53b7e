"""How the HTTP side says no."""

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DataError, OperationalError
from starlette.exceptions import HTTPException

from callboard_registry.refusals import Kind, Refusal
from callboard_registry.web.compatibility import shown_finding
from callboard_registry_api.verdicts import Finding

_STATUSES: Final[Mapping[Kind, int]] = {
    "invalid": 400,
    "not_found": 404,
    "unauthenticated": 401,
    "denied": 403,
    "conflict": 409,
    "exhausted": 429,
    "gone": 410,
}


def answer_refusals(app: FastAPI) -> None:
    """Have every refusal answered as JSON that names the field."""

    @app.exception_handler(Refusal)
    async def refused(_: Request, refusal: Refusal) -> JSONResponse:
        return refused_with(refusal)

    @app.exception_handler(RequestValidationError)
    async def malformed(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"][1:])
        return _error(400, "invalid", place, str(first["msg"]).lower())

    @app.exception_handler(HTTPException)
    async def not_served(request: Request, error: HTTPException) -> JSONResponse:
        what = f"{request.method} {request.url.path}: {error.detail.lower()}; `GET /` shows what is served"
        return _error(error.status_code, "not_found" if error.status_code == 404 else "invalid", "", what)

    @app.exception_handler(DataError)
    async def unkeepable(_: Request, __: DataError) -> JSONResponse:
        return _error(400, "invalid", "", "the request holds a text that can name nothing here")

    @app.exception_handler(OperationalError)
    async def unavailable(_: Request, __: OperationalError) -> JSONResponse:
        return _error(503, "unavailable", "", "the registry's database does not answer; try again")

    del refused, malformed, not_served, unkeepable, unavailable  # they live in the application now


def refused_with(refusal: Refusal) -> JSONResponse:
    """Return what a refused request is answered with."""
    # An etag that does not match has a status of its own.
    status = 412 if refusal.kind == "conflict" and refusal.field == "etag" else _STATUSES[refusal.kind]
    return _error(
        status,
        refusal.kind,
        refusal.field,
        refusal.message,
        retry_after=refusal.retry_after,
        findings=refusal.findings,
    )


def _error(
    status: int,
    code: str,
    field: str,
    message: str,
    *,
    retry_after: float | None = None,
    findings: Sequence[Finding] = (),
) -> JSONResponse:
    headers = {} if retry_after is None else {"retry-after": str(ceil(retry_after))}
    error: dict[str, object] = {"code": code, "field": field, "message": message}
    if findings:
        error["findings"] = [shown_finding(finding) for finding in findings]
    return JSONResponse({"error": error}, status, headers)
