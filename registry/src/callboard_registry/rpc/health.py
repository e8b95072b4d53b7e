"""What gRPC answers about what runs."""

from typing_extensions import override

from callboard_registry.rpc.answering import Context, answering
from callboard_registry.rpc.family import Family
from callboard_registry.rpc.requests import token_of
from callboard_registry_api.v1 import registry_pb2 as pb


class HealthRpc(Family):
    """Takes heartbeats, and tells of workers, verdicts, endpoints and the observer."""

    @override
    async def ReportHeartbeat(self, request: pb.ReportHeartbeatRequest, context: Context) -> pb.ReportHeartbeatResponse:
        async with answering(context):
            await self.registry.health.beat(request.heartbeat, token=token_of(context))
            return pb.ReportHeartbeatResponse()

    @override
    async def ListWorkers(self, request: pb.ListWorkersRequest, context: Context) -> pb.ListWorkersResponse:
        async with answering(context):
            page = await self.registry.health.list_workers(
                team=request.team,
                service=request.service,
                past=request.past,
                size=request.page_size,
                page_token=request.page_token,
            )
            return pb.ListWorkersResponse(
                workers=[each.to_message() for each in page.items], next_page_token=page.next_page_token
            )

    @override
    async def ListTeams(self, request: pb.ListTeamsRequest, context: Context) -> pb.ListTeamsResponse:
        async with answering(context):
            page = await self.registry.health.list_teams(size=request.page_size, page_token=request.page_token)
            return pb.ListTeamsResponse(
                teams=[each.to_message() for each in page.items], next_page_token=page.next_page_token
            )

    @override
    async def GetHealth(self, request: pb.GetHealthRequest, context: Context) -> pb.GetHealthResponse:
        async with answering(context):
            health = await self.registry.health.of(request.service)
            return pb.GetHealthResponse(health=health.to_message())

    @override
    async def ListHealth(self, request: pb.ListHealthRequest, context: Context) -> pb.ListHealthResponse:
        async with answering(context):
            page = await self.registry.health.all(
                team=request.team, size=request.page_size, page_token=request.page_token
            )
            return pb.ListHealthResponse(
                health=[each.to_message() for each in page.items], next_page_token=page.next_page_token
            )

    @override
    async def ListEndpoints(self, request: pb.ListEndpointsRequest, context: Context) -> pb.ListEndpointsResponse:
        async with answering(context):
            page = await self.registry.health.list_endpoints(size=request.page_size, page_token=request.page_token)
            return pb.ListEndpointsResponse(
                endpoints=[each.to_message() for each in page.items], next_page_token=page.next_page_token
            )

    @override
    async def ListQueues(self, request: pb.ListQueuesRequest, context: Context) -> pb.ListQueuesResponse:
        async with answering(context):
            page = await self.registry.health.list_queues(size=request.page_size, page_token=request.page_token)
            return pb.ListQueuesResponse(
                queues=[each.to_message() for each in page.items], next_page_token=page.next_page_token
            )

    @override
    async def ListObserverJobs(
        self, request: pb.ListObserverJobsRequest, context: Context
    ) -> pb.ListObserverJobsResponse:
        async with answering(context):
            jobs = await self.registry.health.list_jobs()
            return pb.ListObserverJobsResponse(jobs=[each.to_message() for each in jobs])
