"""A customer who moved, on a real Temporal server with two small teams and no model."""

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError
from two_teams import ADA, NEW_ADDRESS

from callboard_contracts import RefusedError
from callboard_contracts.customers import v1 as customers
from callboard_orchestrator.client import relocate
from callboard_orchestrator.messages import Place, Relocated, Relocation, Unchanged

BY_EMAIL = customers.EmailAddress(email="ada.smith@example.com")
BY_NAME = customers.NameAndZip(first_name="Ada", last_name="Smith", zip="80200")
CUSTOMER = Place(kind="customer", id=ADA.user_id)
MODIFIED = Unchanged(kind="order", id="#W3", outcome="refused", error="this needs an order that is 'pending'")


@pytest.mark.parametrize("who", [BY_EMAIL, BY_NAME], ids=["by e-mail", "by name and zip"])
async def test_the_customer_and_every_pending_order_get_the_new_address(stage, who):
    relocated = await relocate(stage.client, Relocation(customer=who, address=NEW_ADDRESS))

    assert relocated == Relocated(
        user_id=ADA.user_id,
        changed=(CUSTOMER, Place(kind="order", id="#W2"), Place(kind="order", id="#W4")),
        unchanged=(MODIFIED,),
    )
    assert [change.address1 for change in stage.customers.moved] == ["2 New Lane"]
    assert stage.orders.redirected == {"#W2": "2 New Lane", "#W4": "2 New Lane"}


async def test_the_orders_are_looked_up_at_the_same_time(stage):
    stage.orders.present.awaited = 4

    await relocate(stage.client, Relocation(customer=BY_EMAIL, address=NEW_ADDRESS))

    assert sorted(stage.orders.present.seen) == ["#W1", "#W2", "#W3", "#W4"]


async def test_what_cannot_be_changed_is_told_and_keeps_nothing_else_from_being_changed(stage):
    stage.customers.fails_with = RefusedError("the address is locked")

    relocated = await relocate(stage.client, Relocation(customer=BY_EMAIL, address=NEW_ADDRESS))

    assert relocated.changed == (Place(kind="order", id="#W2"), Place(kind="order", id="#W4"))
    assert relocated.unchanged == (
        Unchanged(kind="customer", id=ADA.user_id, outcome="refused", error="the address is locked"),
        MODIFIED,
    )


async def test_a_customer_nobody_knows_is_refused_and_nothing_is_changed(stage):
    nobody = customers.EmailAddress(email="nobody@example.com")

    with pytest.raises(WorkflowFailureError) as caught:
        await relocate(stage.client, Relocation(customer=nobody, address=NEW_ADDRESS))

    assert isinstance(caught.value.cause, ApplicationError)
    assert (caught.value.cause.type, caught.value.cause.message) == ("RefusedError", "nobody has this e-mail address")
    assert (stage.customers.moved, stage.orders.redirected) == ([], {})
