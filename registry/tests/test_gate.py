"""What breaks callers of a revision in force is not published; what may is approved by nobody unknowingly."""

import asyncio
from typing import Any

import grpc.aio
import httpx
import pytest
from google.rpc.error_details_pb2 import PreconditionFailure
from grpc_status import rpc_status
from shop_edits import approved, asks_more, promises, refused, takes_more, wants_a_format, words

from callboard_contracts import ServiceDescription
from callboard_kit.directory import RegistryDirectory
from callboard_kit.identity import SigningKey
from callboard_kit.policy import Policy
from callboard_kit.publishing import Introduction, ServeError, registry_signature
from callboard_kit.settings import Settings as MemberSettings
from callboard_kit.teams import Team
from callboard_registry.gate.levels import Levels
from callboard_registry.server import serving
from callboard_registry.settings import Address, Settings
from callboard_registry_api.client import RegistryClient
from callboard_registry_api.connection import digest_of
from callboard_registry_api.errors import RegistryRefusedError

ANYWHERE = Address("127.0.0.1", 0)


async def test_a_first_revision_breaks_nobody_and_gets_the_service_s_number(client, described):
    first = await client.publish_listing(described())
    later = await client.publish_listing(described(service="shop.v2"))

    assert first.verdict is not None
    assert (first.verdict.answer, first.verdict.bases, first.verdict.revision) == ("compatible", (), "1.0.0")
    assert (first.revision, later.revision) == ("1.0.0", "2.0.0")


async def test_drafts_bind_nobody(client, described):
    await client.publish_listing(described())

    breaking = await client.publish_listing(described(asks_more))

    assert (breaking.state, breaking.verdict.answer, breaking.revision) == ("draft", "compatible", "1.0.0")


@pytest.mark.parametrize("state", ["approved", "deprecated"])
async def test_what_breaks_callers_of_a_revision_in_force_is_not_published(client, state, described, running):
    first = await approved(client, described())
    if state == "deprecated":
        await client.set_state("shop.v1", first.digest, "deprecated")
    seen = await _changes(running)

    refusal = await refused(client.publish_listing(described(asks_more)))

    assert refusal.field == "document"
    assert refusal.message == (
        "this would break callers of 'shop.v1': sell, input: the new input requires 'colour', and an old caller may "
        'leave it out, for example {"text": ""}; publish it as \'shop.v2\', or take that change back '
        "(`callboard contracts check shop.v1` shows all)"
    )
    assert [each.digest async for each in client.all_listings(all_revisions=True)] == [first.digest]
    assert await _changes(running) == seen
    assert (await client.publish_listing(described(asks_more, service="shop.v2"))).revision == "2.0.0"


@pytest.mark.parametrize("state", ["retired", "revoked"])
async def test_what_answers_nobody_any_more_binds_nobody(client, state, described):
    first = await approved(client, described())
    if state == "retired":
        await client.set_state("shop.v1", first.digest, "deprecated")
    await client.set_state("shop.v1", first.digest, state)

    listing = await client.publish_listing(described(asks_more))

    assert (listing.verdict.answer, listing.revision) == ("compatible", "1.1.0")


async def test_a_broken_promise_is_not_published_either(client, described):
    await approved(client, described())

    refusal = await refused(client.publish_listing(described(promises(longest_seconds=30.0))))

    assert "sell: promised to work for up to 60 s, gives up after 30 s; publish it as 'shop.v2'" in refusal.message


async def test_numbers_count_what_was_approved_and_its_words(client, described):
    first = await approved(client, described())
    draft = await client.publish_listing(described(takes_more("size")))
    second = await approved(client, described(takes_more()))
    reworded = await client.publish_listing(described(takes_more(), words("Sells what is wanted.")))
    older = await client.publish_listing(described(takes_more()))

    assert [each.revision for each in (first, draft, second, reworded, older)] == [
        "1.0.0",
        "1.1.0",
        "1.1.0",
        "1.1.1",
        "1.1.1",
    ]
    assert (await client.get_listing("shop.v1", digest=draft.digest)).revision == "1.2.0"
    assert second.verdict.bases == (first.digest,)


async def test_words_of_a_draft_do_not_count(client, described):
    await client.publish_listing(described())

    reworded = await client.publish_listing(described(words("Sells.")))
    approved_now = await client.set_state("shop.v1", reworded.digest, "approved")

    assert (reworded.revision, approved_now.revision) == ("1.0.0", "1.0.0")


