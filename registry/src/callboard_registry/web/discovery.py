"""What HTTP answers about operations."""

import json

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from callboard_registry.access import bearer
from callboard_registry.registry import Registry
from callboard_registry.search import Question
from callboard_registry.web import shapes
from callboard_registry.web.requests import States, Token
from callboard_registry_api.discovery import DescribedOperation, OperationName


def discovery_router(registry: Registry) -> APIRouter:
    """Serve operations: search them, tell a team what it may call, and describe one."""
    router = APIRouter()

    @router.get("/v1/search", response_model=shapes.FoundOperations)
    async def search(
        states: States = [],  # noqa: B006 - FastAPI reads the default and never changes it
        words: str = "",
        operation: str = "",
        field: str = "",
        effect: str = "",
        team: str = "",
        caller: str = "",
        for_models: bool = False,
        page_size: int = 0,
        page_token: str = "",
        authorization: Token = None,
    ) -> JSONResponse:
        """Find operations by words, name, field, effect, owner and state; with a caller only what it may call."""
        question = Question(
            words=words,
            operation=operation,
            field=field,
            effect=effect,
            team=team,
            states=tuple(states),
            for_models=for_models,
        )
        page = await registry.discovery.search(
            question, caller=caller, size=page_size, page_token=page_token, token=bearer(authorization)
        )
        return JSONResponse({"operations": [vars(one) for one in page.items], "next_page_token": page.next_page_token})

    @router.get("/v1/operations", response_model=shapes.Discovered)
    async def discover(
        caller: str,
        states: States = [],  # noqa: B006 - FastAPI reads the default and never changes it
        words: str = "",
        page_size: int = 0,
        page_token: str = "",
        authorization: Token = None,
    ) -> JSONResponse:
        """Tell what a team may have a model call: names and one line each, the best first, and how much there is."""
        found = await registry.discovery.discover(
            caller, words, states=states, size=page_size, page_token=page_token, token=bearer(authorization)
        )
        return JSONResponse(
            {
                "operations": [vars(one) for one in found.operations],
                "next_page_token": found.next_page_token,
                "total": found.total,
                "total_services": found.total_services,
                "services": list(found.services),
                "as_of": found.as_of,
            }
        )

    @router.get("/v1/operations/{service}/{operation}", response_model=shapes.DescribedOperation)
    async def describe(
        service: str,
        operation: str,
        states: States = [],  # noqa: B006 - FastAPI reads the default and never changes it
        caller: str = "",
        authorization: Token = None,
    ) -> JSONResponse:
        """Return one operation's schemas and promise, of the revision in force."""
        name = OperationName(service, operation)
        return JSONResponse(
            _shown(
                await registry.discovery.describe_one(name, caller=caller, states=states, token=bearer(authorization))
            )
        )

    del search, discover, describe  # they live in the router now
    return router


def _shown(described: DescribedOperation) -> dict[str, object]:
    return {**vars(described), "document": json.loads(described.document)}
