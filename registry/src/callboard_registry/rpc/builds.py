"""What gRPC answers about builds."""

from typing_extensions import override

from callboard_registry.rpc.answering import Context, answering
from callboard_registry.rpc.family import Family
from callboard_registry.rpc.requests import token_of
from callboard_registry_api.v1 import registry_pb2 as pb


class BuildsRpc(Family):
    """Keeps and lists the fingerprints of builds."""

    @override
    async def PublishBuild(self, request: pb.PublishBuildRequest, context: Context) -> pb.PublishBuildResponse:
        async with answering(context):
            changed = await self.registry.builds.publish(request.team, request.document, token=token_of(context))
            return pb.PublishBuildResponse(changed=changed)

    @override
    async def WithdrawBuild(self, request: pb.WithdrawBuildRequest, context: Context) -> pb.WithdrawBuildResponse:
        async with answering(context):
            await self.registry.builds.withdraw(request.team, request.build, token=token_of(context))
            return pb.WithdrawBuildResponse()

    @override
    async def ListBuilds(self, request: pb.ListBuildsRequest, context: Context) -> pb.ListBuildsResponse:
        async with answering(context):
            page = await self.registry.builds.list(
                request.team, summary=request.summary, size=request.page_size, page_token=request.page_token
            )
            return pb.ListBuildsResponse(
                builds=[build.to_message() for build in page.items], next_page_token=page.next_page_token
            )
