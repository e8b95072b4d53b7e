"""What gRPC answers about operations."""

from typing_extensions import override

from callboard_registry.rpc.answering import Context, answering
from callboard_registry.rpc.family import Family
from callboard_registry.rpc.requests import states_of, token_of
from callboard_registry.search import Question
from callboard_registry_api.discovery import OperationName
from callboard_registry_api.v1 import registry_pb2 as pb


class DiscoveryRpc(Family):
    """Finds operations, tells what a team may call, and what it must know to do so."""

    @override
    async def SearchOperations(
        self, request: pb.SearchOperationsRequest, context: Context
    ) -> pb.SearchOperationsResponse:
        async with answering(context):
            question = Question(
                words=request.words,
                operation=request.operation,
                field=request.field,
                effect=request.effect,
                team=request.team,
                states=states_of(request.states),
                for_models=request.for_models,
            )
            page = await self.registry.discovery.search(
                question,
                caller=request.caller,
                size=request.page_size,
                page_token=request.page_token,
                token=token_of(context),
                method="SearchOperations",
            )
            return pb.SearchOperationsResponse(
                operations=[each.to_message() for each in page.items], next_page_token=page.next_page_token
            )

    @override
    async def DiscoverOperations(
        self, request: pb.DiscoverOperationsRequest, context: Context
    ) -> pb.DiscoverOperationsResponse:
        async with answering(context):
            discovered = await self.registry.discovery.discover(
                request.caller,
                request.words,
                states=states_of(request.states),
                size=request.page_size,
                page_token=request.page_token,
                token=token_of(context),
                method="DiscoverOperations",
            )
            return discovered.to_message()

    @override
    async def GetOperations(self, request: pb.GetOperationsRequest, context: Context) -> pb.GetOperationsResponse:
        async with answering(context):
            names = [OperationName(each.service, each.operation) for each in request.operations]
            described, looked_at = await self.registry.discovery.describe(
                names,
                caller=request.caller,
                states=states_of(request.states),
                token=token_of(context),
                method="GetOperations",
            )
            return pb.GetOperationsResponse(operations=[each.to_message() for each in described], looked_at=looked_at)
