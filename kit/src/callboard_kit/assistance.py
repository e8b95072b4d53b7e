"""The agent behind every team's `assist`: it works on a goal with the operations that the team may call."""

from collections.abc import Sequence
from functools import cache
from typing import Any, Final

from callboard_contracts import describe, service_named
from callboard_kit.agent import Agent, Limits, OperationTool
from callboard_kit.approvals import ApprovalPolicy, Automatic
from callboard_kit.guards import Guard
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


def room_agent(
    team: str,
    *,
    instructions: str,
    approvals: ApprovalPolicy | None = None,
    tools: Sequence[OperationTool] = (),
    guards: Sequence[Guard] = (),
) -> Agent[Any]:  # Any: it answers with words
    """Return the agent of the room `callboard_team_<team>`: `AGENT.assist(goal)` answers a call of its `assist`.

    Args:
        team: The team.
        instructions: Who the agent is and what it must keep to.
        approvals: What a person must agree to before the agent calls it. Absent: nothing; what the policies of those
            it calls demand is asked all the same.
        tools: What it may call. Absent: `tools_of_room`.
        guards: Who looks at what its model is asked, at what it says, and at what is about to be done.
    """
    return Agent(
        name=team,
        instructions=instructions,
        tools=tools or tools_of_room(f"callboard_team_{team}", f"{team}.v1"),
        approvals=approvals or Automatic(),
        guards=guards,
        limits=Limits(max_steps=MAX_STEPS),
    )
