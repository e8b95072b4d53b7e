"""Scripts: what to answer, step by step, when certain words are asked.

The place in a script is read off the conversation itself: each assistant
message in it is one step played. The server keeps no place, so a repeated
request, a restart or a second copy of the conversation cannot lose it.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from callboard.offline_model.faults import MISFIT
from callboard.offline_model.wire import PIECE_LENGTH, Call, ChatMessage, ChatRequest, PlannedCall, Reply, with_ids


class Step(BaseModel):
    """One answer of a script: tool calls, or a text that ends the conversation."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tool_calls: tuple[PlannedCall, ...] = ()
    """What to call, all in one answer."""

    content: str | None = None
    """What to say."""

    piece_length: int = Field(default=PIECE_LENGTH, ge=1)
    """Characters of a piece, where the answer is streamed."""

    pause_seconds: float = Field(default=0, ge=0, le=60)
    """The pause before each piece but the first, as a model takes time to write."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.content is None and not self.tool_calls:
            raise ValueError("a step needs 'tool_calls' or 'content'")
        return self


class Script(BaseModel):
    """A conversation written down beforehand."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    """Names the script; a second one with the same name takes its place."""

    match: str = Field(min_length=1)
    """Text that must occur in the first message of the user."""

    equals: bool = False
    """Whether the first message must be exactly `match`."""

    tools: tuple[str, ...] = ()
    """Tools that must be offered for the script to be played; empty means any."""

    steps: tuple[Step, ...] = Field(min_length=1)
    """What to answer, in order."""

    def fits(self, request: ChatRequest) -> bool:
        """Tell whether this script is the one for a request."""
        words = request.first_words
        found = words == self.match if self.equals else self.match in words
        return found and set(self.tools) <= set(request.offered)

    def play(self, request: ChatRequest) -> Reply:
        """Answer with the step the conversation has come to."""
        position, owed = place(request.messages)
        if position >= len(self.steps):
            return Reply(content=f"The script {self.id!r} is over: it has {len(self.steps)} steps.")
        step = self.steps[position]
        planned = step.tool_calls if owed is None else [step.tool_calls[index] for index in owed]
        return Reply(
            content=step.content,
            calls=with_ids(planned, request),
            piece_length=step.piece_length,
            pause_seconds=step.pause_seconds,
        )


class Shelf:
    """The scripts that are registered."""

    def __init__(self) -> None:
        self._scripts: dict[str, Script] = {}

    def put(self, script: Script) -> None:
        """Register a script under its id."""
        self._scripts[script.id] = script

    def clear(self) -> int:
        """Forget every script and tell how many there were."""
        count = len(self._scripts)
        self._scripts.clear()
        return count

    def listing(self) -> Sequence[Script]:
        """List the scripts in the order they were registered."""
        return tuple(self._scripts.values())

    def find(self, request: ChatRequest) -> Script | None:
        """Find the script for a request: an exact match first, then the longest text that occurs."""
        fitting = [script for script in self._scripts.values() if script.fits(request)]
        return max(fitting, key=lambda script: (script.equals, len(script.match)), default=None)


def place(messages: Iterable[ChatMessage]) -> tuple[int, Sequence[int] | None]:
    """Tell which step comes next, and which of its calls alone are still owed.

    A call whose arguments are not JSON, or `MISFIT`, was spoilt by a fault on the way out, and
    whoever reads it asks for it again: then the step's spoilt calls are played
    once more, and only they. None means the whole step.
    """
    position = 0
    owed: Sequence[int] | None = None
    for message in messages:
        if message.role != "assistant":
            continue
        calls = message.tool_calls or []
        indexes = range(len(calls)) if owed is None else owed
        spoilt = [index for index, call in zip(indexes, calls, strict=False) if not _is_as_planned(call)]
        if spoilt:
            owed = spoilt
        else:
            position, owed = position + 1, None
    return position, owed


def _is_as_planned(call: Call) -> bool:
    try:
        return json.loads(call.function.arguments) != MISFIT
    except ValueError:
        return False
