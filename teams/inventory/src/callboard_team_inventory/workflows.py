"""The workflow behind the inventory team's agent; everything else the team answers at once."""

from typing import Final

from temporalio import workflow

from callboard_contracts import Assistance, Goal

with workflow.unsafe.imports_passed_through():
    from callboard_kit.assistance import room_agent
    from callboard_team_inventory.agent import INSTRUCTIONS

AGENT: Final = room_agent("inventory", instructions=INSTRUCTIONS)


@workflow.defn
class Assist:
    """Answers a question about products in words."""

    @workflow.run
    async def run(self, goal: Goal) -> Assistance:
        """Let a model work on the goal with the team's tools."""
        return await AGENT.assist(goal)
