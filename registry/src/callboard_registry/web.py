"""The HTTP side: the registry as JSON, and a page for each service."""

import base64
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final

from fastapi import FastAPI, Header, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict
from sqlalchemy.exc import DataError, OperationalError
from starlette.exceptions import HTTPException

from callboard_registry.access import bearer
from callboard_registry.catalog import ListingFilter
from callboard_registry.documents import LARGEST
from callboard_registry.life import Move
from callboard_registry.page import CONTENT_SECURITY_POLICY, service_page
from callboard_registry.refusals import Kind, Refusal
from callboard_registry.registry import Registry
from callboard_registry.search import Question
from callboard_registry_api.model import CallRecord, Listing, Policy, PublicKey, State

_STATUSES: Final[Mapping[Kind, int]] = {
    "invalid": 400,
    "not_found": 404,
    "unauthenticated": 401,
    "denied": 403,
    "conflict": 409,
}

_INDEX: Final = {
    "service": "callboard-registry",
    "listings": "/v1/listings",
    "search": "/v1/search",
    "policies": "/v1/policies",
    "keys": "/v1/keys",
    "calls": "/v1/calls",
    "changes": "/v1/changes",
    "page": "/services/{service}",
    "health": "/healthz",
    "openapi": "/openapi.json",
}

States = Annotated[list[State], Query()]
Token = Annotated[str | None, Header()]


class StateChange(BaseModel):
    """Where a revision is to go."""

    model_config = ConfigDict(extra="forbid")

    digest: str
    state: State
    sunset: AwareDatetime | None = None
    successor: str = ""
    reason: str = ""
    force: bool = False


def web_application(registry: Registry) -> FastAPI:
    """Return the HTTP application of a registry."""
    # Their pages load scripts from other hosts.
    app = FastAPI(title="Callboard registry", version="1", docs_url=None, redoc_url=None)
    _answer_refusals(app)
    _serve_reading(app, registry)

    @app.post("/v1/listings")
    async def publish(request: Request, authorization: Token = None) -> JSONResponse:
        """Publish a description, the body, as a revision of its service; 201 when it is new, 200 when it was held."""
        listing, created = await registry.publish_listing(await _body(request), token=bearer(authorization))
        return JSONResponse(_listing(listing), status_code=201 if created else 200)

    @app.post("/v1/listings/{service}/state")
    async def set_state(
        service: str,
        body: StateChange,
        authorization: Token = None,
        if_match: Annotated[str, Header()] = "",
    ) -> JSONResponse:
        """Move a revision to another state, as the administrator; `If-Match` is the etag of what was looked at."""
        move = Move(service=service, etag=if_match.strip('"'), **dict(body))
        listing = await registry.set_state(move, token=bearer(authorization))
        return JSONResponse(_listing(listing), headers={"etag": f'"{listing.etag}"'})

    @app.get("/services/{service}", response_class=HTMLResponse)
    async def page(service: str, digest: str = "") -> HTMLResponse:
        """Show the newest revision of a service, or the one asked for, to a person."""
        listing = await registry.get_listing(service, digest=digest)
        headers = {
            "content-security-policy": CONTENT_SECURITY_POLICY,
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
        }
        return HTMLResponse(service_page(listing), headers=headers)

    @app.get("/healthz")
    async def health() -> JSONResponse:
        """Tell whether the registry and its database answer."""
        await registry.check()
        return JSONResponse({"status": "serving"})

    del publish, set_state, page, health  # they live in the application now
    return app


