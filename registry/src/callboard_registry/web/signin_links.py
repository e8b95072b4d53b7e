"""Links that sign somebody in to the console once: how the administrator's programs have one made."""

import logging
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from callboard_kit.persons import Name
from callboard_registry.access import bearer
from callboard_registry.registry import Registry
from callboard_registry.signin.granting import Granted
from callboard_registry.web.requests import Token, body_of, read_as

log = logging.getLogger(__name__)


class NewLink(BaseModel):
    """A link that the administrator wants."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    """Whom it signs in."""

    granted: Granted
    minutes: Annotated[float, Field(gt=0, le=24 * 60)] = 10


def signin_links_router(registry: Registry) -> APIRouter:
    """Serve what makes links, for programs of the administrator."""
    router = APIRouter(include_in_schema=False)

    @router.post("/v1/signin-links")
    async def make_link(request: Request, authorization: Token = None) -> JSONResponse:
        """Make a link that signs somebody in once; for the administrator."""
        registry.proving.administrator(bearer(authorization), "POST /v1/signin-links")
        new = read_as(NewLink, await body_of(request))
        content: dict[str, object] = {"name": new.name, "granted": new.granted.model_dump(mode="json")}
        token = await registry.signed_in.issue("link", content, lifetime=timedelta(minutes=new.minutes))
        log.info("a link that signs in %s was made; it is good for %g minutes", new.name, new.minutes)
        return JSONResponse({"path": f"/signin/link/{token}"}, 201, {"cache-control": "no-store"})

    del make_link  # it lives in the router now
    return router
