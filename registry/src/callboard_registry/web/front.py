"""What HTTP shows to everybody, whoever they are: what there is, and whether it answers."""

from typing import Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from callboard_registry.registry import Registry
from callboard_registry.web import shapes

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


def front_router(registry: Registry) -> APIRouter:
    """Serve the index and health."""
    router = APIRouter()

    @router.get("/")
    async def index() -> JSONResponse:
        """Tell what there is."""
        return JSONResponse(_INDEX)

    @router.get("/healthz", response_model=shapes.Status)
    async def health() -> JSONResponse:
        """Tell whether the registry and its database answer."""
        await registry.check()
        return JSONResponse({"status": "serving"})

    del index, health  # they live in the router now
    return router
