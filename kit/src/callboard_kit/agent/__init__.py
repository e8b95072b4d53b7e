"""An agent for any workflow: a model, tools, and a loop between them that survives crashes.

    outcome = await agent_run(goal, instructions="…", tools=OperationTool.all_of(listing))

The worker registers `ModelEndpoint(ModelSettings.from_environment()).call_model`
as an activity; the sandbox must pass `callboard_kit`, `callboard_contracts` and
`jsonschema_rs` through.
"""

from callboard_kit.agent.endpoint import ModelEndpoint, ModelSettings
from callboard_kit.agent.loop import agent_run
from callboard_kit.agent.messages import CALL_MODEL, ChatMessage, ModelReply, ModelRequest, ToolCall, ToolSpec
from callboard_kit.agent.offer import MOST_FOUND, MOST_OFFERED, SEARCH, ToolIndex, ToolSearch, best_matches
from callboard_kit.agent.outcome import CallRecord, Limits, Outcome
from callboard_kit.agent.tools import ActivityTool, OperationTool, Tool

__all__ = [
    "CALL_MODEL",
    "MOST_FOUND",
    "MOST_OFFERED",
    "SEARCH",
    "ActivityTool",
    "CallRecord",
    "ChatMessage",
    "Limits",
    "ModelEndpoint",
    "ModelReply",
    "ModelRequest",
    "ModelSettings",
    "OperationTool",
    "Outcome",
    "Tool",
    "ToolCall",
    "ToolIndex",
    "ToolSearch",
    "ToolSpec",
    "agent_run",
    "best_matches",
]
