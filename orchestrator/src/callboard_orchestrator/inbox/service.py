"""The Nexus handler of `inbox.v1`."""

from datetime import UTC, datetime, timedelta

from nexusrpc.handler import service_handler
from temporalio import nexus
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from callboard_contracts.inbox import v1 as inbox
from callboard_kit import mesh
from callboard_kit.tokens import Call
from callboard_orchestrator.inbox.messages import Asked
from callboard_orchestrator.inbox.workflows import ASKED, Gate


@service_handler(service=inbox.Inbox)
class InboxService:
    """Serves `inbox.v1`."""

    @nexus.workflow_run_operation
    async def ask(
        self, ctx: nexus.WorkflowRunOperationContext, question: inbox.Question
    ) -> nexus.WorkflowHandle[inbox.Verdict]:
        """Start one `Gate` per call."""
        return await ctx.start_workflow(
            Gate.run,
            question,
            id=mesh.gate_id(mesh.current()),
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            # So that a list of what waits is one question to Temporal, and none to this worker.
            memo={ASKED: _asked(mesh.current(), question)},
        )


def _asked(call: Call, question: inbox.Question) -> Asked:
    """Return a question as it lies in the inbox; who asks, along which chain and for whom, is what the call proves."""
    at = datetime.fromtimestamp(call.started, UTC)
    return Asked(
        gate=mesh.gate_id(call),
        root=call.root,
        team=call.caller,
        chain=call.teams,
        person=call.person,
        question=question,
        at=at,
        until=at + timedelta(seconds=question.patience_seconds),
        approvers=question.approvers,
    )
