"""What HTTP answers about policies."""

import json

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from callboard_registry.registry import Registry
from callboard_registry.web.moments import moment
from callboard_registry_api.model import Policy


def policies_router(registry: Registry) -> APIRouter:
    """Serve policies."""
    router = APIRouter()

    @router.get("/v1/policies")
    async def policies(page_size: int = 0, page_token: str = "") -> JSONResponse:
        """List the policies in force."""
        page = await registry.list_policies(size=page_size, page_token=page_token)
        return JSONResponse(
            {"policies": [shown_policy(one) for one in page.items], "next_page_token": page.next_page_token}
        )

    @router.get("/v1/policies/{team}")
    async def policy(team: str, version: int = 0) -> JSONResponse:
        """Return the policy of a team that is in force, or another version."""
        return JSONResponse(shown_policy(await registry.get_policy(team, version=version)))

    del policies, policy  # they live in the router now
    return router


def shown_policy(policy: Policy) -> dict[str, object]:
    """Return a policy as JSON holds it."""
    return {
        "team": policy.team,
        "version": policy.version,
        "digest": policy.digest,
        "created": moment(policy.created),
        "document": json.loads(policy.document),
    }
