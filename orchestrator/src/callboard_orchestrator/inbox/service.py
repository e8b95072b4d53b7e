"""The Nexus handler of `inbox.v1`."""

from nexusrpc.handler import service_handler
from temporalio import nexus
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from callboard_contracts.inbox import v1 as inbox
from callboard_kit import mesh
from callboard_orchestrator.inbox.workflows import ASKED, Gate, asked_first


@service_handler(service=inbox.Inbox)
class InboxService:
    """Serves `inbox.v1`."""

    @nexus.workflow_run_operation
    async def ask(
        self, ctx: nexus.WorkflowRunOperationContext, question: inbox.Question
    ) -> nexus.WorkflowHandle[inbox.Verdict]:
        """Start one `Gate` per call."""
        gate = mesh.gate_id(mesh.current())
        return await ctx.start_workflow(
            Gate.run,
            question,
            id=gate,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            # So that a list of what waits is one question to Temporal, and none to this worker.
            memo={ASKED: asked_first(gate, mesh.current(), question)},
        )
