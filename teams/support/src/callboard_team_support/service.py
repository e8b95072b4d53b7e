"""The Nexus handlers of `support.v1`."""

from nexusrpc.handler import StartOperationContext, service_handler, sync_operation
from temporalio import nexus

from callboard_contracts import Assistance, Goal
from callboard_contracts.conversations import (
    Answer,
    Closing,
    Conversations,
    Finding,
    Opened,
    Opening,
    Reading,
    Saying,
    Transcript,
    Withdrawal,
    Withdrawn,
)
from callboard_contracts.support import v1 as support
from callboard_kit import mesh
from callboard_kit.conversations.counter import Counter
from callboard_kit.conversations.history import History
from callboard_team_support.arithmetic import calculate
from callboard_team_support.workflows import Assist, TransferToHumanAgents


@service_handler(service=support.Support)
class SupportService:
    """Serves `support.v1`."""

    def __init__(self, history: History) -> None:
        self._counter = Counter(history)

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

    @sync_operation
    async def open(self, _ctx: StartOperationContext, opening: Opening) -> Opened:
        """Start one `Conversation` per name."""
        return await self._counter.open(opening)

    @nexus.temporal_operation
    async def say(
        self, _ctx: nexus.TemporalStartOperationContext, client: nexus.TemporalNexusClient, saying: Saying
    ) -> nexus.TemporalOperationResult[Answer]:
        """Bring the message to its `Conversation`."""
        return await self._counter.say(client, saying)

    @sync_operation
    async def withdraw(self, _ctx: StartOperationContext, withdrawal: Withdrawal) -> Withdrawn:
        """Have its `Conversation` take the message back."""
        return await self._counter.withdraw(withdrawal)

    @sync_operation
    async def list_conversations(self, _ctx: StartOperationContext, finding: Finding) -> Conversations:
        """Find the caller's."""
        return await self._counter.find(finding)

    @sync_operation
    async def history(self, _ctx: StartOperationContext, reading: Reading) -> Transcript:
        """Read what was said."""
        return await self._counter.read(reading)

    @nexus.temporal_operation
    async def close(
        self, _ctx: nexus.TemporalStartOperationContext, client: nexus.TemporalNexusClient, closing: Closing
    ) -> nexus.TemporalOperationResult[Transcript]:
        """Bring the wish to its `Conversation`."""
        return await self._counter.close(client, closing)
