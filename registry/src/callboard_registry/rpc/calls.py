"""What gRPC answers about calls, and about who calls whom."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TypeVar

from google.protobuf.timestamp_pb2 import Timestamp
from typing_extensions import override

from callboard_registry.refusals import Refusal
from callboard_registry.rpc.answering import Context, answering
from callboard_registry.rpc.family import Family
from callboard_registry.rpc.requests import token_of
from callboard_registry.totals import Which
from callboard_registry_api.audit import CallFilter, dimension_of
from callboard_registry_api.model import outcome_of
from callboard_registry_api.v1 import registry_pb2 as pb

Named = TypeVar("Named")


class CallsRpc(Family):
    """Takes and lists call records, adds them up, and tells who calls whom."""

    @override
    async def ReportCalls(self, request: pb.ReportCallsRequest, context: Context) -> pb.ReportCallsResponse:
        async with answering(context):
            kept = await self.registry.auditing.report(request.batch, token=token_of(context))
            return pb.ReportCallsResponse(kept=kept)

    @override
    async def ListCalls(self, request: pb.ListCallsRequest, context: Context) -> pb.ListCallsResponse:
        async with answering(context):
            which = CallFilter(
                root=request.root,
                team=request.team,
                caller=request.caller,
                service=request.service,
                operation=request.operation,
                entity=request.entity,
                outcomes=_named(outcome_of, request.outcomes, field="outcomes"),
                since=_moment(request.since, "since") if request.HasField("since") else None,
                until=_moment(request.until, "until") if request.HasField("until") else None,
            )
            page = await self.registry.auditing.calls(
                which, after=request.after, size=request.page_size, newest_first=request.newest_first
            )
            return pb.ListCallsResponse(records=[record.to_message() for record in page.records], cursor=page.cursor)

    @override
    async def SumCalls(self, request: pb.SumCallsRequest, context: Context) -> pb.SumCallsResponse:
        async with answering(context):
            which = Which(
                caller=request.caller,
                service=request.service,
                operation=request.operation,
                revision=request.revision,
                outcomes=_named(outcome_of, request.outcomes, field="outcomes"),
                since=_moment(request.since, "since") if request.HasField("since") else None,
                until=_moment(request.until, "until") if request.HasField("until") else None,
            )
            by = _named(dimension_of, request.by, field="by")
            page = await self.registry.auditing.totals(
                which, by=by, size=request.page_size, page_token=request.page_token
            )
            return pb.SumCallsResponse(
                totals=[each.to_message() for each in page.items], next_page_token=page.next_page_token
            )

    @override
    async def DeclareCalls(self, request: pb.DeclareCallsRequest, context: Context) -> pb.DeclareCallsResponse:
        async with answering(context):
            changed = await self.registry.auditing.declare(request.team, request.document, token=token_of(context))
            return pb.DeclareCallsResponse(changed=changed)

    @override
    async def ListConsumers(self, request: pb.ListConsumersRequest, context: Context) -> pb.ListConsumersResponse:
        async with answering(context):
            since = _moment(request.since, "since") if request.HasField("since") else None
            found = await self.registry.auditing.consumers(request.service, operation=request.operation, since=since)
            return pb.ListConsumersResponse(consumers=[each.to_message() for each in found])

    @override
    async def ListAuditPositions(
        self, request: pb.ListAuditPositionsRequest, context: Context
    ) -> pb.ListAuditPositionsResponse:
        async with answering(context):
            positions = await self.registry.auditing.positions()
            return pb.ListAuditPositionsResponse(positions=[each.to_message() for each in positions])


def _named(name: Callable[[int], Named], numbers: Iterable[int], *, field: str) -> tuple[Named, ...]:
    try:
        return tuple(name(number) for number in numbers)
    except ValueError as error:
        raise Refusal("invalid", field, str(error)) from error


def _moment(timestamp: Timestamp, field: str) -> datetime:
    try:
        return timestamp.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise Refusal("invalid", field, f"{field} is no time between the years 1 and 9999") from error
