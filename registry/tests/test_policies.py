import json
import time

import pytest

from callboard_registry_api.errors import RegistryNotFoundError, RegistryRefusedError


def policy(*callers: str) -> bytes:
    rule = {"name": "some-may", "callers": list(callers), "services": ["shop.v1"], "operations": ["*"]}
    return json.dumps({"rules": [rule]}).encode()


async def test_the_policy_published_last_is_in_force_and_earlier_ones_are_kept(client):
    first = await client.publish_policy("shop", policy("bank"))
    second = await client.publish_policy("shop", policy("bank", "support"))

    assert (first.version, second.version) == (1, 2)
    assert await client.get_policy("shop") == second
    assert await client.get_policy("shop", version=1) == first
    assert json.loads(second.document) == json.loads(policy("bank", "support"))


async def test_the_policy_in_force_sent_again_is_the_same_version(client):
    first = await client.publish_policy("shop", policy("bank"))

    assert await client.publish_policy("shop", policy("bank")) == first


async def test_a_policy_that_was_replaced_can_be_signed_again(client):
    for callers in (("bank",), ("support",), ("bank",)):
        last = await client.publish_policy("shop", policy(*callers))

    assert last.version == 3


async def test_a_captured_token_does_not_bring_a_replaced_policy_back(running, shop, client):
    now = int(time.time())
    captured = {}

    def sign_a_while_ago(method: str, digest: str) -> str:
        captured[digest] = shop.token(mth=method, dig=digest, iat=now - 10)
        return captured[digest]

    async with running.client(sign=sign_a_while_ago) as before:
        await before.publish_policy("shop", policy("bank"))
    second = await client.publish_policy("shop", policy("support"))

    async with running.client(sign=lambda method, digest: captured[digest]) as thief:
        with pytest.raises(RegistryRefusedError) as refused:
            await thief.publish_policy("shop", policy("bank"))

    assert "older than the policy in force" in refused.value.message
    assert await client.get_policy("shop") == second


async def test_a_team_without_policy_is_not_found(client):
    with pytest.raises(RegistryNotFoundError) as refused:
        await client.get_policy("bank")

    assert refused.value.message == "'bank' has published no policy; a worker does when it starts"


async def test_policies_in_force_are_listed_in_pages(running, client, bank):
    await client.publish_policy("shop", policy("bank"))
    newest = await client.publish_policy("shop", policy("support"))
    async with running.client(bank) as other:
        of_bank = await other.publish_policy("bank", b'{"rules":[]}')

    first = await client.list_policies(page_size=1)
    second = await client.list_policies(page_size=1, page_token=first.next_page_token)

    assert (first.items, second.items, second.next_page_token) == ((of_bank,), (newest,), "")


async def test_a_policy_that_is_only_validated_is_not_in_force(client):
    would_be = await client.publish_policy("shop", b'{"rules":[]}', validate_only=True)

    with pytest.raises(RegistryNotFoundError):
        await client.get_policy("shop")
    assert (would_be.version, would_be.document) == (1, (await client.publish_policy("shop", b'{"rules":[]}')).document)


async def test_a_policy_that_cannot_be_read_is_not_valid(client):
    with pytest.raises(RegistryRefusedError) as refused:
        await client.publish_policy("shop", b'{"rules":[{}]}', validate_only=True)

    assert refused.value.field.startswith("document")
