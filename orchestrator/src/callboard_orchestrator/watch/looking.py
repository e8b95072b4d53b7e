"""The detectors: they ask billing and inventory over the mesh, and Temporal for this team's own runs."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.common import RetryPolicy

from callboard_contracts import Nothing, RefusedError
from callboard_contracts.billing import v1 as billing
from callboard_contracts.inventory import v1 as inventory
from callboard_kit.ambient import Finding
from callboard_orchestrator.watch.activities import RunKeeper
from callboard_orchestrator.watch.rules import (
    REFUNDS,
    STOCK,
    STUCK_RUN,
    Bounds,
    short_of,
    stuck,
    unusual_refunds,
)

_LOOKING_UP: Final = timedelta(seconds=30)
_PATIENCE: Final = timedelta(minutes=2)
_RETRIES: Final = RetryPolicy(maximum_interval=timedelta(seconds=10))

MOST_PRODUCTS: Final = 300
"""Products that one wake looks at; of more, the first by name."""

AT_ONCE: Final = 8
"""Products that are looked up at the same time."""


class RefundDetector:
    """Sees customers who get much back, or often."""

    def __init__(self, bounds: Bounds) -> None:
        self.kind: Final = REFUNDS
        self._bounds = bounds

    async def detect(self) -> Sequence[Finding]:
        """See `Detector`."""
        team = workflow.create_nexus_client(service=billing.Billing, endpoint=billing.ENDPOINT)
        booked = await team.execute_operation(
            billing.Billing.list_refunds,
            billing.RefundPeriod(since=workflow.now() - self._bounds.period, most=1000),
            schedule_to_close_timeout=_LOOKING_UP,
        )
        return unusual_refunds(booked.refunds, self._bounds)


class StockDetector:
    """Sees products that run out."""

    def __init__(self, bounds: Bounds) -> None:
        self.kind: Final = STOCK
        self._bounds = bounds

    async def detect(self) -> Sequence[Finding]:
        """See `Detector`."""
        team = workflow.create_nexus_client(service=inventory.Inventory, endpoint=inventory.ENDPOINT)
        listed = await team.execute_operation(
            inventory.Inventory.list_all_product_types, Nothing(), schedule_to_close_timeout=_LOOKING_UP
        )
        turns = asyncio.Semaphore(AT_ONCE)

        async def look(product_id: str) -> Finding | None:
            async with turns:
                try:
                    product = await team.execute_operation(
                        inventory.Inventory.get_product_details,
                        inventory.ProductId(product_id=product_id),
                        schedule_to_close_timeout=_LOOKING_UP,
                    )
                except RefusedError:
                    return None  # It went off the list a moment ago.
            return short_of(product, self._bounds)

        found = await asyncio.gather(*map(look, list(listed.product_types.values())[:MOST_PRODUCTS]))
        return [each for each in found if each is not None]


class StuckRunDetector:
    """Sees runs that do not come to their end."""

    def __init__(self, bounds: Bounds) -> None:
        self.kind: Final = STUCK_RUN
        self._bounds = bounds

    async def detect(self) -> Sequence[Finding]:
        """See `Detector`."""
        now = workflow.now()
        runs = await workflow.execute_activity_method(
            RunKeeper.long_runs,
            now - self._bounds.running,
            start_to_close_timeout=_LOOKING_UP,
            schedule_to_close_timeout=_PATIENCE,
            retry_policy=_RETRIES,
        )
        return [stuck(each, now=now) for each in runs]
