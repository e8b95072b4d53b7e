"""The handlers of both sides: the same code, apart from how the workflow behind `settle` gets its id."""

from nexusrpc.handler import StartOperationContext, service_handler, sync_operation
from temporalio import nexus
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from bench.contract import Parcel, Question, answer, desk
from bench.work import Settle
from callboard_kit import mesh


def mesh_desk(team: str) -> object:
    """Return the handler of a member of the mesh."""

    @service_handler(service=desk(team))
    class MeshDesk:
        @sync_operation
        async def look(self, ctx: StartOperationContext, asked: Question) -> Parcel:
            return answer(asked)

        @nexus.workflow_run_operation
        async def settle(self, ctx: nexus.WorkflowRunOperationContext, asked: Question) -> nexus.WorkflowHandle[Parcel]:
            return await mesh.start_workflow(ctx, Settle.run, asked)

        @nexus.workflow_run_operation
        async def settle_alone(
            self, ctx: nexus.WorkflowRunOperationContext, asked: Question
        ) -> nexus.WorkflowHandle[Parcel]:
            return await mesh.start_workflow(ctx, Settle.run, asked)

    return MeshDesk()


def bare_desk(team: str) -> object:
    """Return the handler of a Temporal application that knows nothing of the mesh."""

    @service_handler(service=desk(team))
    class BareDesk:
        @sync_operation
        async def look(self, ctx: StartOperationContext, asked: Question) -> Parcel:
            return answer(asked)

        @nexus.workflow_run_operation
        async def settle(self, ctx: nexus.WorkflowRunOperationContext, asked: Question) -> nexus.WorkflowHandle[Parcel]:
            return await ctx.start_workflow(
                Settle.run,
                asked,
                id=f"{team}-settle-{ctx.request_id}",
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            )

        @nexus.workflow_run_operation
        async def settle_alone(
            self, ctx: nexus.WorkflowRunOperationContext, asked: Question
        ) -> nexus.WorkflowHandle[Parcel]:
            raise NotImplementedError("bare Temporal has no locks; nobody calls this")

    return BareDesk()
