"""What hooks are shown: one form for each moment of a run at which they are called."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

from callboard_contracts import Effect, Message, Usage
from callboard_kit.messages import KitMessage

Moment = Literal[
    "before_model",
    "after_model",
    "before_tool",
    "after_tool",
    "before_delegation",
    "after_delegation",
    "before_approval",
    "after_approval",
]
"""When a hook is called. *Delegation* is a call of a team's operation; *tool* is all else that an agent calls."""


class WantedCall(KitMessage):
    """One call as the model wrote it."""

    id: str
    name: str
    arguments: str
    """Text that should be a JSON object and need not be."""


class Line(KitMessage):
    """One message of a conversation with a model."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str | None = None
    tool_calls: tuple[WantedCall, ...] = ()
    tool_call_id: str | None = None
    own: bool = False
    """Whether a user's message is the loop's own."""


class ModelAsked(KitMessage):
    """What a model is about to be asked. A changed one holds for this one call: the conversation stays as it was."""

    agent: str
    messages: tuple[Line, ...]
    """The conversation so far. May be changed."""

    tools: tuple[str, ...] = ()
    """What may be called."""


class ModelAnswered(KitMessage):
    """What a model answered. A changed one takes the place of the answer, for the run and for its result."""

    agent: str
    content: str | None = None
    """Its words. May be changed."""

    tool_calls: tuple[WantedCall, ...] = ()
    """What it wants called. May be changed."""

    model: str = ""
    finish_reason: str = ""
    usage: Usage = Usage()


class ToolAsked(KitMessage):
    """What is about to be called. Changed arguments are what guards, approvers and the tool then see."""

    agent: str
    tool: str
    """What the model calls it."""

    service: str
    """Whose it is: a service, `local`, or `mcp-` and a server's name."""

    operation: str
    effect: Effect
    arguments: Mapping[str, object]
    """May be changed; they must fit the tool's schema again."""


class ToolAnswered(KitMessage):
    """What came of a call. A changed result is what the model hears."""

    agent: str
    tool: str
    service: str
    operation: str
    effect: Effect
    arguments: Mapping[str, object]
    result: object = None
    """May be changed. None, too, where the call failed."""

    error: str = ""
    """Why the call failed. Empty: it did not."""


class ApprovalAsked(KitMessage):
    """What the agent's policy says to something that is about to be done."""

    agent: str
    service: str
    operation: str
    effect: Effect
    arguments: Mapping[str, object]
    """As an approver sees them."""

    action: Literal["allow", "ask", "refuse"]
    """What the policy says. May be changed to something stricter, never to something laxer."""

    rule: str
    """The rule that says so."""

    reason: str = ""


class ApprovalAnswered(KitMessage):
    """What was decided. Only seen, or stopped."""

    agent: str
    service: str
    operation: str
    allowed: bool
    person: str = ""
    """Who decided. Empty: nobody was asked, or nobody answered."""

    reason: str = ""


Seen = ModelAsked | ModelAnswered | ToolAsked | ToolAnswered | ApprovalAsked | ApprovalAnswered

FORMS: Final[Mapping[Moment, type[Message]]] = MappingProxyType(
    {
        "before_model": ModelAsked,
        "after_model": ModelAnswered,
        "before_tool": ToolAsked,
        "after_tool": ToolAnswered,
        "before_delegation": ToolAsked,
        "after_delegation": ToolAnswered,
        "before_approval": ApprovalAsked,
        "after_approval": ApprovalAnswered,
    }
)
"""What a hook is shown at which moment."""

CHANGEABLE: Final[Mapping[type[Message], frozenset[str]]] = MappingProxyType(
    {
        ModelAsked: frozenset({"messages"}),
        ModelAnswered: frozenset({"content", "tool_calls"}),
        ToolAsked: frozenset({"arguments"}),
        ToolAnswered: frozenset({"result"}),
        ApprovalAsked: frozenset({"action", "reason"}),
        ApprovalAnswered: frozenset[str](),
    }
)
"""What of it a hook may change."""
