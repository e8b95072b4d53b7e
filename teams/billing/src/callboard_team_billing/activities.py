"""Billing's activities: one transaction of the ledger each."""

from temporalio import activity

from callboard_contracts.billing import v1 as billing
from callboard_kit import mesh
from callboard_team_billing.store import Ledger


class BillingActivities:
    """What billing's workflows do to its books. Keys belong to the caller: two callers never share one."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    @activity.defn(name="book_charge")
    def charge(self, charge: billing.Charge) -> billing.Receipt:
        """Take money, once per key."""
        return self._ledger.charge(_caller(), charge, fences=mesh.fences())

    @activity.defn(name="book_refund")
    def refund(self, refund: billing.Refund) -> billing.Receipt:
        """Give money back, once per key."""
        return self._ledger.refund(_caller(), refund, fences=mesh.fences())

    @activity.defn(name="book_reversal")
    def reverse(self, reversal: billing.Reversal) -> billing.ReversalReceipt:
        """Undo the movement with a key, or see to it that it never happens."""
        return self._ledger.reverse(_caller(), reversal)


def _caller() -> str:
    call = mesh.current()
    return call.caller or call.team