async def test_what_came_into_force_since_counts_when_a_draft_is_approved(client, described):
    await approved(client, described())
    first = await client.publish_listing(described(takes_more(maxLength=5)))
    second = await client.publish_listing(described(takes_more(maxLength=9)))
    await client.set_state("shop.v1", second.digest, "approved")

    refusal = await refused(client.set_state("shop.v1", first.digest, "approved"))
    again = await client.publish_listing(described(takes_more(maxLength=5)))

    assert (refusal.field, "came into force, and it would break their callers" in refusal.message) == ("state", True)
    assert (again.state, again.verdict.answer, again.verdict.bases) == ("draft", "incompatible", (second.digest,))


async def test_what_is_not_known_is_approved_by_override_with_a_reason_only(running, client, shop, described):
    auditors = await running.enrol("auditors")
    await approved(client, described())
    listing = await client.publish_listing(described(wants_a_format))
    assert (listing.state, listing.verdict.answer) == ("draft", "unknown")

    async with RegistryClient(str(running.grpc), sign=auditors.sign) as approver:
        asked = {"state": "approved", "etag": listing.etag}
        plain = await refused(approver.set_state("shop.v1", listing.digest, **asked))
        silent = await refused(approver.set_state("shop.v1", listing.digest, **asked, override=True))
        done = await approver.set_state(
            "shop.v1", listing.digest, **asked, override=True, reason="no caller sends such a size"
        )

    assert (plain.field, silent.field) == ("override", "reason")
    assert plain.message.startswith(
        f"it is not known whether 'shop.v1' {listing.digest[:19]} breaks callers: sell, input: "
    )
    kept = (await client.get_listing("shop.v1", digest=listing.digest)).verdict.override
    assert done.verdict.override == kept
    assert (done.state, done.revision, kept.author, kept.reason) == (
        "approved",
        "1.1.0",
        "auditors",
        "no caller sends such a size",
    )
    told = [
        (each["author"], each["reason"]) for each in await _changes(running) if each["kind"] == "listing_overridden"
    ]
    assert told == [("auditors", "no caller sends such a size")]


async def test_who_published_overrides_nothing(running, client, shop, described):
    await approved(client, described())
    listing = await client.publish_listing(described(wants_a_format))

    async with RegistryClient(str(running.grpc), sign=shop.sign) as team:
        refusal = await refused(
            team.set_state("shop.v1", listing.digest, "approved", etag=listing.etag, override=True, reason="trust me")
        )

    assert refusal.message == "'shop' published this, so somebody else must approve it"


@pytest.mark.parametrize(("state", "edit"), [("approved", takes_more()), ("pending", wants_a_format)])
async def test_an_override_is_for_what_is_not_known_only(client, state, edit, described):
    await approved(client, described())
    listing = await client.publish_listing(described(edit))

    refusal = await refused(client.set_state("shop.v1", listing.digest, state, override=True, reason="to be sure"))

    assert refusal.field == "override"


async def test_an_etag_covers_what_was_signed_with_an_override(client, described):
    """An override that was refused leaves the revision as it was."""
    await approved(client, described())
    listing = await client.publish_listing(described(wants_a_format))

    await refused(client.set_state("shop.v1", listing.digest, "approved", override=True))

    assert await client.get_listing("shop.v1", digest=listing.digest) == listing


async def test_what_may_be_missed_is_told(client, described):
    await approved(client, described(takes_more()))

    listing = await client.publish_listing(described(promises(latency_seconds=9.0)))

    assert [(each.operation, each.part, each.rule) for each in listing.verdict.warnings] == [
        ("sell", "promise", "latency"),
        ("sell", "input", "dropped"),
    ]
    assert listing.verdict.findings == ()
    # A list says how it came out, not why.
    [shown] = [each async for each in client.all_listings(summary=True)]
    assert (shown.verdict.answer, shown.verdict.warnings) == ("compatible", ())


async def test_what_is_in_force_is_not_judged_again(client, described):
    first = await approved(client, described())
    second = await approved(client, described(takes_more()))

    again = await client.publish_listing(described())

    assert (again.state, again.verdict) == ("approved", first.verdict)
    assert second.revision == "1.1.0"


async def test_publishing_to_be_checked_is_judged_and_keeps_nothing(client, described):
    first = await approved(client, described())

    good = await client.publish_listing(described(takes_more()), validate_only=True)
    refusal = await refused(client.publish_listing(described(asks_more), validate_only=True))

    assert (good.verdict.answer, good.revision, refusal.field) == ("compatible", "1.1.0", "document")
    assert [each.digest async for each in client.all_listings(all_revisions=True)] == [first.digest]


async def test_drafts_published_at_once_are_numbered_as_they_are_approved(client, described):
    await approved(client, described())
    drafts = await asyncio.gather(*(client.publish_listing(described(takes_more(f"size{n}"))) for n in range(5)))

    done = await asyncio.gather(*(client.set_state("shop.v1", each.digest, "approved") for each in drafts))

    assert sorted(each.revision for each in done) == [f"1.{n}.0" for n in range(1, 6)]


