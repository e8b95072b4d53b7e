"""The order desk at work: a real store, and a till and a shelf that remember what was asked of them."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from callboard_contracts import RefusedError, UnavailableError
from callboard_contracts.billing import v1 as billing
from callboard_contracts.inventory import v1 as inventory
from callboard_contracts.orders import v1 as orders
from callboard_team_orders.agent import Change, OrderDesk, Seen, Written
from callboard_team_orders.store import OrderStore

HOME = orders.Address(address1="1 Mill Lane", city="Reno", country="USA", state="NV", zip="89501")
TEAPOT = orders.Item(name="Teapot", product_id="2", item_id="20", price=39.0, options={"size": "S"})
PENDING = orders.Order(
    order_id="#W1",
    user_id="ada",
    address=HOME,
    items=(TEAPOT,),
    status="pending",
    payment_history=(billing.Transaction(transaction_type="payment", amount=39.0, payment_method_id="paypal_1"),),
)
CANCEL = orders.Cancellation(order_id="#W1", reason="no longer needed")
PAY_BY_CARD = orders.PaymentChange(order_id="#W1", payment_method_id="credit_card_1")
MOVE = orders.AddressChange(
    order_id="#W1", address1="9 Quarry Street", address2="", city="Boise", state="ID", country="USA", zip="83701"
)
METHODS: Mapping[str, billing.PaymentMethod] = {
    "paypal_1": billing.PayPal(id="paypal_1"),
    "credit_card_1": billing.CreditCard(id="credit_card_1", brand="visa", last_four="1234"),
}


class ScriptedTill:
    """Moves no money, remembers every key, and does what the test says before it answers."""

    def __init__(self) -> None:
        self.moved: list[str] = []
        self.reversed: list[str] = []
        self.before_moving: Callable[[str], None] = lambda _key: None
        self.open = asyncio.Event()
        self.open.set()
        self.asked = asyncio.Event()
        self.refuses_to_reverse = ""

    @property
    def standing(self) -> list[str]:
        """What was moved and not reversed."""
        return [key for key in self.moved if key not in self.reversed]

    async def payment_methods(self, user_id: str) -> Mapping[str, billing.PaymentMethod]:
        return METHODS

    async def move(self, order: orders.Order, transaction: billing.Transaction, *, key: str) -> None:
        self.asked.set()
        await self.open.wait()
        self.before_moving(key)
        self.moved.append(key)

    async def reverse(self, key: str) -> None:
        if key == self.refuses_to_reverse:
            raise RefusedError("the money was spent")
        self.reversed.append(key)


class ScriptedOverseer:
    """Is asked nothing, unless the test says otherwise."""

    def __init__(self) -> None:
        self.asks = False
        self.asked: list[list[float]] = []
        self.meanwhile: Callable[[], None] = lambda: None

    async def agree(self, order: orders.Order, movements: Sequence[billing.Transaction]) -> bool:
        if not self.asks:
            return False
        self.asked.append([each.amount for each in movements])
        self.meanwhile()
        return True


class NoShelf:
    async def product(self, product_id: str) -> inventory.Product:
        raise RefusedError(f"there is no product {product_id!r}")


class Book:
    """The store, with a word to say before it writes."""

    def __init__(self, store: OrderStore) -> None:
        self._store = store
        self.before_writing: Callable[[], None] = lambda: None

    async def look(self, order_id: str, *, key: str, asked: str) -> Seen:
        return self._store.look(order_id, key=key, asked=asked)

    async def write(self, change: Change) -> Written:
        self.before_writing()
        return self._store.write(change)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[OrderStore]:
    store = OrderStore(f"sqlite:///{tmp_path / 'orders.db'}")
    store.replace([PENDING])
    yield store
    store.close()


@pytest.fixture
def till() -> ScriptedTill:
    return ScriptedTill()


@pytest.fixture
def book(store: OrderStore) -> Book:
    return Book(store)


@pytest.fixture
def overseer() -> ScriptedOverseer:
    return ScriptedOverseer()


@pytest.fixture
def desk(book: Book, till: ScriptedTill, overseer: ScriptedOverseer) -> OrderDesk:
    return OrderDesk(book=book, till=till, shelf=NoShelf(), overseer=overseer)


async def test_a_request_delivered_twice_moves_money_once_and_answers_the_same(desk: OrderDesk, till: ScriptedTill):
    first = await desk.cancel(CANCEL, key="k")
    second = await desk.cancel(CANCEL, key="k")

    assert first == second
    assert till.moved == ["k:1:refund-1"]


async def test_a_key_stands_for_one_request_only(desk: OrderDesk):
    await desk.change_address(MOVE, key="k")

    with pytest.raises(RefusedError, match="used before"):
        await desk.cancel(CANCEL, key="k")


async def test_of_two_who_cancel_at_once_one_wins_and_the_others_refund_is_reversed(
    desk: OrderDesk, till: ScriptedTill, store: OrderStore
):
    till.open.clear()
    both = [asyncio.create_task(desk.cancel(CANCEL, key=key)) for key in ("a", "b")]
    await asyncio.wait_for(till.asked.wait(), 5)
    till.open.set()
    results = await asyncio.gather(*both, return_exceptions=True)

    assert [type(result) for result in results].count(orders.Order) == 1
    assert [str(result) for result in results if isinstance(result, RefusedError)] == [
        "order '#W1' is 'cancelled': this needs an order that is 'pending'"
    ]
    assert len(till.standing) == 1
    assert len(store.order("#W1").payment_history) == 2


async def test_a_change_that_does_no_harm_meanwhile_is_worked_in(
    desk: OrderDesk, book: Book, till: ScriptedTill, store: OrderStore
):
    def somebody_moves() -> None:
        book.before_writing = lambda: None
        seen = store.order("#W1")
        moved = seen.model_copy(update={"address": HOME.model_copy(update={"zip": "1"})})
        store.write(Change(key="other", asked="other", seen=seen, order=moved))

    book.before_writing = somebody_moves

    order = await desk.cancel(CANCEL, key="k")

    assert (order.status, order.address) == ("cancelled", HOME.model_copy(update={"zip": "1"}))
    assert till.standing == ["k:2:refund-1"]


async def test_an_order_that_keeps_changing_is_left_alone_with_everything_reversed(
    desk: OrderDesk, book: Book, till: ScriptedTill, store: OrderStore
):
    times = iter(range(10))

    def somebody_moves() -> None:
        seen, n = store.order("#W1"), str(next(times))
        moved = seen.model_copy(update={"address": HOME.model_copy(update={"zip": n})})
        store.write(Change(key=n, asked=n, seen=seen, order=moved))

    book.before_writing = somebody_moves

    with pytest.raises(UnavailableError, match="keeps changing"):
        await desk.cancel(CANCEL, key="k")

    assert till.standing == []
    assert store.order("#W1").status == "pending"


async def test_when_the_second_movement_fails_the_first_is_reversed_and_the_second_too(
    desk: OrderDesk, till: ScriptedTill, store: OrderStore
):
    def fail_at_the_refund(key: str) -> None:
        if "refund" in key:
            raise UnavailableError("billing gave no answer in time")

    till.before_moving = fail_at_the_refund

    with pytest.raises(UnavailableError, match="no answer in time"):
        await desk.change_payment(PAY_BY_CARD, key="k")

    # The answer may have been lost on the way, so the movement that "failed" is reversed like the other.
    assert till.reversed == ["k:1:refund-2", "k:1:payment-1"]
    assert store.all() == (PENDING,)


async def test_one_undo_that_fails_does_not_keep_the_others_from_being_done(
    desk: OrderDesk, book: Book, till: ScriptedTill
):
    till.refuses_to_reverse = "k:1:refund-2"

    def fail() -> None:
        raise UnavailableError("the store is away")

    book.before_writing = fail

    with pytest.raises(RefusedError, match="was spent"):
        await desk.change_payment(PAY_BY_CARD, key="k")

    assert till.reversed == ["k:1:payment-1"]


async def test_who_is_cancelled_while_money_moves_finishes_first(
    desk: OrderDesk, till: ScriptedTill, store: OrderStore
):
    till.open.clear()
    work = asyncio.create_task(desk.cancel(CANCEL, key="k"))
    await asyncio.wait_for(till.asked.wait(), 5)

    work.cancel()
    till.open.set()
    order = await asyncio.wait_for(work, 5)

    assert order == store.order("#W1")
    assert order.status == "cancelled"
    assert till.standing == ["k:1:refund-1"]


async def test_who_is_cancelled_while_money_moves_and_then_fails_leaves_nothing(
    desk: OrderDesk, book: Book, till: ScriptedTill, store: OrderStore
):
    def fail() -> None:
        raise RefusedError("the store does not want it")

    book.before_writing = fail
    till.open.clear()
    work = asyncio.create_task(desk.cancel(CANCEL, key="k"))
    await asyncio.wait_for(till.asked.wait(), 5)

    work.cancel()
    till.open.set()
    with pytest.raises(RefusedError, match="does not want it"):
        await asyncio.wait_for(work, 5)

    assert till.standing == []
    assert store.all() == (PENDING,)


async def test_who_decided_on_what_has_changed_since_is_refused_with_what_it_is_now(
    desk: OrderDesk, till: ScriptedTill, store: OrderStore
):
    seen = store.order("#W1").etag
    moved = await desk.change_address(MOVE.model_copy(update={"etag": seen}), key="a")
    assert moved.etag not in (None, seen)
    assert store.order("#W1") == moved

    with pytest.raises(RefusedError, match=f"'#W1' has changed since you saw it: its etag is '{moved.etag}' now, not"):
        await desk.cancel(CANCEL.model_copy(update={"etag": seen}), key="b")

    assert till.moved == []
    assert (await desk.cancel(CANCEL.model_copy(update={"etag": moved.etag}), key="c")).status == "cancelled"


def test_who_held_the_orders_lock_earlier_writes_no_more(store: OrderStore):
    seen = store.order("#W1")
    [first, second, third] = [
        Change(key=key, asked=key, seen=seen, order=seen.model_copy(update={"user_id": key})) for key in "abc"
    ]
    later = store.write(first, fences={"order_id-#W1": 2}).order
    assert later is not None

    with pytest.raises(RefusedError, match="the lock 'order_id-#W1' was lost to somebody else meanwhile"):
        store.write(second.model_copy(update={"seen": later}), fences={"order_id-#W1": 1})

    assert store.write(first, fences={"order_id-#W1": 1}).order == later
    assert store.write(third.model_copy(update={"seen": later}), fences={"order_id-#W1": 3}).order is not None


async def test_an_order_that_is_not_there_costs_nothing(desk: OrderDesk, till: ScriptedTill):
    with pytest.raises(RefusedError, match="there is no order '#W9'"):
        await desk.cancel(CANCEL.model_copy(update={"order_id": "#W9"}), key="k")

    assert till.moved == []


async def test_what_somebody_agreed_to_is_looked_at_again_and_done(
    desk: OrderDesk, till: ScriptedTill, overseer: ScriptedOverseer
):
    overseer.asks = True

    await desk.cancel(CANCEL, key="k")

    assert len(overseer.asked) == 1
    assert till.moved == ["k:2:refund-1"]


async def test_an_order_that_was_cancelled_while_somebody_thought_is_refused(
    desk: OrderDesk, till: ScriptedTill, overseer: ScriptedOverseer, store: OrderStore
):
    def cancelled() -> None:
        seen = store.look(CANCEL.order_id, key="other", asked="other")
        order = seen.order.model_copy(update={"status": "cancelled"})
        store.write(Change(key="other", asked="other", seen=seen.order, order=order))

    overseer.asks, overseer.meanwhile = True, cancelled

    with pytest.raises(RefusedError, match="is 'cancelled'"):
        await desk.cancel(CANCEL, key="k")

    assert till.moved == []


async def test_what_nobody_agrees_to_moves_no_money(desk: OrderDesk, till: ScriptedTill, overseer: ScriptedOverseer):
    def refuse() -> None:
        raise RefusedError("ada did not approve")

    overseer.asks, overseer.meanwhile = True, refuse

    with pytest.raises(RefusedError, match="ada did not approve"):
        await desk.cancel(CANCEL, key="k")

    assert till.moved == []
