"""The Nexus handler of `orchestrator.v1`."""

from nexusrpc.handler import StartOperationContext, service_handler, sync_operation
from temporalio import nexus

from callboard_contracts import Nothing
from callboard_contracts.orchestrator import v1 as orchestrator
from callboard_kit.ambient import WatchSchedule


@service_handler(service=orchestrator.Orchestrator)
class OrchestratorService:
    """Serves `orchestrator.v1`."""

    @sync_operation
    async def wake_watch(self, _ctx: StartOperationContext, _nothing: Nothing) -> orchestrator.Awakened:
        """Trigger the watch's schedule."""
        watch = WatchSchedule(nexus.client(), "orchestrator")
        await watch.trigger()
        return orchestrator.Awakened(watch=watch.id)
