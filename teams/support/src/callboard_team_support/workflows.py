"""The workflows behind support's operations."""

from datetime import timedelta
from typing import Final

from temporalio import workflow

from callboard_contracts import Assistance, Goal
from callboard_contracts.support import v1 as support
from callboard_kit import mesh

with workflow.unsafe.imports_passed_through():
    from callboard_kit.assistance import room_agent
    from callboard_team_support.activities import Case, SupportActivities
    from callboard_team_support.agent import INSTRUCTIONS, hand_over
    from callboard_team_support.guards import GUARDS

AGENT: Final = room_agent("support", instructions=INSTRUCTIONS, guards=GUARDS)

_ONE_TRY: Final = timedelta(seconds=10)
_PATIENCE: Final = timedelta(minutes=2)


@workflow.defn
class TransferToHumanAgents:
    """Hands a customer over to a person."""

    @workflow.run
    async def run(self, handover: support.Handover) -> support.HandoverReceipt:
        """Put the case on the desk."""
        return await hand_over(handover, key=mesh.effect_key(), desk=_Desk())


@workflow.defn
class Assist:
    """Settles what a customer asks for in their own words."""

    @workflow.run
    async def run(self, goal: Goal) -> Assistance:
        """Let a model work on the goal, with the other teams' help."""
        return await AGENT.assist(goal)


class _Desk:
    """The team's records, through an activity."""

    async def put(self, handover: support.Handover, *, key: str) -> None:
        await workflow.execute_activity_method(
            SupportActivities.keep_case,
            Case(handover=handover, key=key),
            start_to_close_timeout=_ONE_TRY,
            schedule_to_close_timeout=_PATIENCE,
        )
