"""What people and models ask for is among the first things they are told."""

import json

import pytest
from questions import QUESTIONS

from callboard_contracts import describe, service_named
from callboard_registry.wording import wanted_by

HOUSE = ("billing.v1", "customers.v1", "inventory.v1", "orders.v1", "support.v1")
KNOWN_MISSES = {"add up the prices", "customer's profile"}
"""Questions whose words none of the contracts uses."""


@pytest.fixture
async def house(running, client):
    """The registry with the contracts of the house, open to the planner."""
    for name in HOUSE:
        description = describe(service_named(name))
        member = await running.enrol(description.team)
        async with running.client(member) as publisher:
            await publisher.publish_listing(description.model_dump_json().encode())
            rule = {"name": "all", "callers": ["planner"], "services": [name]}
            await publisher.publish_policy(description.team, json.dumps({"rules": [rule]}).encode())
    return client


async def test_nearly_every_question_finds_its_operation_among_the_first_eight(house):
    places: dict[str, int] = {}
    for question, wanted in QUESTIONS.items():
        page = await house.discovery.discover("planner", question)
        found = [f"{each.service} {each.operation}" for each in page.operations]
        places[question] = found.index(wanted) + 1 if wanted in found else 99

    missed = {question for question, place in places.items() if place > 8}
    assert missed <= KNOWN_MISSES
    assert sum(place <= 3 for place in places.values()) > 0.8 * len(places)


@pytest.mark.parametrize(
    ("question", "beginnings"),
    [
        ("I want to cancel my order", ["cancel", "order"]),
        ("cancelling orders", ["cancel", "order"]),
        ("shipping addresses", ["ship", "address"]),
        ("deliveries", ["deliver"]),
        ("what is it?", ["what", "is", "it"]),
        ("orderId", ["order", "id"]),
    ],
)
def test_fillers_and_endings_do_not_count(question, beginnings):
    assert [each.beginning for each in wanted_by(question)] == beginnings
