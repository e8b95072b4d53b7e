"""What is said in a conversation: the messages of every operation that opens, holds or closes one.

A conversation lives with the team that holds it. Whoever opened it is the only one who can speak in it: its id means
nothing to any other team, nor to the same team for another person.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import Field

from callboard_contracts.agents import Deed, Usage
from callboard_contracts.messages import Message

UNKNOWN: Final = "there is no conversation"
"""What a refusal says that is about a conversation which is not there, or is somebody else's."""

CLOSED: Final = "is closed; open another one"
"""What a refusal says of a conversation in which nothing more can be said."""

BUSY: Final = "is busy with another message"
"""What a refusal says of a conversation that was opened to take one message at a time."""

REUSED: Final = "was sent before with other words"
"""What a refusal says of a message whose name was used already."""

WITHDRAWN: Final = "was taken back"
"""What a refusal says of a message that its sender does not want answered any more."""

ConversationId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")]
"""The name of a conversation, chosen by whoever opens it: letters, digits and `_.-`, at most 100."""

MessageId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}$")]
"""The name of a message, chosen by whoever sends it. The same name in the same conversation is the same message."""

Words = Annotated[str, Field(min_length=1, max_length=20_000)]
"""What somebody says, in plain language."""

WhileBusy = Literal["enqueue", "reject", "steer"]
"""What becomes of a message that comes while another is being answered: it waits its turn, it is refused, or it is
given to the agent at work, whose next answer then answers both."""

Asking = Literal["none", "effects", "all"]
"""What a person must approve before the agent calls it: nothing, what changes something, or everything. What the
policies of those it calls demand is asked all the same."""

Then = Literal["stay", "back", "not_mine"]
"""What a specialist wants to come next: to go on with the conversation, to give it back after this answer, or to give
it back because the message was not for them."""


class Opening(Message):
    """How a conversation is to be held."""

    conversation: ConversationId
    """Its name. One that is open already under this name stays as it is."""

    while_busy: WhileBusy = "enqueue"
    """What becomes of a message that comes while another is being answered."""

    approvals: Asking = "none"
    """What a person must approve."""

    idle_seconds: Annotated[int, Field(ge=1, le=30 * 24 * 3600)] = 24 * 3600
    """After how much silence it closes by itself, seconds."""


class Opened(Message):
    """A conversation that can be spoken in."""

    conversation: ConversationId
    """Its name."""

    team: str
    """Who holds it."""


class Saying(Message):
    """One message to a conversation."""

    conversation: ConversationId
    """Where it is said."""

    message: MessageId
    """Its name. Sent again with the same words it gets the same answer, and nothing is done twice."""

    text: Words
    """What is said."""


class Answer(Message):
    """What is answered to a message."""

    conversation: ConversationId
    """Where it was said."""

    message: MessageId
    """The message that this answers."""

    text: str
    """The answer, in plain language. It may be a question."""

    team: str
    """The team whose agent answers."""

    deeds: tuple[Deed, ...] = ()
    """What the agent did for it, in the order in which it was asked for. Empty: it only thought."""

    usage: Usage = Usage()
    """What it used up."""


class Reading(Message):
    """Which part of a conversation is wanted."""

    conversation: ConversationId
    """The conversation."""

    last: Annotated[int, Field(ge=0, le=200)] = 50
    """How many of its last answers, at most. 0: only how it stands."""


class Said(Message):
    """A message and its answer."""

    message: MessageId
    """The message."""

    text: str
    """What was said."""

    answer: str
    """What was answered."""

    team: str
    """The team whose agent answered."""

    at: datetime
    """When it was answered."""


class Transcript(Message):
    """How a conversation stands, and what was said in it."""

    conversation: ConversationId
    """Its name."""

    state: Literal["open", "closed"]
    """Whether one can speak in it."""

    team: str
    """The team whose agent speaks at present."""

    busy: bool
    """Whether a message is being answered."""

    waiting: Annotated[int, Field(ge=0)]
    """Messages that wait their turn."""

    messages: Annotated[int, Field(ge=0)]
    """Messages that were answered since it was opened."""

    opened: datetime
    """When it was opened."""

    closed_because: str = ""
    """Why it is closed: in words of whoever closed it, or `idle`. Empty: it is open, or nobody said why."""

    said: tuple[Said, ...] = ()
    """The last messages with their answers, oldest first, as far as they are kept."""


class Withdrawal(Message):
    """A message that is not to be answered any more."""

    conversation: ConversationId
    """Where it was said."""

    message: MessageId
    """Its name."""


class Withdrawn(Message):
    """What became of the wish to take a message back."""

    message: MessageId
    """The message."""

    state: Literal["withdrawn", "answered"]
    """Whether it was taken back, or had been answered before."""


class Finding(Message):
    """Which of one's own conversations are wanted."""

    closed: bool = False
    """Whether those that are closed are wanted too."""

    most: Annotated[int, Field(ge=1, le=200)] = 50
    """How many, at most; the newest."""


class Found(Message):
    """One conversation of whoever asks."""

    conversation: ConversationId
    """Its name."""

    state: Literal["open", "closed"]
    """Whether one can speak in it."""

    opened: datetime
    """When it was opened."""


class Conversations(Message):
    """Conversations of whoever asks."""

    found: tuple[Found, ...] = ()
    """The newest first. Empty: there are none."""


class Closing(Message):
    """Which conversation is over, and why."""

    conversation: ConversationId
    """The conversation."""

    reason: Annotated[str, Field(max_length=500)] = ""
    """Why, in words."""


class Turn(Message):
    """One message of a conversation that another team's specialist is to answer, with the context that both share."""

    conversation: ConversationId
    """The conversation, to recognise it by; a specialist keeps nothing between turns."""

    text: Words
    """What the customer says."""

    reason: Annotated[str, Field(max_length=2_000)] = ""
    """Why it was handed over, in the words of who did. Empty: it was not shared."""

    facts: Mapping[str, str] = {}
    """What is known for certain, by name. Empty: nothing, or it was not shared."""

    summary: str = ""
    """What was said longer ago, in short. Empty: nothing, or it was not shared."""

    earlier: tuple[Said, ...] = ()
    """The last messages with their answers, oldest first. Empty: there are none, or they were not shared."""


class Contribution(Message):
    """What a specialist answers."""

    text: str
    """The answer, in plain language; may be empty when the message was not for them."""

    then: Then = "stay"
    """What is to come next."""

    reason: str = ""
    """Why it is given back."""

    facts: Mapping[str, str] = {}
    """What the specialist found out for certain and shares, by name."""

    deeds: tuple[Deed, ...] = ()
    """What the agent did for it."""

    usage: Usage = Usage()
    """What it used up."""