def _serve_reading(app: FastAPI, registry: Registry) -> None:
    @app.get("/")
    async def index() -> JSONResponse:
        """Tell what there is."""
        return JSONResponse(_INDEX)

    @app.get("/v1/listings")
    async def listings(
        states: States = [],  # noqa: B006 - FastAPI reads the default and never changes it
        team: str = "",
        page_size: int = 0,
        page_token: str = "",
        all_revisions: bool = False,
        documents: bool = False,
    ) -> JSONResponse:
        """List the newest revision of every service, or every revision."""
        which = ListingFilter(team=team, states=tuple(states), all_revisions=all_revisions, with_documents=documents)
        page = await registry.list_listings(which, size=page_size, page_token=page_token)
        return JSONResponse(
            {"listings": [_listing(one) for one in page.items], "next_page_token": page.next_page_token}
        )

    @app.get("/v1/listings/{service}")
    async def listing(
        service: str,
        digest: str = "",
        states: States = [],  # noqa: B006 - FastAPI reads the default and never changes it
    ) -> JSONResponse:
        """Return the newest revision of a service, or the one asked for."""
        return JSONResponse(_listing(await registry.get_listing(service, digest=digest, states=states)))

    @app.get("/v1/search")
    async def search(
        states: States = [],  # noqa: B006 - FastAPI reads the default and never changes it
        words: str = "",
        operation: str = "",
        field: str = "",
        effect: str = "",
        team: str = "",
        caller: str = "",
        for_models: bool = False,
        page_size: int = 0,
        page_token: str = "",
    ) -> JSONResponse:
        """Find operations by words, name, field, effect, owner and state; with a caller only what it may call."""
        question = Question(
            words=words,
            operation=operation,
            field=field,
            effect=effect,
            team=team,
            states=tuple(states),
            for_models=for_models,
        )
        page = await registry.search(question, caller=caller, size=page_size, page_token=page_token)
        return JSONResponse({"operations": [vars(one) for one in page.items], "next_page_token": page.next_page_token})

    @app.get("/v1/policies")
    async def policies(page_size: int = 0, page_token: str = "") -> JSONResponse:
        """List the policies in force."""
        page = await registry.list_policies(size=page_size, page_token=page_token)
        return JSONResponse({"policies": [_policy(one) for one in page.items], "next_page_token": page.next_page_token})

    @app.get("/v1/policies/{team}")
    async def policy(team: str, version: int = 0) -> JSONResponse:
        """Return the policy of a team that is in force, or another version."""
        return JSONResponse(_policy(await registry.get_policy(team, version=version)))

    @app.get("/v1/keys")
    async def keys(team: str = "", page_size: int = 0, page_token: str = "") -> JSONResponse:
        """List public keys."""
        page = await registry.list_public_keys(team=team, size=page_size, page_token=page_token)
        return JSONResponse({"keys": [_key(one) for one in page.items], "next_page_token": page.next_page_token})

    @app.get("/v1/calls")
    async def calls(root: str = "", after: str = "", page_size: int = 0) -> JSONResponse:
        """List call records in the order in which they arrived."""
        page = await registry.list_calls(root=root, after=after, size=page_size)
        return JSONResponse({"calls": [_call(one) for one in page.records], "cursor": page.cursor})

    @app.get("/v1/changes")
    async def changes(team: str = "", after: str = "", page_size: int = 0) -> JSONResponse:
        """List what happened, in order; `after` with the last `cursor` returns exactly what has happened since."""
        found, cursor = await registry.list_changes(team=team, after=after, size=page_size)
        return JSONResponse({"changes": [{**vars(one), "at": _moment(one.at)} for one in found], "cursor": cursor})

    del index, changes, listings, listing, search, policies, policy, keys, calls  # they live in the application now


def _answer_refusals(app: FastAPI) -> None:
    @app.exception_handler(Refusal)
    async def refused(_: Request, refusal: Refusal) -> JSONResponse:
        # An etag that does not match has a status of its own.
        status = 412 if refusal.kind == "conflict" and refusal.field == "etag" else _STATUSES[refusal.kind]
        return _error(status, refusal.kind, refusal.field, refusal.message)

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


def _error(status: int, code: str, field: str, message: str) -> JSONResponse:
    return JSONResponse({"error": {"code": code, "field": field, "message": message}}, status_code=status)


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST:
            raise Refusal("invalid", "document", f"document has more than {LARGEST} bytes; at most that many are taken")
    return bytes(body)


def _listing(listing: Listing) -> dict[str, object]:
    summary: dict[str, object] = {
        "service": listing.service,
        "digest": listing.digest,
        "number": listing.number,
        "team": listing.team,
        "state": listing.state,
        "created": _moment(listing.created),
        "summary": listing.summary,
        "operations": list(listing.operations),
        "etag": listing.etag,
        "sunset": None if listing.sunset is None else _moment(listing.sunset),
        "successor": listing.successor,
        "reason": listing.reason,
    }
    return {**summary, "document": json.loads(listing.document)} if listing.document else summary


def _policy(policy: Policy) -> dict[str, object]:
    return {
        "team": policy.team,
        "version": policy.version,
        "digest": policy.digest,
        "created": _moment(policy.created),
        "document": json.loads(policy.document),
    }


def _key(key: PublicKey) -> dict[str, object]:
    public = base64.urlsafe_b64encode(key.public_bytes).rstrip(b"=").decode()
    jwk = {"kty": "OKP", "crv": "Ed25519", "kid": key.key_id, "x": public}
    ends = None if key.expires is None else _moment(key.expires)
    return {"team": key.team, "key_id": key.key_id, "created": _moment(key.created), "expires": ends, "jwk": jwk}


def _call(record: CallRecord) -> dict[str, object]:
    return {
        "root": record.root,
        "token_id": record.token_id,
        "caller": record.caller,
        "person": record.person,
        "endpoint": record.endpoint,
        "service": record.service,
        "operation": record.operation,
        "revision": record.revision,
        "build": record.build,
        "entity": record.entity,
        "start": _moment(record.start),
        "duration_seconds": None if record.duration is None else record.duration.total_seconds(),
        "outcome": record.outcome,
        "reason": record.reason,
        "usage": {"input_tokens": record.input_tokens, "output_tokens": record.output_tokens},
        "cost_usd": record.cost_usd,
        "reporter": record.reporter,
    }


def _moment(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
