"""What is said to an agent, and what it answers: the messages of every `assist` operation."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from callboard_contracts.messages import Message

Outcome = Literal["ok", "refused", "unavailable", "failed"]
"""How a call ended: as asked, refused, not possible just now, or in any other way (out of time, cancelled)."""


class Goal(Message):
    """What somebody wants from a team, in words."""

    goal: Annotated[str, Field(min_length=1, max_length=20_000)]
    """What is wanted, in plain language, with what the asker knows about it."""

    facts: Mapping[str, str] = {}
    """What the asker knows for certain, by name, for instance `{"user_id": "noah_brown_6181"}`. May be empty."""


class Usage(Message):
    """What answering used up, the calls to other teams included."""

    input_tokens: Annotated[int, Field(ge=0)] = 0
    """Tokens that models read."""

    output_tokens: Annotated[int, Field(ge=0)] = 0
    """Tokens that models wrote."""

    model_calls: Annotated[int, Field(ge=0)] = 0
    """Finished requests to a model."""

    tool_calls: Annotated[int, Field(ge=0)] = 0
    """Tools called, operations of other teams among them."""

    cost_usd: Annotated[float, Field(ge=0)] | None = None
    """What the models charge for it, US dollars. Absent: no price is known."""


class Deed(Message):
    """One operation that an agent called, and how that ended."""

    service: str
    """The wire name of the service, for instance `orders.v1`."""

    operation: str
    """The operation, for instance `cancel_pending_order`."""

    outcome: Outcome
    """How the call ended."""


class Assistance(Message):
    """What an agent answers to a goal."""

    answer: str
    """The answer, in plain language."""

    deeds: tuple[Deed, ...] = ()
    """What the agent did for it, in the order in which it was asked for. Empty: it only thought."""

    usage: Usage = Usage()
    """What it used up."""
