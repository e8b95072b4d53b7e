"""An experiment: which build a call goes to, by an id that stays the same for all that belongs together."""

import hashlib
from datetime import datetime
from typing import Final, Literal

from pydantic import AwareDatetime, Field

from callboard_kit.messages import KitMessage
from callboard_kit.tokens import Call

Arm = Literal["a", "b"]
"""One of the two builds: `a` is the one that served before, `b` the one that is tried."""

Unit = Literal["root", "entity"]
"""What stays with its build: all calls of one tree, or all calls that act on one record."""

_RANGE: Final = 2**64


class Experiment(KitMessage):
    """Two builds of a team that share its calls."""

    id: str
    """What it is called; another id deals the same roots out in another way."""

    team: str
    a: str
    """The build that gets the rest."""

    b: str
    """The build that gets the share."""

    share: float = Field(gt=0, lt=100)
    """Of the units, in per cent, that go to `b`."""

    by: Unit = "root"
    operations: tuple[str, ...]
    """What it is about, as `orders.v1.cancel_pending_order`: operations with a workflow behind them."""

    began: AwareDatetime
    ends: AwareDatetime
    """When it ends, if nobody ends it before."""

    def build(self, arm: Arm) -> str:
        """Return the build of an arm."""
        return self.a if arm == "a" else self.b

    def arm(self, unit: str) -> Arm:
        """Return the arm of a unit: the same whoever asks, whenever and however often."""
        hashed = hashlib.sha256(f"{self.id}\n{unit}".encode()).digest()
        return "b" if int.from_bytes(hashed[:8]) < self.share / 100 * _RANGE else "a"

    def unit(self, *, root: str, entity: str) -> str:
        """Return the unit that something belongs to; empty when it belongs to none."""
        return root if self.by == "root" else entity

    def arm_of(self, call: Call, now: datetime) -> Arm | None:
        """Return the arm of a call, or None when the experiment is not about it."""
        if call.address is None or call.dry or not self.began <= now < self.ends:
            return None
        unit = self.unit(root=call.root, entity=call.entity)
        if not unit or f"{call.address.service}.{call.address.operation}" not in self.operations:
            return None
        return self.arm(unit)
