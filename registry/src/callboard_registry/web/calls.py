"""What HTTP answers about calls."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from callboard_registry.registry import Registry
from callboard_registry.web.moments import moment
from callboard_registry_api.model import CallRecord


def calls_router(registry: Registry) -> APIRouter:
    """Serve call records."""
    router = APIRouter()

    @router.get("/v1/calls")
    async def calls(root: str = "", after: str = "", page_size: int = 0) -> JSONResponse:
        """List call records in the order in which they arrived."""
        page = await registry.list_calls(root=root, after=after, size=page_size)
        return JSONResponse({"calls": [shown_call(one) for one in page.records], "cursor": page.cursor})

    del calls  # they live in the router now
    return router


def shown_call(record: CallRecord) -> dict[str, object]:
    """Return a call record as JSON holds it."""
    return {
        "root": record.root,
        "token_id": record.token_id,
        "caller": record.caller,
        "person": record.person,
        "endpoint": record.endpoint,
        "service": record.service,
        "operation": record.operation,
        "revision": record.revision,
        "build": record.build,
        "entity": record.entity,
        "start": moment(record.start),
        "duration_seconds": None if record.duration is None else record.duration.total_seconds(),
        "outcome": record.outcome,
        "reason": record.reason,
        "usage": {"input_tokens": record.input_tokens, "output_tokens": record.output_tokens},
        "cost_usd": record.cost_usd,
        "reporter": record.reporter,
    }
