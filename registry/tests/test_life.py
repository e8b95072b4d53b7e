"""Where a revision may go, and who may send it there."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sales import SOLD

from callboard_registry_api.client import RegistryClient
from callboard_registry_api.errors import RegistryRefusedError
from callboard_registry_api.model import STATES

TOMORROW = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)


@pytest.fixture
async def listing(client, document):
    return await client.publish_listing(document())


@pytest.fixture
async def team(running, shop):
    """A client of the shop that has no administrator's token, so that it signs."""
    async with RegistryClient(str(running.grpc), sign=shop.sign) as team:
        yield team


async def refused(moving) -> RegistryRefusedError:
    with pytest.raises(RegistryRefusedError) as refusal:
        await moving
    return refusal.value


async def test_a_revision_lives_from_draft_to_retirement(client, team, bank, running, document, listing):
    async with running.client(bank) as other:
        await other.publish_listing(document(service="bank.v1"))
    pending = await team.set_state("shop.v1", listing.digest, "pending", etag=listing.etag)
    approved = await client.set_state("shop.v1", listing.digest, "approved", etag=pending.etag)
    deprecated = await team.set_state(
        "shop.v1",
        listing.digest,
        "deprecated",
        etag=approved.etag,
        sunset=TOMORROW,
        successor="bank.v1",
        reason="the bank does it better",
    )
    retired = await client.set_state("shop.v1", listing.digest, "retired", etag=deprecated.etag, force=True)

    assert [each.state for each in (pending, approved, deprecated, retired)] == [
        "pending",
        "approved",
        "deprecated",
        "retired",
    ]
    assert len({each.etag for each in (listing, pending, approved, deprecated, retired)}) == 5
    assert (deprecated.sunset, deprecated.successor, deprecated.reason) == (
        TOMORROW,
        "bank.v1",
        "the bank does it better",
    )
    assert (retired.sunset, retired.successor) == (TOMORROW, "bank.v1")
    assert await client.get_listing("shop.v1") == retired


async def test_what_was_changed_since_it_was_looked_at_is_not_moved(client, listing):
    await client.set_state("shop.v1", listing.digest, "approved", etag=listing.etag)

    refusal = await refused(client.set_state("shop.v1", listing.digest, "revoked", etag=listing.etag))

    assert refusal.field == "etag"
    assert refusal.message == "'shop.v1' was changed since you looked, it is approved now; look again and decide again"
    assert (await client.get_listing("shop.v1")).state == "approved"


async def test_to_stay_in_a_state_changes_nothing(client, listing):
    approved = await client.set_state("shop.v1", listing.digest, "approved", etag=listing.etag)

    assert await client.set_state("shop.v1", listing.digest, "approved", etag=approved.etag) == approved


async def test_whoever_approves_is_not_who_published(team, listing):
    refusal = await refused(team.set_state("shop.v1", listing.digest, "approved", etag=listing.etag))

    assert refusal.message == "'shop' published this, so somebody else must approve it"


async def test_an_approver_approves_what_others_published_and_not_its_own(running, client, listing, document):
    approver = await running.enrol("auditors")
    async with RegistryClient(str(running.grpc), sign=approver.sign) as auditors:
        own = await auditors.publish_listing(document(service="auditors.v1"))
        approved = await auditors.set_state("shop.v1", listing.digest, "approved", etag=listing.etag)
        refusal = await refused(auditors.set_state("auditors.v1", own.digest, "approved", etag=own.etag))

    assert approved.state == "approved"
    assert "somebody else" in refusal.message


@pytest.mark.parametrize("state", sorted(STATES))
async def test_another_team_moves_nothing(running, bank, listing, state):
    async with RegistryClient(str(running.grpc), sign=bank.sign) as other:
        refusal = await refused(other.set_state("shop.v1", listing.digest, state, etag=listing.etag))

        assert (refusal.field, refusal.message) == ("service", "'shop.v1' belongs to 'shop'; 'bank' signed this")
        assert await other.get_listing("shop.v1") == listing


async def test_a_team_signs_what_it_saw(team, listing):
    assert (await refused(team.set_state("shop.v1", listing.digest, "pending"))).field == "etag"


@pytest.mark.parametrize(
    ("way", "state"),
    [([], "deprecated"), (["approved"], "retired"), (["approved"], "draft"), (["revoked"], "approved")],
)
async def test_a_life_goes_its_way_only(client, listing, way, state):
    for step in way:
        await client.set_state("shop.v1", listing.digest, step)

    assert (await refused(client.set_state("shop.v1", listing.digest, state))).field == "state"


@pytest.mark.parametrize(
    ("state", "more", "field"),
    [
        ("approved", {"sunset": TOMORROW}, "sunset"),
        ("approved", {"successor": "bank.v1"}, "successor"),
        ("revoked", {"successor": "shop.v1"}, "successor"),
        ("revoked", {"successor": "nowhere.v1"}, "successor"),
        ("revoked", {"reason": "x" * 1001}, "reason"),
    ],
)
async def test_what_does_not_fit_the_state_is_refused_by_name(client, listing, state, more, field):
    assert (await refused(client.set_state("shop.v1", listing.digest, state, **more))).field == field
    assert await client.get_listing("shop.v1") == listing


async def test_what_was_promised_to_answer_is_not_retired_early(client, listing):
    await client.set_state("shop.v1", listing.digest, "approved")
    await client.set_state("shop.v1", listing.digest, "deprecated", sunset=TOMORROW)

    refusal = await refused(client.set_state("shop.v1", listing.digest, "retired"))

    assert (refusal.field, "was promised to answer until" in refusal.message) == ("force", True)


async def test_what_is_still_called_is_retired_by_force_only(client, listing):
    now = datetime.now(UTC)
    seen = replace(SOLD, revision=listing.digest, start=now)
    await client.report_calls(
        [
            seen,
            replace(seen, token_id="2", caller="support", start=now - timedelta(days=30)),
            replace(seen, token_id="3", caller="billing", revision="sha256:another"),
            replace(seen, token_id="4", caller="thief", outcome="refused"),
        ]
    )
    for state in ("approved", "deprecated"):
        await client.set_state("shop.v1", listing.digest, state)

    refusal = await refused(client.set_state("shop.v1", listing.digest, "retired"))
    retired = await client.set_state("shop.v1", listing.digest, "retired", force=True)

    assert refusal.message.startswith("'bank' called this in the last seven days, or say ")
    assert refusal.message.endswith("; let them move on, or use force")
    assert retired.state == "retired"
