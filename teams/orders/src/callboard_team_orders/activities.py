"""The orders team's activities: one look or one transaction each."""

from temporalio import activity

from callboard_contracts import Message
from callboard_kit import mesh
from callboard_kit.trials.dry import reads
from callboard_team_orders.agent import Change, Seen, Written
from callboard_team_orders.store import OrderStore


class Look(Message):
    """Which order is meant, and the key and the request it is looked at for."""

    order_id: str
    key: str
    asked: str


class OrderActivities:
    """What the orders team's workflows do to its records."""

    def __init__(self, store: OrderStore) -> None:
        self._store = store

    @reads
    @activity.defn
    def look_at_order(self, look: Look) -> Seen:
        """Return the order, or refuse; with what was done under the key, if anything was."""
        return self._store.look(look.order_id, key=look.key, asked=look.asked)

    @activity.defn
    def write_order(self, change: Change) -> Written:
        """Write the order if it is still as it was seen, once per key."""
        return self._store.write(change, fences=mesh.fences())
