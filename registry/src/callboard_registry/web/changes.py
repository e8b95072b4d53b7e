"""What HTTP answers about changes."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from callboard_registry.registry import Registry
from callboard_registry.web.moments import moment


def changes_router(registry: Registry) -> APIRouter:
    """Serve changes."""
    router = APIRouter()

    @router.get("/v1/changes")
    async def changes(team: str = "", after: str = "", page_size: int = 0) -> JSONResponse:
        """List what happened, in order; `after` with the last `cursor` returns exactly what has happened since."""
        found, cursor = await registry.watching.page(team=team, after=after, size=page_size)
        return JSONResponse({"changes": [{**vars(one), "at": moment(one.at)} for one in found], "cursor": cursor})

    del changes  # they live in the router now
    return router
