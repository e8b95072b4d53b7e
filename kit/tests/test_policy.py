"""Nothing is allowed unless a rule says so."""

import pytest
from pydantic import ValidationError

from callboard_kit.policy import Policy, Rule, Verdict


def rule(**fields: object) -> Rule:
    return Rule.model_validate({"name": "r", "callers": ["orchestrator"], "services": ["orders.v1"], **fields})


def judge(*rules: Rule, chain: tuple[str, ...] = ("orchestrator",), **asked: str) -> Verdict:
    whole = {"service": "orders.v1", "operation": "cancel", "effect": "write", **asked}
    return Policy(rules=rules).judge(**whole, chain=chain)


def test_an_empty_policy_refuses_everyone_and_says_so() -> None:
    assert judge() == Verdict(
        allowed=False,
        rule="",
        reason="no rule of the provider's policy lets 'orchestrator' call orders.v1 cancel",
    )


def test_a_team_may_not_even_call_itself() -> None:
    assert not judge(rule(), chain=("orders",)).allowed


def test_a_rule_allows_the_callers_services_and_operations_it_names() -> None:
    named = rule(operations=["cancel", "show"])

    assert judge(named) == Verdict(allowed=True, rule="r")
    assert not judge(named, operation="exchange").allowed
    assert not judge(named, service="orders.v2").allowed
    assert not judge(named, chain=("support",)).allowed


def test_a_star_means_every_caller_and_every_operation_but_not_every_service() -> None:
    wild = rule(callers=["*"], operations=["*"])

    assert judge(wild, chain=("anyone",), operation="whatever").allowed
    assert not judge(wild, chain=("anyone",), service="orders.v2").allowed
    assert not judge(rule(services=["*"])).allowed


def test_without_operations_a_rule_is_about_all_of_them() -> None:
    assert judge(rule(), operation="whatever").allowed


def test_reading_is_allowed_on_behalf_of_anyone_by_default() -> None:
    assert judge(rule(), chain=("stranger", "orchestrator"), effect="read").allowed


@pytest.mark.parametrize("effect", ["write", "irreversible"])
def test_an_effect_is_allowed_only_on_behalf_of_those_who_may_call_themselves(effect: str) -> None:
    named = rule(callers=["orchestrator", "support"])

    assert judge(named, chain=("orchestrator", "support"), effect=effect).allowed
    assert judge(named, chain=("customers", "support"), effect=effect) == Verdict(
        allowed=False,
        rule="r",
        reason="rule 'r' does not let 'support' call orders.v1 cancel on behalf of 'customers'",
    )
    assert not judge(named, chain=("orchestrator", "customers", "support"), effect=effect).allowed


def test_who_may_stand_before_the_caller_can_be_said() -> None:
    narrow = rule(on_behalf_of=["support"])

    assert judge(narrow, chain=("support", "orchestrator")).allowed
    assert not judge(narrow, chain=("orchestrator", "orchestrator"), effect="read").allowed
    assert judge(rule(on_behalf_of=["*"]), chain=("anyone", "orchestrator")).allowed
    assert not judge(rule(on_behalf_of=[]), chain=("anyone", "orchestrator"), effect="read").allowed


def test_the_first_rule_that_allows_decides_what_is_hidden() -> None:
    strict, open_ = rule(name="strict", hide=["price"]), rule(name="open")

    assert judge(strict, open_) == Verdict(allowed=True, rule="strict", hide=("price",))
    assert judge(open_, strict) == Verdict(allowed=True, rule="open")


def test_a_rule_that_does_not_allow_passes_on_to_the_next() -> None:
    narrow, wide = rule(name="narrow", on_behalf_of=[]), rule(name="wide", on_behalf_of=["support"])

    assert judge(narrow, wide, chain=("support", "orchestrator")).rule == "wide"
    refused = judge(narrow, wide, chain=("billing", "orchestrator"))
    assert (refused.allowed, refused.rule) == (False, "narrow")


@pytest.mark.parametrize(
    "fields",
    [{"name": ""}, {"callers": []}, {"services": []}, {"caller": ["orders"]}, {"hide": "price"}],
    ids=repr,
)
def test_a_rule_that_says_too_little_or_too_much_is_no_rule(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        rule(**fields)


def test_a_policy_travels_as_json() -> None:
    policy = Policy(rules=(rule(hide=["a.b"], on_behalf_of=["support"]),))

    assert Policy.model_validate_json(policy.model_dump_json()) == policy
