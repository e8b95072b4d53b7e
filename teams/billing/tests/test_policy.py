import pytest

from callboard_kit.approvals.terms import Proposal
from callboard_kit.teams import Team

POLICY = Team.load("callboard_team_billing").policy
STRICT = Team.load("callboard_team_billing", profile="strict").policy


@pytest.mark.parametrize(
    ("operation", "effect", "chain", "allowed"),
    [
        ("list_payment_methods", "read", ["orchestrator", "customers"], True),
        ("list_refunds", "read", ["orchestrator"], True),
        ("list_refunds", "read", ["support"], False),
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
@pytest.mark.parametrize("policy", [POLICY, STRICT], ids=["usual", "strict"])
def test_only_orders_moves_money_and_only_for_those_who_may_change_an_order(policy, operation, effect, chain, allowed):
    verdict = policy.judge(service="billing.v1", operation=operation, effect=effect, chain=chain)

    assert verdict.allowed is allowed


@pytest.mark.parametrize(
    ("operation", "amount", "asks"),
    [("refund", 100.01, True), ("charge", 5000, True), ("refund", 100, False), ("reverse", 5000, False)],
)
def test_on_the_strict_profile_finance_is_asked_before_much_money_moves(operation, amount, asks):
    verdict = STRICT.judge(service="billing.v1", operation=operation, effect="write", chain=["orchestrator", "orders"])
    demand = verdict.approval

    asked = (
        demand is not None
        and demand.when.applies(
            Proposal(
                tool=operation,
                service="billing.v1",
                operation=operation,
                arguments={"amount": amount},
                effect="write",
            ),
            in_doubt=True,
        )[0]
    )
    assert asked is asks
    assert demand is None or demand.approvers == ("role:finance",)
