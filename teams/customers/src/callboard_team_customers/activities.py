"""The customers team's activities: one look or one transaction each."""

from temporalio import activity

from callboard_contracts import Message
from callboard_contracts.customers import v1 as customers
from callboard_kit import mesh
from callboard_kit.trials.dry import reads
from callboard_team_customers.store import CustomerStore


class Move(Message):
    """A change of address, and the key under which it happens once."""

    change: customers.AddressChange
    key: str


class Note(Message):
    """Something that became of a customer's order, and the key under which it is noted once."""

    user_id: str
    news: customers.News
    key: str


class CustomerActivities:
    """What the customers team's workflows do to its records."""

    def __init__(self, store: CustomerStore) -> None:
        self._store = store

    @reads
    @activity.defn
    def look_at_customer(self, who: customers.UserId) -> customers.Customer:
        """Return the customer, or refuse."""
        return self._store.look(who.user_id)

    @activity.defn
    def move_customer(self, move: Move) -> customers.Customer:
        """Replace the customer's address, once per key."""
        return self._store.move(move.change, key=move.key, fences=mesh.fences())

    @activity.defn
    def keep_news(self, note: Note) -> None:
        """Note what became of an order, once per key."""
        self._store.note(note.user_id, note.news, key=note.key)
