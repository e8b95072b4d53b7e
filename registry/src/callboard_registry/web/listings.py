"""What HTTP answers about listings."""

import json
from typing import Annotated

from fastapi import APIRouter, Header, Request
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict

from callboard_registry.access import bearer
from callboard_registry.catalog import ListingFilter
from callboard_registry.life import Move
from callboard_registry.registry import Registry
from callboard_registry.web import shapes
from callboard_registry.web.compatibility import shown_verdict
from callboard_registry.web.describing import body_is
from callboard_registry.web.moments import moment
from callboard_registry.web.requests import States, Token, body_of, read_as
from callboard_registry_api.model import Listing, State


class StateChange(BaseModel):
    """Where a revision is to go."""

    model_config = ConfigDict(extra="forbid")

    digest: str
    state: State
    sunset: AwareDatetime | None = None
    successor: str = ""
    reason: str = ""
    force: bool = False
    override: bool = False


def listings_router(registry: Registry) -> APIRouter:
    """Serve listings: publish, find and move them."""
    router = APIRouter()

    @router.post(
        "/v1/listings",
        response_model=shapes.Listing,
        responses={201: {"model": shapes.Listing, "description": "It is new."}},
        openapi_extra=body_is("ServiceDescription"),
    )
    async def publish(request: Request, authorization: Token = None, validate_only: bool = False) -> JSONResponse:
        """Publish a description, the body, as a revision of its service; 201 when it is new, 200 when it was held.

        With `validate_only` nothing is stored: 200, and what publishing would have answered.
        """
        document, token = await body_of(request), bearer(authorization)
        listing, created = await registry.publish_listing(document, token=token, validate_only=validate_only)
        return JSONResponse(shown_listing(listing), status_code=201 if created and not validate_only else 200)

    @router.post("/v1/listings/{service}/state", response_model=shapes.Listing, openapi_extra=body_is("StateChange"))
    async def set_state(
        service: str,
        request: Request,
        authorization: Token = None,
        if_match: Annotated[str, Header()] = "",
    ) -> JSONResponse:
        """Move a revision to another state, as the administrator; `If-Match` is the etag of what was looked at."""
        body = read_as(StateChange, await body_of(request))
        move = Move(service=service, etag=if_match.strip('"'), **dict(body))
        listing = await registry.set_state(move, token=bearer(authorization))
        return JSONResponse(shown_listing(listing), headers={"etag": f'"{listing.etag}"'})

    @router.get("/v1/listings", response_model=shapes.Listings)
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
            {"listings": [shown_listing(one) for one in page.items], "next_page_token": page.next_page_token}
        )

    @router.get("/v1/listings/{service}", response_model=shapes.Listing)
    async def listing(
        service: str,
        digest: str = "",
        states: States = [],  # noqa: B006 - FastAPI reads the default and never changes it
    ) -> JSONResponse:
        """Return the newest revision of a service, or the one asked for; `ETag` is what `If-Match` takes."""
        held = await registry.get_listing(service, digest=digest, states=states)
        return JSONResponse(shown_listing(held), headers={"etag": f'"{held.etag}"'})

    del publish, set_state, listings, listing  # they live in the router now
    return router


def shown_listing(listing: Listing) -> dict[str, object]:
    """Return a listing as JSON holds it."""
    summary: dict[str, object] = {
        "service": listing.service,
        "digest": listing.digest,
        "number": listing.number,
        "team": listing.team,
        "state": listing.state,
        "created": moment(listing.created),
        "summary": listing.summary,
        "operations": list(listing.operations),
        "etag": listing.etag,
        "sunset": None if listing.sunset is None else moment(listing.sunset),
        "successor": listing.successor,
        "reason": listing.reason,
        "revision": listing.revision,
        "verdict": listing.verdict and shown_verdict(listing.verdict),
    }
    return {**summary, "document": json.loads(listing.document)} if listing.document else summary
