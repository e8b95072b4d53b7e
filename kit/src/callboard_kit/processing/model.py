"""An event as it travels from the team that publishes it to one that follows, and the names of what it travels on.

Every follower has a stream of its own for each team it follows, and nobody else can read it. What stands in it was put
there by the publishing team, or put back by the follower: the users of Redis see to that, so an event is not signed.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TypeVar

from pydantic import Field, JsonValue, ValidationError

from callboard_contracts import Message, RefusedError
from callboard_kit.messages import KitMessage

LONGEST_KEY = 200
"""Characters of an event's key, which becomes part of a workflow's id."""

MessageT = TypeVar("MessageT", bound=Message)


class UnreadableEventError(ValueError):
    """What stands in a feed is no event; the message says what is wrong with it, without what it holds."""


class FeedEvent(KitMessage):
    """Something that became of one record of a team."""

    id: str = Field(min_length=1, max_length=100)
    """Stands for this event for ever, however often it is published, delivered or handled again."""

    publisher: str
    """The team whose record it is."""

    number: int
    """Its place among the events of the publisher: a later event has a greater one. Numbers may be left out."""

    key: str = Field(min_length=1, max_length=LONGEST_KEY)
    """Which record, as in an order's id. Events of one key belong together."""

    kind: str = Field(min_length=1, max_length=100)
    """What `data` is: the name the publisher's contract gives it."""

    at: datetime
    """When it happened."""

    data: Mapping[str, JsonValue]
    """What happened, as the publisher's contract has it."""

    root: str = ""
    """The tree of calls in which it happened. Empty: it was none."""

    redriven: int = 0
    """How often it came back out of the dead letters."""

    entry: str = ""
    """The id under which it stood in the stream when it was first delivered."""

    @property
    def effect_key(self) -> str:
        """The key for what is written because of this event: for the team's store, and for `mesh.idempotency_key`."""
        return f"event-{self.publisher}-{self.id}"

    def read(self, message: type[MessageT]) -> MessageT:
        """Return the data as the message that its kind stands for.

        Raises:
            RefusedError: It is none.
        """
        try:
            return message.model_validate(self.data)
        except ValidationError as error:
            raise RefusedError(f"event {self.id!r} is no {message.__name__}: {faults(error)}") from error

    def to_fields(self) -> dict[str, str]:
        """Return the event as an entry of a stream."""
        return {
            "id": self.id,
            "number": str(self.number),
            "key": self.key,
            "kind": self.kind,
            "at": self.at.isoformat(),
            "data": json.dumps(dict(self.data), separators=(",", ":")),
            "root": self.root,
            "redriven": str(self.redriven),
            "entry": self.entry,
        }

    @classmethod
    def from_fields(cls, publisher: str, fields: Mapping[str, str], *, entry: str) -> "FeedEvent":
        """Read what `to_fields` wrote; `entry` is the id of the stream's entry.

        Raises:
            UnreadableEventError: It wrote something else.
        """
        try:
            data: object = json.loads(fields.get("data", ""))
        except ValueError as error:
            raise UnreadableEventError("its data is no JSON") from error
        known = {**fields, "publisher": publisher, "data": data, "entry": fields.get("entry") or entry}
        try:
            return cls.model_validate(known)
        except ValidationError as error:
            raise UnreadableEventError(faults(error)) from error


def faults(error: ValidationError) -> str:
    """Return what is wrong, without the values that are."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    told = [f"{'.'.join(map(str, each['loc'])) or 'it'}: {each['msg']}" for each in found[:3]]
    return "; ".join(told)


def feed_of(publisher: str, follower: str) -> str:
    """Return the stream on which a team's events wait for one follower."""
    return f"feed:{publisher}:{follower}"


def dead_of(publisher: str, follower: str) -> str:
    """Return the stream of a team's events that one follower could not handle."""
    return f"dead:{publisher}:{follower}"


def position_of(publisher: str, follower: str) -> str:
    """Return the key that says how far a feed is published. Redis loses it only together with the feed."""
    return f"feed-position:{publisher}:{follower}"


def turn_of(publisher: str, follower: str) -> str:
    """Return the key that says which worker of the follower reads a feed."""
    return f"turn:{publisher}:{follower}"
