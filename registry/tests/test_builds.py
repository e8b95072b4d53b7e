import json
import time

import pytest

from callboard_registry_api.builds import AgentFingerprint
from callboard_registry_api.errors import RegistryNotFoundError, RegistryRefusedError

PLAIN = AgentFingerprint("desk", f"sha256:{'a' * 64}", {"instructions": "0123456789abcdef"})
CHANGED = AgentFingerprint("desk", f"sha256:{'b' * 64}", {"instructions": "fedcba9876543210"})
OTHER = AgentFingerprint("clerk", f"sha256:{'c' * 64}", {})


async def builds(client, team="shop", *, summary=False):
    return {build.build: build.agents async for build in client.builds.list(team, summary=summary)}


async def test_what_a_team_says_of_its_builds_is_kept_and_listed_with_the_digest_of_every_part(client):
    assert await client.builds.publish("shop", "one", [OTHER, PLAIN])
    assert await client.builds.publish("shop", "two", [CHANGED])

    assert await builds(client) == {"one": (OTHER, PLAIN), "two": (CHANGED,)}
    assert await builds(client, summary=True) == {
        "one": (OTHER, AgentFingerprint("desk", PLAIN.digest, {})),
        "two": (AgentFingerprint("desk", CHANGED.digest, {}),),
    }
    assert await builds(client, "bank") == {}


async def test_a_build_that_is_published_again_is_the_same_and_what_it_is_elsewhere_counts_as_well(client):
    await client.builds.publish("shop", "one", [PLAIN])

    assert not await client.builds.publish("shop", "one", [PLAIN])
    assert await client.builds.publish("shop", "one", [CHANGED])
    assert await builds(client) == {"one": (PLAIN, CHANGED)}


async def test_a_build_that_is_withdrawn_is_vouched_for_no_more_until_it_is_published_again(running, shop, client):
    now = int(time.time())

    def sign_at(moment: int):
        return lambda method, digest: shop.token(mth=method, dig=digest, iat=moment)

    async with running.client(sign=sign_at(now - 20)) as then:
        await then.builds.publish("shop", "one", [PLAIN])
    async with running.client(sign=sign_at(now - 10)) as later:
        await later.builds.withdraw("shop", "one")

    assert await builds(client) == {}
    async with running.client(sign=sign_at(now - 20)) as thief:
        with pytest.raises(RegistryRefusedError, match="was withdrawn after this was signed"):
            await thief.builds.publish("shop", "one", [PLAIN])
    with pytest.raises(RegistryNotFoundError, match="vouches for no build 'one'"):
        await client.builds.withdraw("shop", "one")
    assert await client.builds.publish("shop", "one", [PLAIN])
    assert await builds(client) == {"one": (PLAIN,)}


async def test_only_the_team_itself_vouches_for_its_builds(running, bank):
    async with running.client(sign=bank.sign) as other:
        with pytest.raises(RegistryRefusedError, match="this is about 'shop', but 'bank' signed it"):
            await other.builds.publish("shop", "one", [PLAIN])
        with pytest.raises(RegistryRefusedError, match="this is about 'shop', but 'bank' signed it"):
            await other.builds.withdraw("shop", "one")
    async with running.client() as nobody:
        with pytest.raises(RegistryRefusedError):
            await nobody.builds.publish("shop", "one", [PLAIN])


@pytest.mark.parametrize(
    ("build", "agents", "why"),
    [
        ("", [PLAIN], "'' is no build"),
        ("-", [PLAIN], "'-' is no build"),
        ("one", [AgentFingerprint("desk", "sha256:no", {})], "document.agents.0.digest cannot be used"),
        ("one", [AgentFingerprint("desk", PLAIN.digest, {"a": "no digest"})], "document.agents.0.fields.a cannot"),
    ],
)
async def test_what_is_no_build_is_refused(client, build, agents, why):
    with pytest.raises(RegistryRefusedError, match=why):
        await client.builds.publish("shop", build, agents)


async def test_many_builds_are_listed_page_by_page(client):
    names = sorted(f"build-{number}" for number in range(45))
    for name in names:
        await client.builds.publish("shop", name, [PLAIN])

    assert list(await builds(client, summary=True)) == names
    assert json.dumps(names)
