"""How keys come in, take each other's place, and go; and attempts to have it otherwise."""

import contextlib
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from callboard_kit.identity import SigningKey, digest
from callboard_registry_api.client import RegistryClient
from callboard_registry_api.errors import RegistryRefusedError


def public(key: SigningKey) -> tuple[str, str, bytes]:
    return key.team, key.key_id, key.public_key.public_bytes


@pytest.fixture
def member_of(running, shop):
    """Make a member, which signs with the key that it is given."""
    return lambda key: type(shop)(key)


@pytest.fixture
def signing(running, member_of):
    """A client that has nothing but a key."""

    @contextlib.asynccontextmanager
    async def signing(key: SigningKey):
        async with RegistryClient(str(running.grpc), sign=member_of(key).sign) as client:
            yield client

    return signing


async def refused(asking) -> RegistryRefusedError:
    with pytest.raises(RegistryRefusedError) as refusal:
        await asking
    return refusal.value


async def publishes(client, document) -> bool:
    try:
        await client.publish_listing(document())
    except RegistryRefusedError as error:
        assert error.field == "authorization"
        return False
    return True


async def test_a_one_time_code_enrols_one_key_and_no_second(client, signing, document):
    invitation = await client.invite_team("shop")
    first, second = SigningKey.generate("shop"), SigningKey.generate("shop")

    async with signing(first) as new:
        assert not await publishes(new, document)
        enrolled = await new.enrol_key(*public(first), code=invitation.code)
        assert await publishes(new, document)
    async with signing(second) as late:
        refusal = await refused(late.enrol_key(*public(second), code=invitation.code))

    assert (enrolled.key_id, refusal.field) == (first.key_id, "code")
    assert "used or too old" in refusal.message
    assert second.key_id not in {each.key_id for each in await client.list_public_keys()}
    assert timedelta(minutes=59) < invitation.expires - datetime.now(UTC) <= timedelta(hours=1)


async def test_a_code_is_good_for_its_team_and_its_time_only(served, client, signing):
    _, engine = served
    for_another, too_old = await client.invite_team("bank"), await client.invite_team("shop")
    with engine.begin() as connection:
        connection.execute(text("UPDATE invitations SET expires = 0 WHERE team = 'shop'"))
    key = SigningKey.generate("shop")

    async with signing(key) as new:
        for code in (for_another.code, too_old.code, "", "enrol-guess", "\x00"):
            assert (await refused(new.enrol_key(*public(key), code=code))).field == "code"


async def test_a_code_is_not_used_up_by_who_cannot_prove_to_have_the_key(client, signing):
    invitation = await client.invite_team("shop")
    key, another = SigningKey.generate("shop"), SigningKey.generate("shop")

    async with signing(another) as thief:
        refusal = await refused(thief.enrol_key(*public(key), code=invitation.code))
    async with signing(key) as new:
        await new.enrol_key(*public(key), code=invitation.code)

    assert refusal.field == "authorization"


async def test_codes_are_not_kept_readable_nor_shown(served, client):
    _, engine = served
    invitation = await client.invite_team("shop")

    with engine.connect() as connection:
        kept = str(connection.execute(text("SELECT * FROM invitations")).all())

    assert invitation.code not in kept
    assert invitation.code not in repr(invitation)


async def test_only_the_administrator_invites(running, shop):
    token = shop.token(mth="InviteTeam", dig=digest(b""))

    async with running.client(shop, administrator_token=token) as client:
        assert (await refused(client.invite_team("shop"))).field == "authorization"


@pytest.mark.parametrize("lifetime", [timedelta(0), timedelta(days=8), timedelta(days=-1)])
async def test_a_code_for_no_time_or_for_ever_is_refused(client, lifetime):
    assert (await refused(client.invite_team("shop", lifetime=lifetime))).field == "lifetime"


async def test_old_and_new_key_overlap_and_then_the_old_one_ends(client, shop, signing, member_of, document):
    new = SigningKey.generate("shop")

    async with signing(shop.key) as old:
        await old.rotate_key(*public(new), sign=member_of(new).sign, overlap=timedelta(days=1))
        assert await publishes(old, document)
    async with signing(new) as rotated:
        assert await publishes(rotated, document)
    ends = {each.key_id: each.expires for each in await client.list_public_keys(team="shop")}
    # The new key puts an end to what the old one still had; what ended earlier is not made longer.
    async with signing(shop.key) as old:
        await old.rotate_key(*public(new), sign=member_of(new).sign, overlap=timedelta(0))
        assert not await publishes(old, document)

    assert ends[new.key_id] is None
    assert timedelta(hours=23) < ends[shop.key.key_id] - datetime.now(UTC) <= timedelta(days=1)
    assert [each.key_id for each in await client.list_public_keys(team="shop")] == [new.key_id]
    assert {each.key_id for each in await client.list_public_keys(team="shop", past=True)} == {
        new.key_id,
        shop.key.key_id,
    }


async def test_whoever_rotates_has_both_keys(client, shop, bank, signing, member_of):
    new, another = SigningKey.generate("shop"), SigningKey.generate("shop")

    async with signing(shop.key) as team:
        without_new = await refused(team.rotate_key(*public(new), sign=member_of(another).sign, overlap=timedelta(0)))
        same = await refused(team.rotate_key(*public(shop.key), sign=shop.sign, overlap=timedelta(0)))
        long = await refused(team.rotate_key(*public(new), sign=member_of(new).sign, overlap=timedelta(days=91)))
    async with signing(bank.key) as other:
        stolen = await refused(other.rotate_key(*public(new), sign=member_of(new).sign, overlap=timedelta(0)))

    assert [each.field for each in (without_new, same, long, stolen)] == ["proof", "public_bytes", "overlap", "team"]
    assert [each.key_id for each in await client.list_public_keys(team="shop")] == [shop.key.key_id]


async def test_a_revoked_key_proves_nothing_any_more_and_never_comes_back(client, shop, signing, document):
    revoked = await client.revoke_key("shop", shop.key.key_id, reason="left on a train")

    async with signing(shop.key) as thief:
        assert not await publishes(thief, document)
    assert await client.list_public_keys(team="shop") == ()
    assert await client.list_public_keys(team="shop", past=True) == (revoked,)
    assert "for ever" in (await refused(client.register_key(*public(shop.key)))).message
    assert revoked.revoked is not None


async def test_a_team_revokes_its_own_keys_and_no_others(running, client, shop, bank, signing):
    second = await running.enrol("shop")

    async with signing(bank.key) as other:
        refusal = await refused(other.revoke_key("shop", shop.key.key_id))
    async with signing(shop.key) as team:
        await team.revoke_key("shop", second.key.key_id)

    assert refusal.message == "this key is 'shop''s, but 'bank' signed it"
    assert [each.key_id for each in await client.list_public_keys(team="shop")] == [shop.key.key_id]


async def test_a_key_that_is_none_is_not_revoked(client):
    assert (await refused(client.revoke_key("shop", "0123456789abcdef"))).field == "key_id"


async def test_changes_of_keys_are_told(client, shop):
    await client.revoke_key("shop", shop.key.key_id, reason="left on a train")

    async with contextlib.aclosing(client.watch()) as watching:
        told = [await anext(watching) for _ in range(2)]

    assert [(each.kind, each.subject, each.author, each.reason) for each in told] == [
        ("key_enrolled", shop.key.key_id, "administrator", ""),
        ("key_revoked", shop.key.key_id, "administrator", "left on a train"),
    ]
