"""What HTTP answers about policies."""

import json

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from callboard_registry.access import bearer
from callboard_registry.registry import Registry
from callboard_registry.web import shapes
from callboard_registry.web.compatibility import shown_finding
from callboard_registry.web.describing import body_is
from callboard_registry.web.moments import moment
from callboard_registry.web.requests import Token, body_of
from callboard_registry_api.model import Policy


def policies_router(registry: Registry) -> APIRouter:
    """Serve policies."""
    router = APIRouter()

    @router.post(
        "/v1/policies/{team}",
        response_model=shapes.PublishedPolicy,
        responses={201: {"model": shapes.PublishedPolicy, "description": "It is a new version."}},
        openapi_extra=body_is("Policy"),
    )
    async def publish(
        team: str, request: Request, authorization: Token = None, validate_only: bool = False
    ) -> JSONResponse:
        """Put a policy, the body, in force for the team that signed it; 201 when it is a new version, else 200.

        With `validate_only` nothing is stored: 200, and what publishing would have answered.
        """
        document, token = await body_of(request), bearer(authorization)
        held, created = await registry.publish_policy(team, document, token=token, validate_only=validate_only)
        shown = {**shown_policy(held), "warnings": [shown_finding(each) for each in held.warnings]}
        return JSONResponse(shown, status_code=201 if created and not validate_only else 200)

    @router.get("/v1/policies", response_model=shapes.Policies)
    async def policies(page_size: int = 0, page_token: str = "") -> JSONResponse:
        """List the policies in force."""
        page = await registry.list_policies(size=page_size, page_token=page_token)
        return JSONResponse(
            {"policies": [shown_policy(one) for one in page.items], "next_page_token": page.next_page_token}
        )

    @router.get("/v1/policies/{team}", response_model=shapes.HeldPolicy)
    async def policy(team: str, version: int = 0) -> JSONResponse:
        """Return the policy of a team that is in force, or another version."""
        return JSONResponse(shown_policy(await registry.get_policy(team, version=version)))

    del publish, policies, policy  # they live in the router now
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
