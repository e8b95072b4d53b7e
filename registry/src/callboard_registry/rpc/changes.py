"""What gRPC answers about changes."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import grpc
from typing_extensions import override

from callboard_registry.rpc.answering import Context, address_of, answering
from callboard_registry.rpc.family import Family
from callboard_registry_api.v1 import registry_pb2 as pb


class ChangesRpc(Family):
    """Tells of changes as they happen."""

    @override
    async def WatchChanges(
        self, request: pb.WatchChangesRequest, context: Context
    ) -> AsyncGenerator[pb.WatchChangesResponse]:
        watching = self.registry.watching
        told = watching.watch(team=request.team, after=request.after, only_new=request.only_new)
        async with answering(context):
            with watching.place_for(address_of(context.peer())):
                async with aclosing(told):
                    async for changes, cursor in told:
                        yield pb.WatchChangesResponse(changes=[each.to_message() for each in changes], cursor=cursor)
        await context.abort(
            grpc.StatusCode.UNAVAILABLE, "the registry is going; watch on behind the last cursor when it is back"
        )
