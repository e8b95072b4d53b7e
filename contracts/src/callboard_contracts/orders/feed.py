"""What the orders team tells its followers: that an order changed.

Each message has a kind, by which followers know its shape. Frozen once released: fields with a default may be added; a
change that would break a follower is a new kind, published beside the old one until nobody reads that any more.
"""

from typing import Final

from callboard_contracts import Message
from callboard_contracts.orders.v1 import Id, Status

ORDER_CHANGED: Final = "order-changed.v1"
"""The kind of `OrderChanged`."""


class OrderChanged(Message):
    """An order was written. Says what it was and became; whoever needs more asks `orders.v1`, and gets what it may."""

    order_id: Id
    """The order's id. Events of one order are told in the order in which they happened."""

    user_id: Id
    """Whose order it is."""

    before: Status
    """How far the order was."""

    status: Status
    """How far it is since. The same as before when something else about it changed."""
