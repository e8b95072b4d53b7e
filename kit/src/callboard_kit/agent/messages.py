"""What the loop says to a model and hears from it: the input and the result of the activity `callboard.call_model`."""

from collections.abc import Mapping
from typing import Final, Literal

from pydantic import SerializerFunctionWrapHandler, model_serializer

from callboard_contracts import Usage
from callboard_kit.messages import KitMessage

type_of_json = dict[str, object]

_OPTIONAL: Final = frozenset({"output", "budget_usd", "budget_tokens"})
"""Fields that came later: left out where they say nothing, so that requests in histories stay what they were."""

_LATER: Final = frozenset({"own", "source"})

CALL_MODEL = "callboard.call_model"
"""The registered name of the activity that asks a model."""


class ToolCall(KitMessage):
    """One tool call as the model wrote it."""

    id: str
    """The model's name for this call; its result says which call it answers."""

    name: str
    """The tool."""

    arguments: str
    """Text that should be a JSON object and need not be."""


class ToolSpec(KitMessage):
    """What a model is told about a tool."""

    name: str
    """How the model calls it."""

    description: str
    """What it does."""

    parameters: Mapping[str, object]
    """JSON Schema of its arguments."""


class OutputSpec(KitMessage):
    """The form that an agent's answer must have."""

    name: str
    """What the form is called."""

    parameters: Mapping[str, object]
    """JSON Schema of it."""


class ChatMessage(KitMessage):
    """One message of the conversation with the model."""

    role: Literal["system", "user", "assistant", "tool"]
    """Who speaks."""

    content: str | None = None
    """What is said. Absent: an assistant that only calls tools."""

    tool_calls: tuple[ToolCall, ...] = ()
    """What an assistant calls."""

    tool_call_id: str | None = None
    """Which call a tool's message answers."""

    own: bool = False
    """Whether a user's message is the loop's own: what others wrote is marked for the model, and this is not."""

    source: str | None = None
    """What a user's message was fetched from, where it is no request but data to know. Absent: somebody said it."""

    @model_serializer(mode="wrap")
    def _without_the_usual(self, write: SerializerFunctionWrapHandler) -> dict[str, object]:
        # They came later: left out where they say nothing, so that messages in histories stay what they were.
        document: dict[str, object] = write(self)
        return {name: value for name, value in document.items() if name not in _LATER or value}


class ModelRequest(KitMessage):
    """A conversation so far, and the tools the model may go on with."""

    messages: tuple[ChatMessage, ...]
    """The conversation, oldest first."""

    tools: tuple[ToolSpec, ...] = ()
    """What may be called. Empty: the model can only answer."""

    model: str | None = None
    """The model to ask. Absent: the one the worker was started with."""

    output: OutputSpec | None = None
    """The form that the answer must have. Absent: words."""

    budget_usd: float | None = None
    """What the call may cost, US dollars. Absent: nobody counts."""

    budget_tokens: int | None = None
    """How many tokens the call may take, read and written. Absent: as many as it takes."""

    @model_serializer(mode="wrap")
    def _without_what_is_not_said(self, write: SerializerFunctionWrapHandler) -> dict[str, object]:
        document: dict[str, object] = write(self)
        return {name: value for name, value in document.items() if value is not None or name not in _OPTIONAL}


class ModelReply(KitMessage):
    """What the model said, and what it took."""

    content: str | None = None
    """Its words."""

    tool_calls: tuple[ToolCall, ...] = ()
    """What it wants called, all at once. Empty: it is done."""

    finish_reason: str = "stop"
    """Why it stopped, in the provider's word: `stop`, `tool_calls`, `length`, `content_filter`. `over_budget`, in ours:
    it was not asked, since it could have cost more than is left of a budget."""

    budget: str = ""
    """Which budget that is, where it is one of the team's; empty where it is the tree's or the agent's own."""

    model: str = ""
    """The model that answered, as the provider names it."""

    usage: Usage = Usage()
    """What this one call took."""
