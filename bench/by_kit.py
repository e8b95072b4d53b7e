"""The agent of `by_hand`, written with the kit: the same words, tools and model."""

from datetime import timedelta
from typing import Any, Final

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from bench.by_hand import DESCRIPTIONS, INSTRUCTIONS
    from bench.contract import Question
    from bench.planner import TOOLS
    from callboard_kit.agent import ActivityTool, Agent, Limits
    from callboard_kit.approvals import Automatic

CLERK: Final[Agent[Any]] = Agent(  # Any: it answers with words
    name="clerk",
    instructions=INSTRUCTIONS,
    tools=[
        ActivityTool(
            name=name,
            description=DESCRIPTIONS[name],
            activity=name,
            input_type=Question,
            effect="read",
            timeout=timedelta(seconds=30),
        )
        for name in TOOLS
    ],
    approvals=Automatic(),
    limits=Limits(model_timeout=timedelta(minutes=5)),
)


@workflow.defn
class DeskByKit:
    """The agent's workflow."""

    @workflow.run
    async def run(self, goal: str) -> str:
        """Let the agent work on a goal."""
        return (await CLERK.run(goal)).answer
