"""A team with an agent that sends parcels, in three builds with instructions of their own; one fails at times."""

from datetime import timedelta
from itertools import count
from typing import Any, Final

import nexusrpc
from nexusrpc.handler import service_handler
from temporalio import activity, nexus, workflow

from callboard_contracts import Assistance, Goal, MeshError, Message, Usage, promise

with workflow.unsafe.imports_passed_through():
    from callboard_kit import mesh
    from callboard_kit.agent import ActivityTool, Agent
    from callboard_kit.agent.messages import CALL_MODEL, ModelReply, ModelRequest, ToolCall
    from callboard_kit.approvals import AskForEffects

TEAM: Final = "desk"
CAREFUL: Final = "Send a parcel, if somebody agrees."
QUICK: Final = "Say hello."
FAILING: Final = 0.3
"""The share of its runs that the bad build fails."""


class Parcel(Message):
    """What to send."""

    name: str


@nexusrpc.service(name="desk.v1")
class Desk:
    """Sends parcels."""

    assist: nexusrpc.Operation[Goal, Assistance] = promise(
        kind="agent", effect="write", latency=timedelta(seconds=5), longest=timedelta(hours=1), sensitive={}
    )
    """Do what is asked in words."""


@service_handler(service=Desk)
class DeskService:
    """Serves `desk.v1`, alike in every build."""

    @nexus.workflow_run_operation
    async def assist(self, ctx: nexus.WorkflowRunOperationContext, goal: Goal) -> nexus.WorkflowHandle[Assistance]:
        """Start one run."""
        return await mesh.start_workflow(ctx, OldAssist.run, goal)


@activity.defn
async def send(parcel: Parcel) -> Parcel:
    """Send it."""
    return parcel


def agent_of(build: str) -> Agent[Any]:
    """Return the agent as a build has it: its instructions are what a rollout changes."""
    return Agent(
        name="desk",
        instructions=f"You are the desk of build {build}.",
        tools=(
            ActivityTool(
                name="send",
                description="Send a parcel.",
                activity=send,
                input_type=Parcel,
                effect="write",
                sensitive={},
            ),
        ),
        approvals=AskForEffects(),
    )


OLD: Final = agent_of("old")
NEW: Final = agent_of("new")
BAD: Final = agent_of("bad")


@workflow.defn(name="Assist")
class OldAssist:
    """The agent's run, as the old build has it."""

    @workflow.run
    async def run(self, goal: Goal) -> Assistance:
        """Work on the goal."""
        return await OLD.assist(goal)


@workflow.defn(name="Assist")
class NewAssist:
    """The same in the new build."""

    @workflow.run
    async def run(self, goal: Goal) -> Assistance:
        """Work on the goal."""
        return await NEW.assist(goal)


@workflow.defn(name="Assist")
class BadAssist:
    """The same in a build with a fault."""

    @workflow.run
    async def run(self, goal: Goal) -> Assistance:
        """Work on the goal, if the fault does not come first."""
        if await workflow.execute_activity("trips", result_type=bool, start_to_close_timeout=timedelta(seconds=10)):
            raise MeshError("this build has a fault")
        return await BAD.assist(goal)


class Tripping:
    """Says yes to three of ten, evenly spread."""

    def __init__(self) -> None:
        self._runs = count(1)

    @activity.defn
    async def trips(self) -> bool:
        """Tell whether this run fails."""
        number = next(self._runs)
        return int(number * FAILING) > int((number - 1) * FAILING)


@activity.defn(name=CALL_MODEL)
async def model(request: ModelRequest) -> ModelReply:
    """Send a parcel if that is asked, then repeat by which instructions it goes: a run that changed them would show."""
    goal = next(message for message in request.messages if message.role == "user")
    if CAREFUL in (goal.content or "") and request.messages[-1].role == "user":
        call = ToolCall(id="call_0", name="send", arguments='{"name": "book"}')
        return ModelReply(
            tool_calls=(call,), finish_reason="tool_calls", model="scripted", usage=Usage(model_calls=1, cost_usd=0.01)
        )
    instructions = next(message for message in request.messages if message.role == "system")
    return ModelReply(content=instructions.content, model="scripted", usage=Usage(model_calls=1, cost_usd=0.01))


BUILDS: Final[dict[str, type]] = {"old": OldAssist, "new": NewAssist, "bad": BadAssist}
