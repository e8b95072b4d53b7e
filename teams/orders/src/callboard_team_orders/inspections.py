"""What the orders team's guards look at: activities over its records."""

from temporalio import activity

from callboard_kit.guards import Doing, Verdict
from callboard_kit.trials.dry import reads
from callboard_team_orders.guards import (
    ADDRESS_MAY_CHANGE,
    REFUND_WITHIN_LIMIT,
    RefundLimit,
    address_may_change,
    refund_within,
)
from callboard_team_orders.store import OrderStore


class OrderInspections:
    """Looks at an order before the agent has something done to it."""

    def __init__(self, store: OrderStore) -> None:
        self._store = store

    @reads
    @activity.defn(name=ADDRESS_MAY_CHANGE)
    def address_may_change(self, doing: Doing) -> Verdict:
        """Say whether the order can still go elsewhere."""
        return address_may_change(self._store.order(str(doing.arguments["order_id"])))

    @reads
    @activity.defn(name=REFUND_WITHIN_LIMIT)
    def refund_within_limit(self, doing: Doing, limit: RefundLimit) -> Verdict:
        """Say whether what goes back is so much that somebody must agree."""
        return refund_within(limit, self._store.order(str(doing.arguments["order_id"])), doing)