async def test_a_worker_that_would_break_callers_stops_and_says_what_to_do(client, described, tmp_path):
    await approved(client, described())
    breaking = ServiceDescription.model_validate_json(described(asks_more))
    introduction = Introduction(
        team=Team(name="shop", owner="", contact="", policy=Policy()),
        listings=[breaking],
        registry=client,
        directory=RegistryDirectory(team="shop", client=client, cache=tmp_path / "shop.json"),
        settings=MemberSettings(profile="dev"),
    )

    with pytest.raises(ServeError) as stopped:
        await introduction.make()

    line = str(stopped.value)
    assert line.startswith(
        "the registry does not take what team 'shop' publishes: document: this would break callers of"
    )
    assert ("the new input requires 'colour'" in line, "publish it as 'shop.v2'" in line, "\n" in line) == (
        True,
        True,
        False,
    )


async def test_a_refusal_carries_what_breaks_for_programs_too(running, client, shop, described):
    await approved(client, described())
    breaking = described(asks_more)
    token = shop.token(mth="PublishListing", dig=digest_of(breaking))

    async with httpx.AsyncClient(timeout=60) as http:
        answer = await http.post(
            f"http://{running.http}/v1/listings", content=breaking, headers={"authorization": f"Bearer {token}"}
        )
    with pytest.raises(RegistryRefusedError) as refusal:
        await client.publish_listing(breaking)

    [found] = answer.json()["error"]["findings"]
    assert (answer.status_code, found["rule"], found["counterexample"]) == (409, "required", {"text": ""})
    cause = refusal.value.__cause__
    assert isinstance(cause, grpc.aio.AioRpcError)
    status = rpc_status.from_call(cause)
    told = PreconditionFailure()
    [failure] = [each for each in status.details if each.Is(PreconditionFailure.DESCRIPTOR)]
    failure.Unpack(told)
    assert [(each.type, each.subject) for each in told.violations] == [
        ("DOCUMENT", "document"),
        ("REQUIRED", "sell/input/required"),
    ]


@pytest.fixture
async def watched(request, any_database):
    """A client of the shop, at a registry with the levels that the test asks for."""
    key = SigningKey.generate("shop")
    settings = Settings(
        database=any_database.migrated(),
        grpc=ANYWHERE,
        http=ANYWHERE,
        administrator_token="for-tests",
        levels=Levels.read(request.param),
    )
    async with (
        serving(settings) as addresses,
        RegistryClient(str(addresses.grpc), sign=registry_signature(key), administrator_token="for-tests") as client,
    ):
        await client.register_key("shop", key.key_id, key.public_key.public_bytes)
        yield client


@pytest.mark.parametrize("watched", ["all", "last,shop=all"], indirect=True)
async def test_a_team_s_revisions_may_be_held_to_all_that_are_in_force(watched, described):
    first = await approved(watched, described(takes_more(maxLength=5)))
    await approved(watched, described())

    refusal = await refused(watched.publish_listing(described(takes_more(maxLength=3))))
    await watched.set_state("shop.v1", first.digest, "revoked")
    listing = await watched.publish_listing(described(takes_more(maxLength=3)))

    assert "maxLength 3" in refusal.message
    assert listing.verdict.answer == "compatible"


@pytest.mark.parametrize("watched", ["last+strict", "all,shop=last+strict"], indirect=True)
async def test_a_team_s_writers_may_be_taken_to_send_anything(watched, described):
    await approved(watched, described())

    assert "colour" in (await refused(watched.publish_listing(described(takes_more())))).message


@pytest.mark.parametrize("watched", ["all,shop=last"], indirect=True)
async def test_a_team_s_own_level_wins(watched, described, running):
    await approved(watched, described(takes_more(maxLength=5)))
    await approved(watched, described())

    assert (await watched.publish_listing(described(takes_more(maxLength=3)))).verdict.level == "last"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("latest", "'latest' is none of"),
        ("all+lax", "'all+lax' is none of"),
        ("=all", "'=all' names no team"),
        ("shop=", "'' is none of"),
    ],
)
def test_a_level_that_is_none_is_refused_by_name(text, said):
    with pytest.raises(ValueError, match=said.replace("+", r"\+")):
        Levels.read(text)


async def _changes(running) -> list[dict[str, Any]]:
    async with httpx.AsyncClient(timeout=60) as http:
        return (await http.get(f"http://{running.http}/v1/changes")).raise_for_status().json()["changes"]
