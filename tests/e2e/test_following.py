"""What becomes of orders reaches the customers team by itself: once, and also what happened while Redis was away."""

from collections.abc import Sequence

import pytest

from callboard_contracts.customers import v1 as customers
from tests.playing.stage import Stage
from tests.playing.tasks import own
from tests.playing.waiting import until

pytestmark = pytest.mark.timeout(300)

USER = "bela_falk_9411"
BY_PAYPAL, BY_CARD = "#W7893064", "#W1484455"


async def cancel(stage: Stage, order_id: str) -> None:
    sent = {"order_id": order_id, "reason": "no longer needed"}
    await stage.call("orchestrator", "orders.v1", "cancel_pending_order", sent)


async def news(stage: Stage) -> Sequence[tuple[str, str]]:
    answer = await stage.call("support", "customers.v1", "list_order_news", {"user_id": USER})
    return [(each.order_id, each.text) for each in customers.OrderNews.model_validate(answer).news]


async def until_there_is_news(stage: Stage, count: int) -> Sequence[tuple[str, str]]:
    async def told() -> bool:
        return len(await news(stage)) >= count

    await until(told, within=60)
    return await news(stage)


async def test_customers_are_told_what_became_of_their_orders_also_after_redis_was_away_and_lost_everything(
    stage: Stage,
):
    await stage.fill(own())
    await cancel(stage, BY_PAYPAL)
    paypal = (BY_PAYPAL, f"Order {BY_PAYPAL} was cancelled; what was paid goes back: US$ 141.97 to PayPal.")
    assert await until_there_is_news(stage, 1) == [paypal]

    await stage.take_away("valkey")
    try:
        await cancel(stage, BY_CARD)
    finally:
        await stage.bring_back("valkey")
    later, *earlier = await until_there_is_news(stage, 2)

    assert later[0] == BY_CARD
    assert "US$ 95.22 to the" in later[1]
    assert earlier == [paypal]
