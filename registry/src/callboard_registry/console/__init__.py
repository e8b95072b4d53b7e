"""The console: what the registry knows, as pages for people. Nothing on them comes from another host."""

from importlib.resources import files
from typing import Final

from fastapi import APIRouter, Response

from callboard_registry.console.catalog import catalog_router
from callboard_registry.console.knowledge import Knowledge
from callboard_registry.console.map import map_router
from callboard_registry.console.runs import runs_router
from callboard_registry.console.services import services_router
from callboard_registry.registry import Registry

_ASSETS: Final = {
    "console.css": "text/css; charset=utf-8",
    "console.js": "text/javascript; charset=utf-8",
    "vendor/htmx.min.js": "text/javascript; charset=utf-8",
}


def console_router(registry: Registry) -> APIRouter:
    """Serve the pages."""
    knowledge = Knowledge(registry)
    router = APIRouter()
    for family in (catalog_router, services_router, map_router, runs_router):
        router.include_router(family(knowledge))
    return router


def assets_router(_: Registry) -> APIRouter:
    """Serve what pages load; it holds nothing of anybody's."""
    router = APIRouter(include_in_schema=False)

    @router.get("/static/{name:path}")
    async def asset(name: str) -> Response:
        """Return a file of the console."""
        if name not in _ASSETS:
            return Response("there is no such file", 404, media_type="text/plain")
        data = (files("callboard_registry.console") / "static" / name).read_bytes()
        headers = {"cache-control": "public, max-age=31536000, immutable", "x-content-type-options": "nosniff"}
        return Response(data, media_type=_ASSETS[name], headers=headers)

    del asset  # it lives in the router now
    return router
