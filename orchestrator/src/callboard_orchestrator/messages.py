"""What the composing workflows take and answer. Not a contract: only this team's clients say it."""

from typing import Annotated, Literal

from pydantic import Field

from callboard_contracts import Message, Usage
from callboard_contracts.customers import v1 as customers
from callboard_kit.agent import CallRecord
from callboard_kit.context import Brief
from callboard_kit.limits import Limits

Approvals = Literal["none", "effects", "all"]
"""What of a run's own calls a person must agree to: nothing, what changes something, or everything. What the policies
of those who are called demand is asked in any case."""


class Request(Message):
    """What somebody wants settled, in words."""

    words: Annotated[str, Field(min_length=1, max_length=20_000)]
    """What is wanted, in plain language, with what the asker knows about it."""

    person: str | None = None
    """Whom it is done for. Absent: whomever the tree of calls was started for."""

    limits: Limits | None = None
    """What it may use up, where that is less than the tree may. Absent: all of it."""

    approvals: Approvals = "none"
    """What a person must agree to before it is called."""

    brief: Brief | None = None
    """What the planning agent is given beside: instructions, a choice of tools, a model, things to know. It is refused
    where no rule of the agent allows it. Absent: nothing."""


class Settled(Message):
    """What came of a request."""

    answer: str
    """The answer, in plain language. What was done stands in `calls`: where the two differ, believe the calls."""

    calls: tuple[CallRecord, ...] = ()
    """Every operation that was asked for, in order, and how it ended."""

    usage: Usage = Usage()
    """What it took, called agents included."""

    stopped_because: str = "answered"
    """Why it ended: `answered`, or the limit that was reached: `max_steps`, `max_tokens`, `cut_off`, `filtered`."""


class Relocation(Message):
    """A customer who moved."""

    customer: customers.EmailAddress | customers.NameAndZip
    """Who moved: by e-mail address, or by name and the zip code of the old address."""

    address: customers.Address
    """Where they live now, complete."""


class Place(Message):
    """One record that holds an address."""

    kind: Literal["customer", "order"]
    """Whose record it is."""

    id: str
    """The customer's or the order's id."""


class Unchanged(Place):
    """A record that still has the old address, and why."""

    outcome: Literal["refused", "unavailable", "failed"]
    """How the attempt ended."""

    error: str
    """Why it did not work."""


class Relocated(Message):
    """What has the new address now, and what has not."""

    user_id: str
    """The customer."""

    changed: tuple[Place, ...] = ()
    """What has the new address: the customer first, then the orders, oldest first."""

    unchanged: tuple[Unchanged, ...] = ()
    """What should have it and has not, in the same order."""
