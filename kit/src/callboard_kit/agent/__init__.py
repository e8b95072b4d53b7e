"""An agent for any workflow: a model, tools, and a loop between them that survives crashes.

    outcome = await agent_run(goal, instructions="…", tools=OperationTool.all_of(listing))

The worker registers `ModelEndpoint(ModelSettings.from_environment()).call_model`
as an activity; the sandbox must pass `callboard_kit`, `callboard_contracts` and
`jsonschema_rs` through.
"""

from callboard_kit.agent.configuration import Agent, AgentConfigurationError, Mode
from callboard_kit.agent.dialogue import Dialogue
from callboard_kit.agent.endpoint import ModelEndpoint, ModelSettings
from callboard_kit.agent.finding import (
    MOST_FOUND,
    MOST_OPENED,
    Found,
    ListedTool,
    ToolIndex,
    ToolSearch,
    best_matches,
    listed,
)
from callboard_kit.agent.loop import agent_run
from callboard_kit.agent.messages import (
    CALL_MODEL,
    ChatMessage,
    ModelReply,
    ModelRequest,
    OutputSpec,
    ToolCall,
    ToolSpec,
)
from callboard_kit.agent.names import operation_tool_name
from callboard_kit.agent.offer import FINDING, MOST_OFFERED, OPEN, SEARCH
from callboard_kit.agent.outcome import CallRecord, Limits, Outcome
from callboard_kit.agent.tools import ActivityTool, FunctionTool, OperationTool, Tool

__all__ = [
    "CALL_MODEL",
    "FINDING",
    "MOST_FOUND",
    "MOST_OFFERED",
    "MOST_OPENED",
    "OPEN",
    "SEARCH",
    "ActivityTool",
    "Agent",
    "AgentConfigurationError",
    "CallRecord",
    "ChatMessage",
    "Dialogue",
    "Found",
    "FunctionTool",
    "Limits",
    "ListedTool",
    "Mode",
    "ModelEndpoint",
    "ModelReply",
    "ModelRequest",
    "ModelSettings",
    "OperationTool",
    "Outcome",
    "OutputSpec",
    "Tool",
    "ToolCall",
    "ToolIndex",
    "ToolSearch",
    "ToolSpec",
    "agent_run",
    "best_matches",
    "listed",
    "operation_tool_name",
]
