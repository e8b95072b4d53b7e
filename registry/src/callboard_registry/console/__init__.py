"""The console: what the registry knows, as pages for people. Nothing on them comes from another host."""

from importlib.resources import files
from typing import Final

from fastapi import APIRouter, Depends, Response

from callboard_registry.admission import Admission
from callboard_registry.console.analytics import analytics_router
from callboard_registry.console.catalog import catalog_router
from callboard_registry.console.inbox.pages import inbox_router
from callboard_registry.console.knowledge import Knowledge
from callboard_registry.console.map import map_router
from callboard_registry.console.moving.pages import moving_router
from callboard_registry.console.runs import runs_router
from callboard_registry.console.services import services_router
from callboard_registry.console.signin.pages import signin_router
from callboard_registry.console.signin.visits import Door
from callboard_registry.console.trying.pages import trying_router
from callboard_registry.registry import Registry
from callboard_registry.signin.configuration import ConsoleSettings

_ASSETS: Final = {
    "console.css": "text/css; charset=utf-8",
    "console.js": "text/javascript; charset=utf-8",
    "vendor/htmx.min.js": "text/javascript; charset=utf-8",
}


def console_router(registry: Registry, admission: Admission, settings: ConsoleSettings) -> APIRouter:
    """Serve the pages, to who is signed in."""
    knowledge = Knowledge(registry)
    door = Door(settings, registry.signed_in, admission)
    router = APIRouter(include_in_schema=False)
    router.include_router(signin_router(door))
    router.include_router(inbox_router(knowledge, settings), dependencies=[Depends(door.visiting())])
    router.include_router(trying_router(knowledge, settings), dependencies=[Depends(door.visiting())])
    router.include_router(moving_router(knowledge), dependencies=[Depends(door.visiting())])
    for family in (catalog_router, services_router):
        router.include_router(family(knowledge), dependencies=[Depends(door.visiting(public=True))])
    runs = runs_router(knowledge, temporal_ui=settings.temporal_ui)
    for pages in (map_router(knowledge), runs, analytics_router(knowledge)):
        router.include_router(pages, dependencies=[Depends(door.visiting())])
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
