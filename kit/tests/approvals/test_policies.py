"""What an agent must ask a person about, by each of the policies there are."""

from collections.abc import Mapping

import pytest
from pydantic import ValidationError

from callboard_kit.approvals import (
    AllowListed,
    ApprovalRule,
    AskForAll,
    AskForEffects,
    Automatic,
    ByRules,
    Demand,
    Escalation,
    Proposal,
    Terms,
    When,
)

TERMS = Terms(approvers=("ada",))


def proposal(operation: str = "refund", **more: object) -> Proposal:
    known: dict[str, object] = {
        "tool": f"billing_v1__{operation}",
        "service": "billing.v1",
        "operation": operation,
        "arguments": {"amount": 600, "user_id": "u1"},
        "effect": "irreversible",
        "sensitive": {"user_id": "name"},
        "fields": frozenset({"amount", "user_id", "note"}),
    }
    return Proposal(**{**known, **more})


def test_everything_is_asked_unless_a_policy_says_otherwise():
    judgement = AskForAll(terms=TERMS).judge(proposal(effect="read"))

    assert (judgement.action, judgement.rule, judgement.terms) == ("ask", "ask-for-all", TERMS)


@pytest.mark.parametrize(("effect", "action"), [("read", "allow"), ("write", "ask"), ("irreversible", "ask")])
def test_effects_are_asked_and_reads_are_not(effect: str, action: str):
    assert AskForEffects().judge(proposal(effect=effect)).action == action


@pytest.mark.parametrize(
    ("operation", "action"), [("list_payment_methods", "allow"), ("charge", "allow"), ("refund", "ask")]
)
def test_what_is_on_the_list_is_not_asked(operation: str, action: str):
    policy = AllowListed(allowed=("billing.v1.list_*", "billing.v1.charge"), terms=TERMS)

    assert policy.judge(proposal(operation)).action == action


def test_nothing_is_asked_by_an_automatic_policy():
    assert Automatic().judge(proposal()).action == "allow"


RULES = ByRules(
    rules=(
        ApprovalRule(name="never-charge", when=When(tools=("*.charge",)), action="refuse"),
        ApprovalRule(name="large", when=When(effects=("irreversible",), field="amount", above=500), terms=TERMS),
        ApprovalRule(name="unsure", when=When(field="confidence", below=0.8)),
        ApprovalRule(name="payments", when=When(data_classes=("payment",))),
        ApprovalRule(name="small", when=When(field="amount", below=100), action="allow"),
        ApprovalRule(name="look", when=When(effects=("read",)), action="allow"),
    )
)


@pytest.mark.parametrize(
    ("asked", "action", "rule", "reason"),
    [
        (proposal(), "ask", "large", "the effect is irreversible; amount is 600, above 500"),
        (proposal("charge"), "refuse", "never-charge", ""),
        (proposal(arguments={"amount": 50}), "allow", "small", "amount is 50, below 100"),
        (proposal(arguments={"amount": 300}), "ask", "no-rule", "no rule of the agent's is about it"),
        (
            proposal(arguments={"amount": 50, "confidence": 0.5}, fields=frozenset({"amount", "confidence"})),
            "ask",
            "unsure",
            "confidence is 0.5, below 0.8",
        ),
        (
            proposal(arguments={"amount": 50, "card": {"number": "1"}}, sensitive={"card.number": "payment"}),
            "ask",
            "payments",
            "it holds data of class payment",
        ),
        (
            proposal("list", effect="read", arguments={}, fields=frozenset({"user_id"})),
            "allow",
            "look",
            "the effect is read",
        ),
    ],
)
def test_the_first_rule_that_applies_decides(asked: Proposal, action: str, rule: str, reason: str):
    judgement = RULES.judge(asked)

    assert (judgement.action, judgement.rule, judgement.reason) == (action, rule, reason)


@pytest.mark.parametrize("amount", [None, "600", True, float("nan"), [1]])
def test_a_number_that_cannot_be_judged_never_lets_anything_through(amount: object):
    asked = proposal(arguments={"amount": amount})

    judgement = RULES.judge(asked)

    assert (judgement.action, judgement.rule) == ("ask", "large")
    only_small = ByRules(rules=(ApprovalRule(name="small", when=When(field="amount", below=100), action="allow"),))
    assert only_small.judge(asked).action == "ask"


def test_data_of_which_nobody_says_what_it_is_counts_as_any():
    asked = proposal(sensitive=None, arguments={"amount": 50})

    assert RULES.judge(asked).rule == "payments"


def test_a_reason_does_not_quote_what_is_sensitive():
    rule = ApprovalRule(name="large", when=When(field="amount", above=500))

    judgement = ByRules(rules=(rule,)).judge(proposal(sensitive={"amount": "payment"}))

    assert judgement.reason == "amount is above 500"


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Terms(then="escalate"),
        lambda: Terms(escalation=Escalation(approvers=("ada",))),
        lambda: Terms(approvers=()),
        lambda: Terms.model_validate({"patience": 0}),
        lambda: Terms.model_validate({"patience": 90 * 24 * 3600}),
        lambda: Terms.model_validate({"aprovers": ["ada"]}),
        lambda: When(field="amount"),
        lambda: When(above=5),
        lambda: Demand(field="amount"),
    ],
)
def test_terms_that_make_no_sense_cannot_be_made(wrong):
    with pytest.raises(ValidationError):
        wrong()


def test_a_demand_in_a_team_file_is_read_with_its_terms():
    written: Mapping[str, object] = {"approvers": ["role:finance"], "patience": 600, "field": "amount", "above": 500}

    demand = Demand.model_validate(written)

    assert demand.terms == Terms.model_validate({"approvers": ["role:finance"], "patience": 600})
    assert demand.when == When(field="amount", above=500)
