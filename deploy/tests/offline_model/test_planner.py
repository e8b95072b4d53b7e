"""The planner: from words to calls to an answer."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from shop import HOME, OFFERED, WORK, Shop

ANN = "I am Ann Lee, zip 80210. "
MOVE = {
    "address1": "101 Main St",
    "address2": "Apt 4",
    "city": "New York",
    "state": "NY",
    "country": "USA",
    "zip": "10001",
}

CASES = {
    "cancel, needed no longer": (
        "Please cancel order #W1, I no longer need it.",
        [("cancel_pending_order", {"order_id": "#W1", "reason": "no longer needed"})],
    ),
    "cancel, a mistake": (
        "I ordered #W1 by mistake. Cancel it.",
        [("cancel_pending_order", {"order_id": "#W1", "reason": "ordered by mistake"})],
    ),
    "cancel all that is pending": (
        "Cancel all my pending orders.",
        [("cancel_pending_order", {"order_id": one, "reason": "no longer needed"}) for one in ("#W1", "#W3")],
    ),
    "cancel one item of several": ("Please cancel the T-shirt.", []),
    "return named items": (
        "I want to return the t-shirt and the lamp from order #W2.",
        [
            (
                "return_delivered_order_items",
                {
                    "order_id": "#W2",
                    "item_ids": ["1000000002", "2000000001"],
                    "payment_method_id": "credit_card_1",
                },
            )
        ],
    ),
    "return, refund to the gift card": (
        "Return the desk lamp I received, the refund should go to my gift card.",
        [
            (
                "return_delivered_order_items",
                {"order_id": "#W2", "item_ids": ["2000000001"], "payment_method_id": "gift_card_2"},
            )
        ],
    ),
    "exchange for the same in another color": (
        "Exchange the t-shirt of order #W2 for the same one but red.",
        [
            (
                "exchange_delivered_order_items",
                {
                    "order_id": "#W2",
                    "item_ids": ["1000000002"],
                    "new_item_ids": ["1000000001"],
                    "payment_method_id": "credit_card_1",
                },
            )
        ],
    ),
    "two items of one order at once": (
        "I'd like to exchange the t-shirt for a large one and the lamp for one with an AC adapter instead of USB, "
        "both from order #W2.",
        [
            (
                "exchange_delivered_order_items",
                {
                    "order_id": "#W2",
                    "item_ids": ["1000000002", "2000000001"],
                    "new_item_ids": ["1000000003", "2000000002"],
                    "payment_method_id": "credit_card_1",
                },
            )
        ],
    ),
    "modify what is pending": (
        "Change the shirt in my pending order to blue.",
        [
            (
                "modify_pending_order_items",
                {
                    "order_id": "#W1",
                    "item_ids": ["1000000001"],
                    "new_item_ids": ["1000000002"],
                    "payment_method_id": "credit_card_1",
                },
            )
        ],
    ),
    "what is not available is left alone": ("Exchange the t-shirt of order #W2 for a green one.", []),
    "the address of an order": (
        "Change the address of order #W1 to 101 Main St, Apt 4, New York, NY 10001.",
        [("modify_pending_order_address", {"order_id": "#W1", **MOVE})],
    ),
    "the customer's own address": (
        "Change my default address to 101 Main St, Apt 4, New York, NY 10001.",
        [("modify_user_address", {"user_id": "ann_lee_1000", **MOVE})],
    ),
    "moved": (
        "I moved to 101 Main St, Apt 4, New York, NY 10001.",
        [
            ("modify_user_address", {"user_id": "ann_lee_1000", **MOVE}),
            ("modify_pending_order_address", {"order_id": "#W1", **MOVE}),
            ("modify_pending_order_address", {"order_id": "#W3", **MOVE}),
        ],
    ),
    "the address of another order": (
        "Change the address of order #W1 to be the same as order #W3.",
        [("modify_pending_order_address", {"order_id": "#W1", **WORK})],
    ),
    "back to the default address": (
        "Change the address of order #W3 to my default address.",
        [("modify_pending_order_address", {"order_id": "#W3", **HOME})],
    ),
    "pay with something else": (
        "Change the payment method of order #W3 to my gift card.",
        [("modify_pending_order_payment", {"order_id": "#W3", "payment_method_id": "gift_card_2"})],
    ),
    "only asking": ("How many t-shirts are available? And where is order #W2?", []),
    "somebody else's order": ("Cancel order #W9.", []),
}


@pytest.mark.parametrize(("words", "effects"), CASES.values(), ids=CASES)
def test_words_lead_to_these_effects_and_no_others(words, effects):
    assert Shop().talk(ANN + words).effects == effects


def test_what_does_not_depend_on_each_other_is_asked_at_the_same_time():
    talk = Shop().talk(ANN + "Cancel order #W1 and return everything from order #W2. How much do I get back in total?")

    assert [[name for name, _ in step] for step in talk.steps] == [
        ["get_order_details", "get_order_details", "find_user_id_by_name_zip"],
        ["get_user_details"],
        ["cancel_pending_order", "return_delivered_order_items"],
        ["calculate"],
    ]
    assert talk.answer == (
        "Order #W1 is cancelled (no longer needed). The return of T-Shirt and Desk Lamp from order #W2 is requested; "
        "the refund goes to credit_card_1. In total that is $142.50."
    )


def test_two_changes_of_one_order_are_made_one_after_the_other():
    words = (
        "Change the address of order #W1 to 101 Main St, Apt 4, New York, NY 10001 "
        "and change the t-shirt of order #W1 to blue."
    )

    steps = Shop().talk(ANN + words).steps

    assert [name for step in steps[-2:] for name, _ in step] == [
        "modify_pending_order_address",
        "modify_pending_order_items",
    ]


@pytest.mark.parametrize(
    ("question", "total"),
    [
        ("How much do I get back in total?", "In total that is $47.00."),
        ("What is the total I have to pay?", "In total that is $-47.00."),
    ],
    ids=["back", "to pay"],
)
def test_a_total_is_told_from_the_side_it_is_asked_from(question, total):
    dearer = "Return the lamp of order #W2. Change the t-shirt of order #W1 to a large blue one. "

    assert Shop().talk(f"{ANN}{dearer}{question}").answer.endswith(total)


def test_a_refusal_ends_with_what_was_refused_and_why():
    talk = Shop({"cancel_pending_order": "order '#W2' is 'delivered'"}).talk(ANN + "Cancel order #W2.")

    assert talk.answer == "I could not cancel order #W2: it was refused, order '#W2' is 'delivered'."
    assert len(talk.effects) == 1


def test_what_is_unavailable_is_tried_once_more():
    talk = Shop({"cancel_pending_order": "closed"}, kind="unavailable").talk(ANN + "Cancel order #W1.")

    assert talk.answer == "I could not cancel order #W1: it is not possible just now, closed."
    assert len(talk.effects) == 2


@pytest.mark.parametrize("refused", [True, False])
def test_a_human_is_called_only_if_it_comes_to_that(refused):
    shop = Shop({"cancel_pending_order": "too late"} if refused else {})

    talk = shop.talk(ANN + "Cancel order #W1. If that is not possible, transfer me to a human.")

    assert ("transfer_to_human_agents" in [name for name, _ in talk.effects]) is refused


def test_a_customer_who_is_not_known_gets_nothing_done():
    talk = Shop({"find_user_id_by_email": "user not found"}).talk("I am ann.lee@example.com. Cancel order #W1.")

    assert (talk.effects, talk.answer) == ([], "I could not find out who you are: refused, user not found.")


def test_only_offered_tools_are_called():
    orders_only = [name for name in OFFERED if name.startswith("orders_v1")]

    talk = Shop().talk("I am Ann Lee, zip 80210. Cancel order #W1 and change my address.", offered=orders_only)

    assert [[name for name, _ in step] for step in talk.steps] == [["get_order_details"], ["cancel_pending_order"]]


def test_a_tool_that_is_not_offered_is_looked_for_once_where_tools_can_be_found():
    talk = Shop().talk("Calculate 2 + 3.", offered=["search_tools"])

    assert talk.steps == [[("search_tools", {"query": "calculate"})]]
    assert talk.answer == "I could not calculate 2 + 3: it failed, no tool for calculate is offered to me."


def test_a_tool_that_is_found_and_not_open_yet_is_opened():
    talk = Shop(found=["support_v1__calculate"]).talk("Calculate 2 + 3.", offered=["search_tools", "open_tools"])

    assert talk.steps == [
        [("search_tools", {"query": "calculate"})],
        [("open_tools", {"names": ["support_v1__calculate"]})],
        [("calculate", {"expression": "2 + 3"})],
    ]
