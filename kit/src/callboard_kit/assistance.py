"""What every team's `assist` does: let a model work on a goal with the operations the team may call."""

from collections.abc import Sequence
from functools import cache
from typing import Final

from callboard_contracts import Assistance, Goal, describe, service_named
from callboard_kit import mesh
from callboard_kit.agent import Limits, OperationTool, agent_run
from callboard_kit.teams import Team

ASSIST: Final = "assist"
"""The operation that takes a goal in words."""

MAX_STEPS: Final = 20
"""Rounds of model and tools, if the tree of calls allows as many."""


@cache  # The sandbox loads a workflow's module anew for every run.
def tools_of_room(package: str, own: str) -> tuple[OperationTool, ...]:
    """Return the operations that a room's agent may be given: its own service's and those its `team.toml` calls.

    Whatever a model may not call is left out, and so is the agent itself. What the agent then may do is decided call
    by call, by the policies of those it calls.
    """
    services = (own, *Team.load(package).calls)
    tools = (tool for name in services for tool in OperationTool.all_of(describe(service_named(name))))
    return tuple(tool for tool in tools if (tool.service, tool.operation) != (own, ASSIST))


async def assist(goal: Goal, *, instructions: str, tools: Sequence[OperationTool]) -> Assistance:
    """Answer the call at hand: work on `goal` within the limits of its tree. Only from a workflow.

    Raises:
        MeshError: As `agent_run` does.
    """
    call = mesh.current()
    limits = Limits(
        max_steps=max(1, min(MAX_STEPS, call.limits.steps)), max_tokens=max(1, min(400_000, call.limits.tokens))
    )
    outcome = await agent_run(_words(goal), instructions=instructions, tools=tools, limits=limits, name=call.team)
    return Assistance(answer=outcome.answer, deeds=outcome.deeds, usage=outcome.usage)


def _words(goal: Goal) -> str:
    facts = "\n".join(f"- {name}: {value}" for name, value in sorted(goal.facts.items()))
    return f"{goal.goal}\n\nKnown for certain:\n{facts}" if facts else goal.goal
