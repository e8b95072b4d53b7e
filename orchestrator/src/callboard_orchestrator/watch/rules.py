"""What counts as a finding: over refunds, stock and runs, free of Temporal."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Final

from pydantic import Field

from callboard_contracts import Message
from callboard_contracts.billing import v1 as billing
from callboard_contracts.inventory import v1 as inventory
from callboard_kit.ambient import Finding

REFUNDS: Final = "refunds"
STOCK: Final = "stock"
STUCK_RUN: Final = "stuck-run"


@dataclass(frozen=True)
class Bounds:
    """From where on something is worth a finding."""

    period: timedelta = timedelta(days=1)
    """The refunds that are looked at: those of the last so much."""

    refunds: int = 5
    """So many refunds of one customer in the period."""

    refunded: float = 1000.0
    """So many US dollars for one customer in the period."""

    left: float = 0.25
    """Of a product's variants, the share that must be available."""

    running: timedelta = timedelta(days=1)
    """How long a run may take."""


class LongRun(Message):
    """A run that has not come to its end."""

    run_id: str
    """The run, as `callboard runs` calls it."""

    started: datetime
    pending: tuple[str, ...] = ()
    """What it waits for: operations and activities, with the number of the attempt."""


class RunToStop(Message):
    """A run that is to be cancelled."""

    run_id: Annotated[str, Field(min_length=1, max_length=200)]
    reason: str
    """Why, for whoever looks at the run later."""


def unusual_refunds(refunds: Iterable[billing.BookedRefund], bounds: Bounds) -> list[Finding]:
    """Return a finding for every customer who got much back, or often.

    Told once a day at most for each customer, unless it doubles.
    """
    of: dict[str, list[billing.BookedRefund]] = {}
    for refund in refunds:
        of.setdefault(refund.user_id, []).append(refund)
    return [finding for user_id, theirs in of.items() if (finding := _of_customer(user_id, theirs, bounds)) is not None]


def _of_customer(user_id: str, refunds: Sequence[billing.BookedRefund], bounds: Bounds) -> Finding | None:
    amount = round(math.fsum(each.amount for each in refunds), 2)
    excess = max(amount / bounds.refunded, len(refunds) / bounds.refunds)
    if excess < 1:
        return None
    hours = bounds.period.total_seconds() / 3600
    latest = max(each.at for each in refunds)
    return Finding(
        kind=REFUNDS,
        key=f"{user_id}:{latest:%Y-%m-%d}:{int(math.log2(excess))}",
        summary=f"customer {user_id} got ${amount:.2f} back in {len(refunds)} refunds within {hours:g} h",
        facts={
            "user_id": user_id,
            "refunds": len(refunds),
            "amount_usd": amount,
            "largest_usd": max(each.amount for each in refunds),
            "orders": len({each.order_id for each in refunds}),
            "latest": latest.isoformat(),
        },
        weight=2 + min(excess, 1000.0),
    )


def short_of(product: inventory.Product, bounds: Bounds) -> Finding | None:
    """Return a finding when few of a product's variants can be had, or none; a product without variants is none."""
    every = len(product.variants)
    available = sum(each.available for each in product.variants.values())
    if not every or available / every >= bounds.left:
        return None
    level = "low" if available else "out"
    return Finding(
        kind=STOCK,
        key=f"{product.product_id}:{level}",
        summary=f"{available} of {every} variants of {product.name} (product {product.product_id}) can be had",
        facts={"product_id": product.product_id, "name": product.name, "available": available, "variants": every},
        weight=1.0 if available else 2.0,
    )


def stuck(run: LongRun, *, now: datetime) -> Finding:
    """Return the finding that a run does not come to its end."""
    hours = int((now - run.started).total_seconds() // 3600)
    waits = f", waiting for {'; '.join(run.pending)}" if run.pending else ""
    return Finding(
        kind=STUCK_RUN,
        key=run.run_id,
        summary=f"run {run.run_id} has been going on for {hours} h{waits}"[:500],
        facts={"run_id": run.run_id, "started": run.started.isoformat(), "pending": "; ".join(run.pending)},
        weight=3.0,
    )
