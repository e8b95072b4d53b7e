"""What HTTP shows to persons and to what watches over the process."""

from typing import Final

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, JSONResponse

from callboard_registry.page import CONTENT_SECURITY_POLICY, service_page
from callboard_registry.registry import Registry

_INDEX: Final = {
    "service": "callboard-registry",
    "listings": "/v1/listings",
    "search": "/v1/search",
    "operations": "/v1/operations?caller={team}",
    "policies": "/v1/policies",
    "keys": "/v1/keys",
    "calls": "/v1/calls",
    "changes": "/v1/changes",
    "page": "/services/{service}",
    "health": "/healthz",
    "openapi": "/openapi.json",
}


def pages_router(registry: Registry) -> APIRouter:
    """Serve the index, the page of a service, and health."""
    router = APIRouter()

    @router.get("/")
    async def index() -> JSONResponse:
        """Tell what there is."""
        return JSONResponse(_INDEX)

    @router.get("/services/{service}", response_class=HTMLResponse)
    async def page(service: str, digest: str = "") -> HTMLResponse:
        """Show the newest revision of a service, or the one asked for, to a person."""
        listing = await registry.get_listing(service, digest=digest)
        headers = {
            "content-security-policy": CONTENT_SECURITY_POLICY,
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
        }
        return HTMLResponse(service_page(listing), headers=headers)

    @router.get("/healthz")
    async def health() -> JSONResponse:
        """Tell whether the registry and its database answer."""
        await registry.check()
        return JSONResponse({"status": "serving"})

    del index, page, health  # they live in the router now
    return router
