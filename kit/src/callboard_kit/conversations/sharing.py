"""What two teams let each other know of a conversation that one hands over to the other.

Each says so in its own `team.toml`, and what is shared is what both allow:

    [conversations]
    shares = { customers = ["facts", "earlier"] }      # what leaves, by who gets it
    takes = { support = ["facts", "summary"] }         # what comes in, by who gives it

Nothing is shared that is not named.
"""

from collections.abc import Mapping
from typing import Literal

from pydantic import ConfigDict

from callboard_contracts.conversations import Contribution, Turn
from callboard_kit.messages import KitMessage

Part = Literal["reason", "facts", "summary", "earlier"]
"""A part of the context: why it is handed over, what is known for certain, what was said in short, what was said."""


class Sharing(KitMessage):
    """What a team gives away of its conversations, and what it takes of others'."""

    model_config = ConfigDict(extra="forbid")

    shares: Mapping[str, tuple[Part, ...]] = {}
    """What leaves with a conversation, by the team that gets it. Absent: the customer's words alone."""

    takes: Mapping[str, tuple[Part, ...]] = {}
    """What is read of what comes with a conversation, by the team that gives it. Absent: the customer's words alone."""

    def given(self, turn: Turn, *, to: str) -> Turn:
        """Return a turn as it may leave for a team."""
        return _only(turn, self.shares.get(to, ()))

    def taken(self, turn: Turn, *, of: str) -> Turn:
        """Return a turn as it may be read that a team gave."""
        return _only(turn, self.takes.get(of, ()))

    def given_back(self, contribution: Contribution, *, to: str) -> Contribution:
        """Return a specialist's answer as it may leave: its facts only if they may."""
        return contribution if "facts" in self.shares.get(to, ()) else contribution.model_copy(update={"facts": {}})

    def taken_back(self, contribution: Contribution, *, of: str) -> Contribution:
        """Return a specialist's answer as it may be read."""
        return contribution if "facts" in self.takes.get(of, ()) else contribution.model_copy(update={"facts": {}})


def _only(turn: Turn, parts: tuple[Part, ...]) -> Turn:
    bare = Turn(conversation=turn.conversation, text=turn.text)
    return bare.model_copy(update={part: getattr(turn, part) for part in parts})
