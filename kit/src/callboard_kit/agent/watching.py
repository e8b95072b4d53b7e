"""What is told live of an agent's work: its steps, and the tools it uses."""

import json
from typing import cast

from callboard_kit import events
from callboard_kit.agent.messages import ModelReply, ToolCall
from callboard_kit.agent.outcome import CallRecord
from callboard_kit.agent.tools import OperationTool, Tool
from callboard_kit.events.masking import masked
from callboard_kit.events.telling import Step


def step_ended(step: Step, reply: ModelReply) -> None:
    """Tell that the model has answered."""
    used = reply.usage
    step.ended(
        reply.content,
        tools=tuple(call.name for call in reply.tool_calls),
        model=reply.model,
        usage=(used.input_tokens, used.output_tokens, used.cost_usd),
    )


def step_taken_back(step: Step, reply: ModelReply, why: str) -> None:
    """Tell that what the model said does not count."""
    used = reply.usage
    step.taken_back(why, model=reply.model, usage=(used.input_tokens, used.output_tokens, used.cost_usd))


def tool_called(step: str, call: ToolCall, tool: Tool | None) -> None:
    """Tell that an agent uses a tool, with what its contract lets be seen."""
    events.tell(
        events.ToolCalled(
            tool_call=call.id,
            step=step,
            tool=call.name,
            service="local" if tool is None else tool.service,
            name=call.name if tool is None else tool.operation,
            arguments=_shown(call, tool),
        )
    )


def tool_returned(call: ToolCall, record: CallRecord) -> None:
    """Tell how the use of a tool went."""
    events.tell(
        events.ToolReturned(tool_call=call.id, tool=call.name, outcome=record.outcome, error=record.error or "")
    )


def _shown(call: ToolCall, tool: Tool | None) -> dict[str, object] | None:
    if not isinstance(tool, OperationTool) or tool.sensitive is None:
        return None
    try:
        arguments: object = json.loads(call.arguments or "{}")
    except ValueError:
        return None
    return masked(cast("dict[str, object]", arguments), tool.sensitive) if isinstance(arguments, dict) else None
