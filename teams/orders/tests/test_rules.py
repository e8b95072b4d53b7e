"""What the rules refuse, and what they decide about money."""

from collections.abc import Callable
from typing import get_args

import pytest

from callboard_contracts import RefusedError
from callboard_contracts.billing import v1 as billing
from callboard_contracts.inventory import v1 as inventory
from callboard_contracts.orders import v1 as orders
from callboard_team_orders import rules

METHODS = {
    "paypal_1": billing.PayPal(id="paypal_1"),
    "paypal_2": billing.PayPal(id="paypal_2"),
    "gift_card_1": billing.GiftCard(id="gift_card_1", balance=5.0),
}


def variant(item_id: str, price: float, *, available: bool = True) -> inventory.Variant:
    return inventory.Variant(item_id=item_id, options={"id": item_id}, available=available, price=price)


PRODUCTS = {
    "2": inventory.Product(
        product_id="2",
        name="Teapot",
        variants={
            v.item_id: v
            for v in (variant("20", 30.0), variant("21", 34.9), variant("22", 35.1), variant("23", 1, available=False))
        },
    )
}


def item(item_id: str = "20", price: float = 30.0) -> orders.Item:
    return orders.Item(name="Teapot", product_id="2", item_id=item_id, price=price, options={"id": item_id})


def row(kind: str, amount: float, method: str = "paypal_1") -> billing.Transaction:
    return billing.Transaction.model_validate({"transaction_type": kind, "amount": amount, "payment_method_id": method})


def order(status: str = "pending", *, items: int = 2, history: tuple[billing.Transaction, ...] = ()) -> orders.Order:
    return orders.Order.model_validate(
        {
            "order_id": "#W1",
            "user_id": "ada",
            "items": (item(),) * items,
            "status": status,
            "payment_history": history or (row("payment", 60.0),),
        }
    )


def replacement(old: list[str], new: list[str], method: str = "paypal_1") -> orders.Replacement:
    return orders.Replacement.model_validate(
        {"order_id": "#W1", "item_ids": old, "new_item_ids": new, "payment_method_id": method}
    )


def modify(which: orders.Order, wanted: orders.Replacement) -> rules.Decision:
    return rules.replaced(which, rules.swaps(which, wanted), PRODUCTS, wanted.payment_method_id, METHODS)


def exchange(which: orders.Order, wanted: orders.Replacement) -> rules.Decision:
    return rules.exchanged(which, rules.swaps(which, wanted), PRODUCTS, wanted.payment_method_id, METHODS)


ADDRESS = orders.Address(address1="1 Mill Lane", city="Reno", country="USA", state="NV", zip="89501")
WRITES: dict[str, tuple[str, Callable[[orders.Order], rules.Decision]]] = {
    "cancel": ("pending", lambda o: rules.cancelled(o, "no longer needed")),
    "address": ("pending", lambda o: rules.readdressed(o, ADDRESS)),
    "payment": ("pending", lambda o: rules.repaid(o, "paypal_2", METHODS)),
    "modify": ("pending", lambda o: modify(o, replacement(["20"], ["21"]))),
    "return": ("delivered", lambda o: rules.returned(o, ["20"], "paypal_1", METHODS)),
    "exchange": ("delivered", lambda o: exchange(o, replacement(["20"], ["21"]))),
}
STATUSES = get_args(orders.Status)


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("write", WRITES)
def test_an_order_changes_only_in_the_status_that_allows_it(write: str, status: str):
    needed, decide = WRITES[write]

    if status == needed:
        assert decide(order(status)).order != order(status)
    else:
        with pytest.raises(RefusedError, match=f"needs an order that is '{needed}'"):
            decide(order(status))


@pytest.mark.parametrize("change", [modify, exchange])
@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        (replacement(["20"], ["21", "22"]), "1 items cannot be replaced by 2"),
        (replacement(["21"], ["22"]), "does not hold item '21'"),
        (replacement(["20", "20", "20"], ["21", "21", "21"]), "does not hold item '20' that often"),
        (replacement(["20"], ["99"]), "'99' is no variant of product '2'"),
        (replacement(["20"], ["20"]), "'20' is what was ordered"),
        (replacement(["20"], ["23"]), "'23' is not available"),
        (replacement(["20"], ["21"], "credit_card_9"), "no payment method 'credit_card_9'"),
        (replacement(["20"], ["22"], "gift_card_1"), "does not cover"),
    ],
)
def test_what_cannot_be_replaced_is_refused(change, wanted: orders.Replacement, reason: str):
    which = order("pending" if change is modify else "delivered")

    with pytest.raises(RefusedError, match=reason):
        change(which, wanted)


def test_a_gift_card_that_covers_the_difference_pays_it():
    decision = modify(order(), replacement(["20"], ["21"], "gift_card_1"))

    assert decision.movements == (row("payment", 34.9 - 30.0, "gift_card_1"),)
    assert decision.order.payment_history == (row("payment", 60.0), *decision.movements)


def test_variants_of_one_price_move_no_money_and_say_so_in_the_history():
    which = order().model_copy(update={"items": (item("19", 34.9),)})

    decision = modify(which, replacement(["19"], ["21"]))

    assert decision.movements == ()
    assert decision.order.payment_history[-1] == row("refund", 0.0)


def test_an_exchange_moves_no_money_yet_and_rounds_what_will_be_due():
    decision = exchange(order("delivered"), replacement(["20", "20"], ["22", "21"]))

    assert decision.movements == ()
    assert decision.order.exchange_price_difference == 10.0
    assert decision.order.exchange_new_items == ("21", "22")


def test_a_cancelled_order_refunds_what_each_method_still_has_paid():
    history = (row("payment", 60.0), row("payment", 60.0, "paypal_2"), row("refund", 60.0))

    decision = rules.cancelled(order(history=history), "ordered by mistake")

    assert decision.movements == (row("refund", 60.0, "paypal_2"),)
    assert decision.order.payment_history == (*history, *decision.movements)


@pytest.mark.parametrize(
    ("history", "method", "reason"),
    [
        ((), "paypal_1", "already"),
        ((), "gift_card_1", "does not cover"),
        ((), "paypal_9", "no payment method"),
        ((row("payment", 1.0), row("payment", 2.0)), "paypal_2", "not paid in one payment"),
        ((row("refund", 1.0),), "paypal_2", "not paid in one payment"),
    ],
)
def test_a_payment_that_cannot_be_changed_is_refused(history, method: str, reason: str):
    with pytest.raises(RefusedError, match=reason):
        rules.repaid(order(history=history), method, METHODS)


def test_a_changed_payment_charges_the_new_method_before_it_refunds_the_old_one():
    decision = rules.repaid(order(), "paypal_2", METHODS)

    assert decision.movements == (row("payment", 60.0, "paypal_2"), row("refund", 60.0))


@pytest.mark.parametrize(("method", "allowed"), [("paypal_1", True), ("gift_card_1", True), ("paypal_2", False)])
def test_a_return_is_refunded_to_the_orders_own_method_or_a_gift_card(method: str, allowed: bool):
    if allowed:
        assert rules.returned(order("delivered"), ["20"], method, METHODS).order.return_payment_method_id == method
    else:
        with pytest.raises(RefusedError, match="or to a gift card"):
            rules.returned(order("delivered"), ["20"], method, METHODS)
