"""What gRPC answers about calls."""

from typing_extensions import override

from callboard_registry.rpc.answering import Context, answering
from callboard_registry.rpc.family import Family
from callboard_registry.rpc.requests import token_of
from callboard_registry_api.v1 import registry_pb2 as pb


class CallsRpc(Family):
    """Takes and lists call records."""

    @override
    async def ReportCalls(self, request: pb.ReportCallsRequest, context: Context) -> pb.ReportCallsResponse:
        async with answering(context):
            return pb.ReportCallsResponse(kept=await self.registry.report_calls(request.batch, token=token_of(context)))

    @override
    async def ListCalls(self, request: pb.ListCallsRequest, context: Context) -> pb.ListCallsResponse:
        async with answering(context):
            page = await self.registry.list_calls(root=request.root, after=request.after, size=request.page_size)
            return pb.ListCallsResponse(records=[record.to_message() for record in page.records], cursor=page.cursor)
