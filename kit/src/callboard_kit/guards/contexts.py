"""What a guard is given to look at: all there is to know, and nothing to change."""

from collections.abc import Mapping, Sequence

from callboard_contracts import Effect
from callboard_kit.messages import KitMessage


class Heard(KitMessage):
    """What one call of this run was answered."""

    tool: str
    """What the model calls it."""

    service: str
    """Whose it is: a service, or `local`."""

    operation: str
    """The operation, or the tool's own name."""

    arguments: Mapping[str, object]
    """What it was called with."""

    result: object
    """What it answered, as JSON; of a call that failed there is nothing here, since it is not kept."""


class Saying(KitMessage):
    """What all contexts have."""

    agent: str
    """The agent's name."""

    goal: str
    """What the agent was asked for, in the words of whoever asked. Nobody vouches for it. Empty where no agent asks."""

    step: int
    """The how-manieth time the model is asked, from 1."""

    caller: str = ""
    """The team that asked for this work; empty at a tree's root."""

    person: str | None = None
    """The person that the tree acts for, as far as somebody vouches for one."""


class Asking(Saying):
    """What the model is about to be asked."""

    said: Sequence[str] = ()
    """What whoever asks said since the model was last asked: at first the goal. Nobody vouches for it."""

    heard: Sequence[Heard] = ()
    """What calls were answered since the model was last asked. Nobody vouches for it."""


class Called(KitMessage):
    """A call that the model wants made."""

    tool: str
    """What the model calls it."""

    arguments: str
    """Its arguments as the model wrote them; they may be no JSON."""


class Answering(Saying):
    """What the model said, whole."""

    text: str
    """Its words. Empty: it only calls tools."""

    calls: Sequence[Called] = ()
    """What it wants called. Empty: this is its answer."""

    output: Mapping[str, object] | None = None
    """The answer in the form that the agent has, if it has one and this fits it."""

    @property
    def final(self) -> bool:
        """Tell whether this is the answer, and not only words between calls."""
        return not self.calls


class Doing(Saying):
    """What is about to be done: a tool, an operation of another team, a delegation."""

    tool: str
    """What the model calls it; empty where no model asks."""

    service: str
    """Whose it is: a service, or `local`."""

    operation: str
    """The operation, or the tool's own name."""

    arguments: Mapping[str, object]
    """What it is to be called with; it fits the tool's schema."""

    effect: Effect
    """What it changes, at most."""

    words: str = ""
    """What the model said when it asked for it."""

    heard: Sequence[Heard] = ()
    """What the calls of this run were answered so far. Guards that are activities get none of it: it may be much."""

    @property
    def name(self) -> str:
        """Return what patterns are held against: `orders.v1.cancel_pending_order`."""
        return f"{self.service}.{self.operation}"
