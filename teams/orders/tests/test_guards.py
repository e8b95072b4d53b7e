"""What the orders team's guards say, about orders as they are."""

from typing import Any

import pytest

from callboard_contracts.orders import v1 as orders
from callboard_kit.approvals import AskForAll
from callboard_kit.guards import Doing
from callboard_team_orders import rules
from callboard_team_orders.guards import (
    LARGE,
    VERY_LARGE,
    RefundLimit,
    address_may_change,
    amount_as_paid,
    refund_is_usual,
    refund_within,
    seen,
)
from callboard_team_orders.workflows import AGENT

LIMIT = RefundLimit(above=100, approvers=("role:finance",))


def order(status: str = "pending", *, paid: float = 120, **more: Any) -> orders.Order:
    item = {"name": "Mug", "product_id": "1", "price": 60.0, "options": {}}
    return orders.Order.model_validate(
        {
            "order_id": "#W1",
            "user_id": "ada_smith_1234",
            "address": {"address1": "1", "address2": "", "city": "D", "country": "USA", "state": "CO", "zip": "80200"},
            "items": [{**item, "item_id": "10"}, {**item, "item_id": "11"}],
            "status": status,
            "payment_history": [{"transaction_type": "payment", "amount": paid, "payment_method_id": "card_1"}],
            **more,
        }
    )


def doing(operation: str = "cancel_pending_order", *heard: orders.Order, **arguments: object) -> Doing:
    return Doing(
        agent="orders",
        goal="",
        step=1,
        tool="",
        service="orders.v1",
        operation=operation,
        arguments=arguments,
        effect="write",
        heard=tuple(seen(each) for each in heard),
    )


@pytest.mark.parametrize(
    ("found", "action"),
    [
        (order(), "pass"),
        (order("pending (item modified)"), "pass"),
        (order("processed"), "refuse"),
        (order("delivered"), "refuse"),
        (order("return requested"), "refuse"),
        (order("pending", fulfillments=[{"tracking_id": ["5"], "item_ids": ["10"]}]), "refuse"),
    ],
)
def test_the_address_of_an_order_that_has_left_stays(found: orders.Order, action: str):
    assert address_may_change(found).action == action


@pytest.mark.parametrize(
    ("asked", "action"),
    [
        (doing("cancel_pending_order"), "ask"),
        (doing("modify_pending_order_items", item_ids=["10"]), "pass"),
        (doing("modify_pending_order_items", item_ids=["10", "11"]), "ask"),
        (doing("return_delivered_order_items", item_ids=["10", "11"]), "ask"),
        (doing("return_delivered_order_items", item_ids=["11"]), "pass"),
    ],
)
def test_a_refund_above_the_limit_is_asked_about(asked: Doing, action: str):
    verdict = refund_within(LIMIT, order(), asked)

    assert verdict.action == action
    if action == "ask":
        assert verdict.reason == "up to 120.00 US dollars go back to the customer, above 100"
        assert verdict.terms.approvers == ("role:finance",)


def test_a_refund_of_exactly_the_limit_is_not_asked_about():
    assert refund_within(LIMIT, order(paid=100), doing()).action == "pass"


@pytest.mark.parametrize("items", [None, [], ["12"], "10", [["10"]]])
def test_a_refund_that_cannot_be_told_has_no_verdict(items: object):
    with pytest.raises(ValueError, match=r"."):
        refund_within(LIMIT, order(), doing("return_delivered_order_items", item_ids=items))


@pytest.mark.parametrize(("amount", "action"), [(8000, "pass"), (8000.01, "ask"), (-20, "pass")])
def test_so_much_goes_back_to_nobody_without_finance(amount: float, action: str):
    verdict = refund_is_usual(doing("refund", amount=amount))

    assert (verdict.action, verdict.terms.approvers) == (action, ("role:finance",) if action == "ask" else ("*",))


def movement(found: orders.Order, operation: str, amount: float, method: str = "card_1") -> str:
    return amount_as_paid(doing(operation, found, amount=amount, payment_method_id=method)).action


CANCELLED = rules.cancelled(order(), "no longer needed").order


def test_what_goes_back_for_a_cancelled_order_is_what_was_paid():
    assert movement(CANCELLED, "refund", 120) == "pass"
    assert movement(CANCELLED, "refund", 120.01) == "refuse"
    assert movement(CANCELLED, "refund", 60) == "refuse"
    assert movement(CANCELLED, "refund", 120, "card_2") == "refuse"
    assert movement(CANCELLED, "charge", 120, "card_2") == "refuse"


@pytest.mark.parametrize("amounts", [(120, 60), (120, 120.01), (120, 240), (120, 120, 120)])
def test_an_order_that_says_itself_that_something_else_goes_back_moves_no_money(amounts: tuple[float, ...]):
    rows = [
        {"transaction_type": "refund" if number else "payment", "amount": amount, "payment_method_id": "card_1"}
        for number, amount in enumerate(amounts)
    ]

    assert movement(order("cancelled", payment_history=rows), "refund", amounts[-1]) == "refuse"


def test_what_went_back_another_way_before_counts_too():
    rows = [
        {"transaction_type": "payment", "amount": 120, "payment_method_id": "card_1"},
        {"transaction_type": "refund", "amount": 30, "payment_method_id": "gift_card_1"},
        {"transaction_type": "refund", "amount": 120, "payment_method_id": "card_1"},
    ]

    assert movement(order("cancelled", payment_history=rows), "refund", 120) == "refuse"


@pytest.mark.parametrize(("back", "action"), [(20, "pass"), (120, "pass"), (120.01, "refuse"), (500, "refuse")])
def test_no_more_goes_back_for_other_items_than_was_paid(back: float, action: str):
    rows = [
        {"transaction_type": "payment", "amount": 120, "payment_method_id": "card_1"},
        {"transaction_type": "refund", "amount": back, "payment_method_id": "gift_card_1"},
    ]

    assert movement(order("pending (item modified)", payment_history=rows), "refund", back, "gift_card_1") == action


def test_what_is_not_seen_has_no_verdict():
    with pytest.raises(ValueError, match="not enough values"):
        amount_as_paid(doing("refund", amount=1, payment_method_id="card_1"))


def test_the_teams_agent_has_them():
    assert [guard.name for guard in AGENT.guards] == ["shipped-stays", "large-refund"]
    assert AGENT.approvals != AskForAll()
    assert (LARGE, VERY_LARGE) == (5000, 8000)
