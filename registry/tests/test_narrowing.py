"""A policy that takes something from callers breaks no contract, but says so to whoever publishes it."""

import json

import pytest

from callboard_kit.policy import Policy, Rule
from callboard_registry.gate.narrowing import narrowed

OPERATIONS = {"shop.v1": {"look": "read", "sell": "write"}}


def policy(**rule: object) -> Policy:
    return Policy(rules=(Rule.model_validate({"name": "some", "services": ["shop.v1"], **rule}),))


OLD = policy(callers=["bank", "support"])

ROWS = {
    "the same": (OLD, OLD, []),
    "one more caller": (OLD, policy(callers=["bank", "support", "desk"]), []),
    "everyone may": (OLD, policy(callers=["*"]), []),
    "a caller less": (OLD, policy(callers=["bank"]), ["'support' may no longer call shop.v1 look, sell"]),
    "an operation less": (
        OLD,
        policy(callers=["bank", "support"], operations=["look"]),
        ["'bank' may no longer call shop.v1 sell", "'support' may no longer call shop.v1 sell"],
    ),
    "not everyone any more": (
        policy(callers=["*"]),
        policy(callers=["bank"]),
        ["'(any other team)' may no longer call shop.v1 look, sell"],
    ),
    "nobody any more": (
        policy(callers=["bank"]),
        Policy(),
        ["'bank' may no longer call shop.v1 look, sell"],
    ),
    "less to see": (
        policy(callers=["bank"]),
        policy(callers=["bank"], hide=["price"]),
        ["'bank' no longer sees price in what is answered by shop.v1 look, sell"],
    ),
    "a person has to agree": (
        policy(callers=["bank"]),
        policy(callers=["bank"], operations=["sell"], approval={}),
        ["'bank' may no longer call shop.v1 look", "'bank' may, only once a person has agreed, call shop.v1 sell"],
    ),
    "not on behalf of others any more": (
        policy(callers=["bank"], on_behalf_of=["bank", "desk"]),
        policy(callers=["bank"]),
        ["'bank' may no longer, on behalf of 'desk', call shop.v1 sell"],
    ),
}


@pytest.mark.parametrize(("old", "new", "said"), ROWS.values(), ids=ROWS)
def test_what_callers_may_do_no_more_is_told(old: Policy, new: Policy, said: list[str]) -> None:
    assert [each.sentence for each in narrowed(old, new, OPERATIONS)] == said


def test_an_operation_that_nothing_is_known_of_is_taken_to_have_an_effect() -> None:
    old = policy(callers=["bank"], on_behalf_of=["bank", "desk"], operations=["melt"])

    [told] = narrowed(old, policy(callers=["bank"]), {})

    assert (told.operation, told.rule) == ("melt", "on_behalf_of")


async def test_whoever_publishes_a_narrower_policy_is_warned_and_so_is_who_watches(client, document):
    await client.publish_listing(document())
    wide, narrow = (
        json.dumps({"rules": [{"name": "some", "services": ["shop.v1"], "callers": callers}]}).encode()
        for callers in (["bank", "support"], ["bank"])
    )
    first = await client.publish_policy("shop", wide)

    would_be = await client.publish_policy("shop", narrow, validate_only=True)
    second = await client.publish_policy("shop", narrow)
    again = await client.publish_policy("shop", narrow)

    sentence = "'support' may no longer call shop.v1 sell"
    told = [[each.sentence for each in published.warnings] for published in (first, would_be, second, again)]
    assert told == [[], [sentence], [sentence], []]
    reasons = []
    async for change in client.watch():
        if change.kind == "policy_published":
            reasons.append(change.reason)
            if change.detail == "2":
                break
    assert reasons == ["", sentence]
