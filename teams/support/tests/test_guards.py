"""Support's agents change nothing that is not the customer's, whatever they are told."""

import pytest

from callboard_kit.guards import PASS, Doing, Heard
from callboard_team_support.conversations import AGENT as TALKING
from callboard_team_support.guards import GUARDS, belongs_to_the_customer
from callboard_team_support.workflows import AGENT

ADA = Heard(
    tool="t",
    service="customers.v1",
    operation="find_user_id_by_email",
    arguments={},
    result={"user_id": "ada_smith_1234"},
)


def order(order_id: str, owner: str) -> Heard:
    result = {"order_id": order_id, "user_id": owner}
    return Heard(tool="t", service="orders.v1", operation="get_order_details", arguments={}, result=result)


def cancelling(order_id: str, *heard: Heard) -> Doing:
    return Doing(
        agent="support",
        goal="g",
        step=1,
        tool="t",
        service="orders.v1",
        operation="cancel_pending_order",
        arguments={"order_id": order_id, "reason": "no longer needed"},
        effect="irreversible",
        heard=heard,
    )


def test_an_order_of_somebody_else_is_left_as_it_is():
    verdict = belongs_to_the_customer(cancelling("#W2", ADA, order("#W1", "ada_smith_1234"), order("#W2", "eve_1")))

    assert verdict.action == "refuse"
    assert verdict.reason == "order '#W2' is not the customer's who was identified; leave it as it is"


@pytest.mark.parametrize(
    "heard",
    [
        (ADA, order("#W1", "ada_smith_1234"), order("#W2", "eve_1")),
        (ADA,),
        (order("#W1", "eve_1"),),
        (),
        (ADA, Heard(tool="t", service="orders.v1", operation="get_order_details", arguments={}, result=None)),
    ],
    ids=["theirs", "not looked at", "nobody identified", "nothing known", "not found"],
)
def test_what_may_be_theirs_is_for_the_orders_team_to_judge(heard: tuple[Heard, ...]):
    assert belongs_to_the_customer(cancelling("#W1", *heard)) == PASS


def test_both_agents_have_the_guards():
    assert AGENT.guards == TALKING.guards == GUARDS
