"""What HTTP shows to persons."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from callboard_registry.page import CONTENT_SECURITY_POLICY, service_page
from callboard_registry.registry import Registry


def pages_router(registry: Registry) -> APIRouter:
    """Serve the page of a service."""
    router = APIRouter()

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

    del page  # it lives in the router now
    return router
