import pytest

from callboard_kit.assistance import tools_of_room
from callboard_kit.teams import Team

POLICY = Team.load("callboard_team_orders").policy


@pytest.mark.parametrize(
    ("operation", "effect", "chain", "allowed"),
    [
        ("cancel_pending_order", "irreversible", ["orchestrator"], True),
        ("cancel_pending_order", "irreversible", ["orchestrator", "support"], True),
        ("cancel_pending_order", "irreversible", ["orchestrator", "orders"], True),
        ("cancel_pending_order", "irreversible", ["orchestrator", "support", "orders"], True),
        ("assist", "irreversible", ["customers"], True),
        ("get_order_details", "read", ["customers", "orders"], True),
        ("cancel_pending_order", "irreversible", ["customers", "orders"], False),
        ("cancel_pending_order", "irreversible", ["customers"], False),
        ("cancel_pending_order", "irreversible", ["inventory"], False),
    ],
)
def test_asking_the_agent_gives_no_right_to_an_effect_that_the_asker_does_not_have(operation, effect, chain, allowed):
    verdict = POLICY.judge(service="orders.v1", operation=operation, effect=effect, chain=chain)

    assert verdict.allowed is allowed


def test_the_agent_is_given_what_the_team_may_call_but_not_itself_nor_what_moves_money():
    names = {tool.spec.name for tool in tools_of_room("callboard_team_orders", "orders.v1")}

    assert {"orders_v1__cancel_pending_order", "inventory_v1__get_item_details"} <= names
    assert names & {"orders_v1__assist", "billing_v1__charge", "billing_v1__refund", "billing_v1__reverse"} == set()
