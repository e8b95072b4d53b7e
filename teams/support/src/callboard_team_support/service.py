"""The Nexus handlers of `support.v1`."""

from nexusrpc.handler import StartOperationContext, service_handler, sync_operation
from temporalio import nexus

from callboard_contracts import Assistance, Goal
from callboard_contracts.support import v1 as support
from callboard_kit import mesh
from callboard_team_support.arithmetic import calculate
from callboard_team_support.workflows import Assist, TransferToHumanAgents


@service_handler(service=support.Support)
class SupportService:
    """Serves `support.v1`."""

    @sync_operation
    async def calculate(
        self, _ctx: StartOperationContext, calculation: support.Calculation
    ) -> support.CalculationResult:
        """Work it out."""
        return support.CalculationResult(result=calculate(calculation.expression))

    @nexus.workflow_run_operation
    async def transfer_to_human_agents(
        self, ctx: nexus.WorkflowRunOperationContext, handover: support.Handover
    ) -> nexus.WorkflowHandle[support.HandoverReceipt]:
        """Start one `TransferToHumanAgents` per call."""
        return await mesh.start_workflow(ctx, TransferToHumanAgents.run, handover)

    @nexus.workflow_run_operation
    async def assist(self, ctx: nexus.WorkflowRunOperationContext, goal: Goal) -> nexus.WorkflowHandle[Assistance]:
        """Start one `Assist` per call."""
        return await mesh.start_workflow(ctx, Assist.run, goal)
