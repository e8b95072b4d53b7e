"""What HTTP answers about calls, and about who calls whom."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime

from callboard_registry.registry import Registry
from callboard_registry.totals import Which
from callboard_registry.web import shapes
from callboard_registry.web.moments import moment
from callboard_registry_api.audit import AuditPosition, CallFilter, CallTotal, Consumer, Dimension
from callboard_registry_api.model import CallRecord, Outcome

Outcomes = Annotated[list[Outcome], Query()]
"""Any number of `outcomes=`."""

Dimensions = Annotated[list[Dimension], Query()]
"""Any number of `by=`."""


def calls_router(registry: Registry) -> APIRouter:
    """Serve call records, their sums, and who calls whom."""
    router = APIRouter()
    _serve_records(router, registry)

    @router.get("/v1/services/{service}/consumers", response_model=shapes.Consumers)
    async def consumers(service: str, operation: str = "", since: AwareDatetime | None = None) -> JSONResponse:
        """List who says to call a service and who was seen to, in the last 30 days unless `since` says else."""
        found = await registry.auditing.consumers(service, operation=operation, since=since)
        return JSONResponse({"consumers": [shown_consumer(each) for each in found]})

    @router.get("/v1/audit", response_model=shapes.AuditPositions)
    async def positions() -> JSONResponse:
        """Tell how far the audit has read each namespace of Temporal."""
        found = await registry.auditing.positions()
        return JSONResponse({"positions": [_position(each) for each in found]})

    del consumers, positions  # they live in the router now
    return router


def _serve_records(router: APIRouter, registry: Registry) -> None:
    @router.get("/v1/calls", response_model=shapes.Calls)
    async def calls(
        outcomes: Outcomes = [],  # noqa: B006 - FastAPI reads the default and never changes it
        root: str = "",
        team: str = "",
        caller: str = "",
        service: str = "",
        operation: str = "",
        entity: str = "",
        since: AwareDatetime | None = None,
        until: AwareDatetime | None = None,
        newest_first: bool = False,
        after: str = "",
        page_size: int = 0,
    ) -> JSONResponse:
        """List call records in the order in which they arrived, or from the newest back."""
        which = CallFilter(
            root=root,
            team=team,
            caller=caller,
            service=service,
            operation=operation,
            entity=entity,
            outcomes=tuple(outcomes),
            since=since,
            until=until,
        )
        page = await registry.auditing.calls(which, after=after, size=page_size, newest_first=newest_first)
        return JSONResponse({"calls": [shown_call(one) for one in page.records], "cursor": page.cursor})

    @router.get("/v1/totals", response_model=shapes.Totals)
    async def totals(
        by: Dimensions = [],  # noqa: B006 - FastAPI reads the default and never changes it
        outcomes: Outcomes = [],  # noqa: B006 - see above
        caller: str = "",
        service: str = "",
        operation: str = "",
        revision: str = "",
        since: AwareDatetime | None = None,
        until: AwareDatetime | None = None,
        page_size: int = 0,
        page_token: str = "",
    ) -> JSONResponse:
        """Add calls that are over up, a row for each combination of `by`; days are whole."""
        which = Which(
            caller=caller,
            service=service,
            operation=operation,
            revision=revision,
            outcomes=tuple(outcomes),
            since=since,
            until=until,
        )
        page = await registry.auditing.totals(which, by=by, size=page_size, page_token=page_token)
        return JSONResponse(
            {"totals": [shown_total(one) for one in page.items], "next_page_token": page.next_page_token}
        )

    del calls, totals  # they live in the router now


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
        "derived": record.derived,
    }


def shown_total(total: CallTotal) -> dict[str, object]:
    """Return a row of sums as JSON holds it."""
    spans = {"duration": total.duration, "p50": total.p50, "p95": total.p95}
    return {
        "day": None if total.day is None else total.day.date().isoformat(),
        "caller": total.caller,
        "service": total.service,
        "operation": total.operation,
        "revision": total.revision,
        "outcome": total.outcome,
        "calls": total.calls,
        "errors": total.errors,
        **{f"{name}_seconds": None if span is None else span.total_seconds() for name, span in spans.items()},
        "usage": {"input_tokens": total.input_tokens, "output_tokens": total.output_tokens},
        "cost_usd": total.cost_usd,
        "last": moment(total.last),
    }


def shown_consumer(consumer: Consumer) -> dict[str, object]:
    """Return a consumer as JSON holds it."""
    return {
        "team": consumer.team,
        "declared": consumer.declared,
        "seen": consumer.seen,
        "operation": consumer.operation,
        "revision": consumer.revision,
        "calls": consumer.calls,
        "errors": consumer.errors,
        "error_rate": consumer.errors / consumer.calls if consumer.calls else None,
        "last": _maybe(consumer.last),
    }


def _position(position: AuditPosition) -> dict[str, object]:
    return {
        "namespace": position.namespace,
        "team": position.team,
        "read_until": _maybe(position.read_until),
        "looked": moment(position.looked),
        "problem": position.problem,
        "open": position.open,
    }


def _maybe(when: datetime | None) -> str | None:
    return None if when is None else moment(when)
