"""What is kept of a conversation: one document for each answer, and a summary of what is too long ago."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Final, TypeVar

from pydantic import BaseModel

from callboard_contracts import Deed, Usage
from callboard_contracts.conversations import Said
from callboard_kit.agent.messages import ChatMessage
from callboard_kit.messages import KitMessage

MOST_AT_ONCE: Final = 500_000
"""Characters of what is handed on in one piece: well below what Temporal takes."""

LONGEST_RESULT: Final = 4_000
"""Characters of a tool's result that are remembered; the agent looks again if it needs more."""


DocumentT = TypeVar("DocumentT", bound=BaseModel)


class Heard(KitMessage):
    """A message as it came in."""

    message: str
    """Its name."""

    text: str
    """What was said."""


class Exchange(KitMessage):
    """What was said and what was answered; more than one message where the agent was steered."""

    number: int
    """The how-manieth answer of the conversation it is, from 1."""

    heard: tuple[Heard, ...]
    """The messages, in the order in which they came."""

    answer: str
    """The answer to all of them."""

    team: str
    """Whose agent answered."""

    at: datetime
    """When it was answered."""

    messages: tuple[ChatMessage, ...] = ()
    """What a model is to read of it later, the tools it used included."""

    deeds: tuple[Deed, ...] = ()
    """What was done."""

    usage: Usage = Usage()
    """What it used up."""

    def said(self) -> tuple[Said, ...]:
        """Return it as whoever speaks in the conversation reads it."""
        return tuple(
            Said(message=each.message, text=each.text, answer=self.answer, team=self.team, at=self.at)
            for each in self.heard
        )


class Summary(KitMessage):
    """What was said up to an answer, in short."""

    upto: int
    """The number of the last exchange that is in it."""

    text: str
    """The summary, as a model wrote it."""


def digest(text: str) -> str:
    """Return what tells whether two messages say the same."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def shortened(messages: tuple[ChatMessage, ...]) -> tuple[ChatMessage, ...]:
    """Return messages as they are remembered: long results of tools only with their beginning."""
    return tuple(
        message.model_copy(update={"content": f"{message.content[:LONGEST_RESULT]} [the rest is not remembered]"})
        if message.role == "tool" and message.content is not None and len(message.content) > LONGEST_RESULT
        else message
        for message in messages
    )


def newest_within(documents: Sequence[DocumentT], most: int = MOST_AT_ONCE) -> tuple[DocumentT, ...]:
    """Return the newest documents that together have no more characters than `most`; the last one in any case."""
    sizes = [len(each.model_dump_json()) for each in documents]
    first, total = 0, sum(sizes)
    while total > most and first < len(documents) - 1:
        total -= sizes[first]
        first += 1
    return tuple(documents[first:])
