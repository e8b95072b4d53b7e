import pytest

from callboard_kit.teams import Team

POLICY = Team.load("callboard_team_billing").policy


@pytest.mark.parametrize(
    ("operation", "effect", "chain", "allowed"),
    [
        ("list_payment_methods", "read", ["orchestrator", "customers"], True),
        ("refund", "write", ["orchestrator", "orders"], True),
        ("refund", "write", ["orchestrator", "support", "orders"], True),
        ("refund", "write", ["orchestrator", "orders", "orders"], True),
        ("reverse", "write", ["orders"], True),
        ("refund", "write", ["orchestrator"], False),
        ("refund", "write", ["customers", "orders"], False),
        ("charge", "write", ["orchestrator", "customers", "orders"], False),
        ("charge", "write", ["billing"], False),
    ],
)
def test_only_orders_moves_money_and_only_for_those_who_may_change_an_order(operation, effect, chain, allowed):
    verdict = POLICY.judge(service="billing.v1", operation=operation, effect=effect, chain=chain)

    assert verdict.allowed is allowed
