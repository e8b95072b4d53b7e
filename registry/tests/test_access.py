"""Attempts to write what is not one's own. None may leave a trace."""

import base64
import json
import time

import pytest

from callboard_kit.identity import SigningKey, digest
from callboard_registry_api.errors import RegistryNotFoundError, RegistryRefusedError


@pytest.fixture
def publish(running, client, document):
    """Publish the shop's document with a token, and expect a refusal that leaves nothing behind."""

    async def attempt(token) -> RegistryRefusedError:
        sign = (lambda method, digest: token) if isinstance(token, str) else token
        async with running.client(sign=sign) as intruder:
            with pytest.raises(RegistryRefusedError) as refused:
                await intruder.publish_listing(document())
        with pytest.raises(RegistryNotFoundError):
            await client.get_listing("shop.v1")
        return refused.value

    return attempt


def tampered(token: str) -> str:
    header, payload, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    claims["exp"] += 1
    forged = base64.urlsafe_b64encode(json.dumps(claims, separators=(",", ":")).encode()).rstrip(b"=").decode()
    return f"{header}.{forged}.{signature}"


def unsigned(token: str) -> str:
    header = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    return f"{header}.{token.split('.')[1]}."


async def test_no_token_is_refused(publish):
    refusal = await publish("")

    assert (refusal.field, "needs a token" in refusal.message) == ("authorization", True)


@pytest.mark.parametrize("token", ["x", "a.b.c", "e30.e30.e30", "Bearer x"])
async def test_a_malformed_token_is_refused(publish, token):
    assert (await publish(token)).field == "authorization"


async def test_a_stranger_is_refused(publish, stranger):
    assert "no key" in (await publish(stranger.sign)).message


async def test_another_team_is_refused(publish, bank):
    refusal = await publish(bank.sign)

    assert (refusal.field, refusal.message) == ("document.service", "'shop.v1' belongs to 'shop'; 'bank' signed this")


async def test_another_team_cannot_sign_as_the_owner(publish, bank):
    def sign(method: str, dig: str) -> str:
        claims = {"iss": "shop", "aud": "callboard-registry", "mth": method, "dig": dig, "iat": 0, "exp": 2**33}
        forger = SigningKey.generate("shop")
        return forger.sign(claims)

    assert "no key" in (await publish(sign)).message


async def test_an_expired_token_is_refused(publish, shop):
    now = int(time.time())

    refusal = await publish(lambda method, dig: shop.token(mth=method, dig=dig, iat=now - 120, exp=now - 60))

    assert refusal.message == "token has expired; sign a new one"


async def test_a_token_that_lives_too_long_is_refused(publish, shop):
    now = int(time.time())

    assert "lives longer" in (await publish(lambda m, d: shop.token(mth=m, dig=d, iat=now, exp=now + 301))).message


async def test_a_token_from_the_future_is_refused(publish, shop):
    now = int(time.time())

    assert "future" in (await publish(lambda m, d: shop.token(mth=m, dig=d, iat=now + 200, exp=now + 400))).message


@pytest.mark.parametrize("claim", ["iat", "exp"])
@pytest.mark.parametrize("value", [None, "soon", 1.5, True])
async def test_a_token_whose_times_are_not_whole_seconds_is_refused(publish, shop, claim, value):
    assert "whole seconds" in (await publish(lambda m, d: shop.token(**{"mth": m, "dig": d, claim: value}))).message


async def test_a_token_for_another_audience_is_refused(publish, shop):
    assert "not meant for" in (await publish(lambda m, d: shop.token(mth=m, dig=d, aud="orders"))).message


async def test_a_token_for_another_method_is_refused(publish, shop):
    assert "another method" in (await publish(lambda m, d: shop.token(mth="PublishPolicy", dig=d))).message


async def test_a_token_for_another_document_is_refused(publish, shop, document):
    stolen = shop.sign("PublishListing", digest(document(longest=30)))

    assert "other content" in (await publish(stolen)).message


async def test_a_tampered_token_is_refused(publish, shop, document):
    assert "not signed by" in (await publish(tampered(shop.sign("PublishListing", digest(document()))))).message


async def test_an_unsigned_token_is_refused(publish, shop, document):
    assert (await publish(unsigned(shop.sign("PublishListing", digest(document()))))).field == "authorization"


async def test_a_team_cannot_publish_the_policy_of_another(running, bank):
    async with running.client(bank) as client:
        with pytest.raises(RegistryRefusedError) as refused:
            await client.publish_policy("shop", b'{"rules":[]}')
        with pytest.raises(RegistryNotFoundError):
            await client.get_policy("shop")

    assert refused.value.field == "team"


@pytest.mark.parametrize("token", ["", "guess", "administrator-for-test", "administrator-for-tests2"])
async def test_only_the_administrator_enrols_keys(running, token):
    key = SigningKey.generate("shop")
    async with running.client(administrator_token=token) as client:
        with pytest.raises(RegistryRefusedError) as refused:
            await client.register_key("shop", key.key_id, key.public_key.public_bytes)

        assert refused.value.field == "authorization"
        assert await client.list_public_keys() == ()


async def test_a_teams_own_token_does_not_approve(running, client, shop, document):
    listing = await client.publish_listing(document())
    async with running.client(administrator_token=shop.token(mth="SetState", dig=digest(b""))) as other:
        with pytest.raises(RegistryRefusedError):
            await other.set_state("shop.v1", listing.digest, "approved")

    assert (await client.get_listing("shop.v1")).state == "draft"


async def test_the_same_key_twice_is_one_key_and_a_team_may_have_several(running, shop):
    async with running.client() as client:
        again = await client.register_key("shop", shop.key.key_id, shop.key.public_key.public_bytes)
        second = await running.enrol("shop")

        keys = await client.list_public_keys(team="shop")

    assert again in keys
    assert {key.key_id for key in keys} == {shop.key.key_id, second.key.key_id}


async def test_a_key_of_one_team_is_not_enrolled_for_another(running, shop):
    async with running.client() as client:
        with pytest.raises(RegistryRefusedError) as refused:
            await client.register_key("bank", shop.key.key_id, shop.key.public_key.public_bytes)

    assert refused.value.field == "public_bytes"


@pytest.mark.parametrize(
    ("team", "key_id", "public_bytes", "field"),
    [
        ("Shop", "", b"x" * 32, "team"),
        ("", "", b"x" * 32, "team"),
        ("shop/../bank", "", b"x" * 32, "team"),
        ("shop", "", b"x" * 31, "public_bytes"),
        ("shop", "0123456789abcdef", b"x" * 32, "key_id"),
    ],
)
async def test_a_key_that_cannot_be_one_is_refused(running, team, key_id, public_bytes, field):
    async with running.client() as client:
        with pytest.raises(RegistryRefusedError) as refused:
            await client.register_key(team, key_id, public_bytes)

    assert refused.value.field == field
