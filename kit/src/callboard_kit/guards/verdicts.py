"""What a guard says, and what is kept of it."""

from typing import Final, Literal

from pydantic import ConfigDict

from callboard_kit.approvals.terms import Terms
from callboard_kit.messages import KitMessage

Stage = Literal["before_model", "after_model", "before_effect"]
"""When a guard looks: at what the model is about to read, at what it said, at what is about to be done."""


class Verdict(KitMessage):
    """What a guard says to one thing. There is no way to say nothing: what is no verdict blocks."""

    model_config = ConfigDict(extra="forbid")

    action: Literal["pass", "refuse", "ask"]
    """`pass`: as far as this guard goes, it may happen. `refuse`: it may not. `ask`: a person must agree first."""

    reason: str = ""
    """Why, for whoever wanted it and for the person who is asked. Empty only with `pass`."""

    terms: Terms = Terms()
    """Whom to ask, how long, and what then, if it is `ask`."""


class Ruling(KitMessage):
    """One verdict that did not simply let something pass, as a run's outcome and its memo keep it."""

    guard: str
    """The guard's name."""

    stage: Stage
    """When it looked."""

    what: str
    """What it looked at: `orders.v1 cancel_pending_order`, `the request`, `the answer`."""

    action: Literal["refuse", "ask"]
    """What it said."""

    reason: str
    """Why."""

    evaluated: bool = True
    """Whether the guard came to a verdict of its own. If not, it failed, and so it blocks."""


PASS: Final = Verdict(action="pass")
"""As far as this guard goes, it may happen."""


def refuse(reason: str) -> Verdict:
    """Say that it may not happen; `reason` is what the model, or whoever asked, reads."""
    return Verdict(action="refuse", reason=reason)


def ask(reason: str, terms: Terms | None = None) -> Verdict:
    """Say that a person must agree first; `reason` is what they read."""
    return Verdict(action="ask", reason=reason, terms=terms or Terms())
