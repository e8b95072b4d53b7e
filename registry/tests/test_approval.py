"""What provably breaks nobody needs no person, for teams that are trusted with it; everything else does."""

import json

import pytest

from callboard_contracts import ServiceDescription
from callboard_kit.identity import SigningKey
from callboard_kit.publishing import registry_signature
from callboard_registry.server import serving
from callboard_registry.settings import Address, Settings
from callboard_registry_api.client import RegistryClient

ANYWHERE = Address("127.0.0.1", 0)


@pytest.fixture(params=[("shop",), ("*",)], ids=["shop", "every team"])
async def trusted(request, any_database):
    """A client of the shop, at a registry that approves the shop's compatible revisions."""
    key = SigningKey.generate("shop")
    settings = Settings(
        database=any_database.migrated(),
        grpc=ANYWHERE,
        http=ANYWHERE,
        administrator_token="for-tests",
        approved_when_compatible=request.param,
    )
    async with (
        serving(settings) as addresses,
        RegistryClient(str(addresses.grpc), sign=registry_signature(key), administrator_token="for-tests") as client,
    ):
        await client.register_key("shop", key.key_id, key.public_key.public_bytes)
        yield client


async def test_a_compatible_revision_is_approved_by_the_registry_once_a_person_approved_one(trusted, document):
    first = await trusted.publish_listing(document(longest=60))
    await trusted.set_state("shop.v1", first.digest, "approved")

    second = await trusted.publish_listing(document(longest=120))

    assert (first.state, second.state, second.reason) == ("draft", "approved", "compatible with revision 1.0.0")
    async for change in trusted.watch():
        if change.detail == second.digest and change.kind == "listing_moved":
            assert change.author == "registry"
            break


async def test_what_somebody_may_miss_waits_for_a_person(trusted, document):
    def aiming_at(seconds: float) -> bytes:
        described = json.loads(document(longest=60))
        described["operations"][0]["promise"]["latency_seconds"] = seconds
        described["digest"] = ServiceDescription.model_validate(described).observable_digest()
        return json.dumps(described).encode()

    first = await trusted.publish_listing(aiming_at(1))
    await trusted.set_state("shop.v1", first.digest, "approved")
    slower = await trusted.publish_listing(aiming_at(2))

    assert slower.verdict is not None
    assert (slower.state, slower.verdict.answer) == ("draft", "compatible")


async def test_what_a_person_sent_back_is_not_approved_behind_their_back(trusted, document):
    first = await trusted.publish_listing(document(longest=60))
    second = await trusted.publish_listing(document(longest=120))
    for state in ("pending", "draft"):
        await trusted.set_state("shop.v1", second.digest, state)
    await trusted.set_state("shop.v1", first.digest, "approved")

    assert (await trusted.publish_listing(document(longest=120))).state == "draft"


async def test_a_team_that_is_not_named_waits_for_a_person(client, document):
    first = await client.publish_listing(document(longest=60))
    await client.set_state("shop.v1", first.digest, "approved")

    assert (await client.publish_listing(document(longest=120))).state == "draft"
