"""Follows what becomes of customers' orders: one run for each order, while there is something to be told of it."""

import asyncio
from datetime import timedelta
from typing import Final

from temporalio import workflow

from callboard_contracts.billing import v1 as billing
from callboard_contracts.customers import v1 as customers
from callboard_contracts.orders import feed
from callboard_contracts.orders import v1 as orders
from callboard_kit.processing import Events, FeedEvent, Following

with workflow.unsafe.imports_passed_through():
    from callboard_kit.processing.processor import EachKey, Processor
    from callboard_team_customers.activities import CustomerActivities, Note
    from callboard_team_customers.news import sentence

_ONE_TRY: Final = timedelta(seconds=10)
_PATIENCE: Final = timedelta(seconds=25)


@workflow.defn
class FollowOrder:
    """Notes for the customer what becomes of one order: every event once, in the order in which they happened."""

    @workflow.init
    def __init__(self, state: Following) -> None:
        """Go on from where the run before left off."""
        self._events = Events(state)

    @workflow.run
    async def run(self, state: Following) -> None:
        """Handle events until none is left."""
        await self._events.each(self._note)

    @workflow.signal
    def happened(self, event: FeedEvent) -> None:
        """Take an event of the order."""
        self._events.take(event)

    async def _note(self, event: FeedEvent) -> None:
        changed = event.read(feed.OrderChanged)
        order, wallet = await asyncio.gather(_order(changed.order_id), _wallet(changed.user_id))
        news = customers.News(
            order_id=changed.order_id, text=sentence(changed, order, wallet.payment_methods), at=event.at
        )
        # Tried until the store answers: what is noted is noted once, under the event's key.
        await workflow.execute_activity_method(
            CustomerActivities.keep_news,
            Note(user_id=changed.user_id, news=news, key=event.effect_key),
            start_to_close_timeout=_ONE_TRY,
        )


def orders_followed() -> Processor:
    """Return what the team follows."""
    return Processor(
        publisher=orders.ENDPOINT,
        kinds={feed.ORDER_CHANGED: feed.OrderChanged},
        to=EachKey(FollowOrder.run, FollowOrder.happened),
        name="follow-order",
    )


async def _order(order_id: str) -> orders.Order:
    team = workflow.create_nexus_client(service=orders.Orders, endpoint=orders.ENDPOINT)
    return await team.execute_operation(
        orders.Orders.get_order_details, orders.OrderId(order_id=order_id), schedule_to_close_timeout=_PATIENCE
    )


async def _wallet(user_id: str) -> billing.PaymentMethods:
    team = workflow.create_nexus_client(service=billing.Billing, endpoint=billing.ENDPOINT)
    return await team.execute_operation(
        billing.Billing.list_payment_methods, billing.Wallet(user_id=user_id), schedule_to_close_timeout=_PATIENCE
    )
