"""Endpoints are compared with what the listings and the settings want, and only what was asked for is put right."""

import json
from collections.abc import AsyncIterator

import pytest
from publishing_shop import shop_document
from temporalio.api.nexus.v1 import Endpoint, EndpointSpec, EndpointTarget

from callboard_kit.provision import described_as
from callboard_kit.settings import Settings
from callboard_registry.endpoints.drift import compare
from callboard_registry.endpoints.wanted import Wanted, shown_revisions, wanted_endpoints
from callboard_registry_api.health import TeamFacts
from callboard_registry_api.model import Listing, State

WANTED = {
    "shop": Wanted(name="shop", namespace="shop", task_queue="shop", services=("shop.v1",), description="# shop"),
    "idle": Wanted(name="idle", namespace="idle", task_queue="idle", services=(), description="# idle"),
}


def endpoint(
    name: str = "shop", namespace: str = "shop", task_queue: str = "shop", description: str = "# shop"
) -> Endpoint:
    target = EndpointTarget(worker=EndpointTarget.Worker(namespace=namespace, task_queue=task_queue))
    return Endpoint(spec=EndpointSpec(name=name, target=target, description=described_as(description)))


OUTSIDE = Endpoint(
    spec=EndpointSpec(
        name="shop",
        target=EndpointTarget(external=EndpointTarget.External(url="https://elsewhere.example")),
        description=described_as("# shop"),
    )
)


@pytest.mark.parametrize(
    ("known", "drift"),
    [
        ([endpoint()], {"shop": [], "idle": []}),
        ([], {"shop": ["missing"], "idle": []}),
        ([endpoint(namespace="bank")], {"shop": ["target"], "idle": []}),
        ([endpoint(task_queue="other")], {"shop": ["target"], "idle": []}),
        ([OUTSIDE], {"shop": ["target"], "idle": []}),
        ([endpoint(description="mine")], {"shop": ["description"], "idle": []}),
        ([endpoint(namespace="bank", description="")], {"shop": ["target", "description"], "idle": []}),
        ([endpoint(), endpoint("idle", description="mine")], {"shop": [], "idle": ["target"]}),
        ([endpoint(), endpoint("strange")], {"shop": [], "idle": [], "strange": ["unlisted"]}),
        ([endpoint(), endpoint("shop-canary", task_queue="new")], {"shop": [], "idle": [], "shop-canary": []}),
    ],
)
def test_each_difference_is_named(known: list[Endpoint], drift: dict[str, list[str]]) -> None:
    compared = compare(WANTED, {each.spec.name: each for each in known})

    assert {name: [each.kind for each in one.seen.drift] for name, one in compared.items()} == drift


def listing(service: str, number: int, state: State) -> Listing:
    document = json.loads(shop_document(service=service))
    return Listing(
        service=service,
        digest=document["digest"],
        number=number,
        team=service.partition(".")[0],
        state=state,
        created=None,  # pyright: ignore[reportArgumentType] - it is not looked at
        document=json.dumps(document).encode(),
    )


async def test_the_revision_that_callers_rely_on_stands_for_its_service() -> None:
    held = [
        listing("shop.v1", 1, "approved"),
        listing("shop.v1", 2, "draft"),
        listing("shop.v2", 1, "pending"),
        listing("bank.v1", 1, "deprecated"),
        listing("bank.v1", 2, "draft"),
        listing("gone.v1", 1, "retired"),
    ]

    async def listings_in(states: tuple[State, ...]) -> AsyncIterator[Listing]:
        for each in held:
            if each.state in states:
                yield each

    shown = await shown_revisions(listings_in)

    assert [(each.service, each.state) for each in shown] == [
        ("bank.v1", "deprecated"),
        ("shop.v1", "approved"),
        ("shop.v2", "pending"),
    ]


def test_every_team_that_offers_something_or_is_known_has_an_endpoint_by_the_rule_for_names() -> None:
    settings = Settings(name_pattern="prod-{team}", namespace_pattern="prod-{team}.a1b2c")

    wanted = wanted_endpoints(
        [listing("shop.v1", 1, "approved"), listing("shop.v2", 1, "draft")],
        {"shop": TeamFacts(team="shop", owner="Shop team"), "desk": TeamFacts(team="desk")},
        settings,
    )

    assert [(each.name, each.namespace, each.task_queue, each.services) for each in wanted.values()] == [
        ("prod-desk", "prod-desk.a1b2c", "prod-desk", ()),
        ("prod-shop", "prod-shop.a1b2c", "prod-shop", ("shop.v1", "shop.v2")),
    ]
    assert "Owner: Shop team" in wanted["prod-shop"].description
    assert "## `shop.v2`" in wanted["prod-shop"].description
