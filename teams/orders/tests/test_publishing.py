"""Whoever follows is told of a change exactly when it was written."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from callboard_contracts import RefusedError
from callboard_contracts.orders import feed
from callboard_contracts.orders import v1 as orders
from callboard_team_orders.agent import Change
from callboard_team_orders.store import OrderStore

PENDING = orders.Order(order_id="#W1", user_id="ada", items=(), status="pending")
CANCELLED = PENDING.model_copy(update={"status": "cancelled"})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[OrderStore]:
    store = OrderStore(f"sqlite:///{tmp_path / 'orders.db'}")
    store.replace([PENDING])
    yield store
    store.close()


def cancel(store: OrderStore, *, key: str = "k", seen: orders.Order = PENDING) -> bool:
    return store.write(Change(key=key, asked="cancel", seen=seen, order=CANCELLED)).order is not None


def test_a_change_is_published_once_with_what_the_order_was_and_is(store: OrderStore):
    assert cancel(store)
    assert cancel(store)  # a repeated delivery

    [event] = store.outbox.after("orders", 0, limit=10)
    assert (event.publisher, event.key, event.kind) == ("orders", "#W1", feed.ORDER_CHANGED)
    assert event.read(feed.OrderChanged) == feed.OrderChanged(
        order_id="#W1", user_id="ada", before="pending", status="cancelled"
    )


def test_a_change_that_was_not_written_is_not_published(store: OrderStore):
    stale = PENDING.model_copy(update={"user_id": "somebody else"})
    assert not cancel(store, seen=stale)
    assert cancel(store)
    with pytest.raises(RefusedError, match="used before"):
        store.write(Change(key="k", asked="something else", seen=CANCELLED, order=PENDING))

    assert len(store.outbox.after("orders", 0, limit=10)) == 1
