"""A call that is a dry run stays one, however far down it is passed on."""

from dataclasses import replace

import pytest
from chains import KEYS, along, check, root, sign

from callboard_kit import mesh
from callboard_kit.identity import InvalidTokenError
from callboard_kit.tokens import Call


def test_a_dry_run_is_one_for_everybody_below() -> None:
    orders = check(sign(replace(root(), dry=True), "orders"), "orders")
    billing = check(sign(orders, "billing"), "billing")

    assert (orders.dry, billing.dry) == (True, True)


def test_a_real_call_is_none() -> None:
    _, call = along("orchestrator", "orders", "billing")

    assert call.dry is False


def test_a_team_in_the_middle_cannot_make_a_dry_run_real() -> None:
    orders = check(sign(replace(root(), dry=True), "orders"), "orders")

    with pytest.raises(InvalidTokenError, match="no dry"):
        check(sign(replace(orders, dry=False), "billing"), "billing")


def test_a_team_in_the_middle_may_go_on_dry_from_a_real_call() -> None:
    orders = check(sign(root(), "orders"), "orders")

    assert check(sign(replace(orders, dry=True), "billing"), "billing").dry is True


def test_it_stays_one_in_a_workflow_inside_and_on_the_teams_own_behalf() -> None:
    orders = replace(check(sign(replace(root(), dry=True), "orders"), "orders"), copies="run-1", harmless=True)
    kept = Call.from_json(orders.inside().to_json())
    with mesh.working_on(kept), mesh.on_own_behalf():
        own = mesh.current()

    assert (kept.dry, kept.copies, kept.harmless) == (True, "run-1", True)
    assert (own.dry, own.copies, own.harmless) == (True, "run-1", True)
    assert check(sign(own, "billing", key=KEYS["orders"]), "billing").dry is True
