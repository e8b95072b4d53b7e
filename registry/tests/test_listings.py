import json
from dataclasses import replace

import pytest

from callboard_contracts import ServiceDescription, describe, service_named, services
from callboard_registry_api.errors import RegistryNotFoundError, RegistryRefusedError


async def test_what_was_published_comes_back(client, document):
    published = await client.publish_listing(document())

    held = await client.get_listing("shop.v1")

    assert held == published
    assert (held.number, held.state, held.team, held.summary) == (1, "draft", "shop", "Sells things.")
    assert held.operations == ("sell",)
    assert json.loads(held.document) == json.loads(document())


@pytest.mark.parametrize("name", sorted(services))
async def test_every_contract_of_the_house_can_be_published(running, name):
    description = describe(service_named(name))
    member = await running.enrol(description.team)

    async with running.client(member) as client:
        listing = await client.publish_listing(description.model_dump_json().encode())

    assert listing.digest == description.digest
    assert ServiceDescription.model_validate_json(listing.document) == description


async def test_the_same_content_twice_is_one_revision(client, document):
    first = await client.publish_listing(document())
    # The same meaning in other bytes.
    second = await client.publish_listing(json.dumps(json.loads(document()), indent=4, sort_keys=True).encode())

    assert second == first


async def test_other_content_is_another_revision_and_the_first_stays_as_it_was(client, document):
    first = await client.publish_listing(document())
    second = await client.publish_listing(document(longest=30))

    assert (second.number, second.digest == first.digest) == (2, False)
    assert await client.get_listing("shop.v1") == second
    assert await client.get_listing("shop.v1", digest=first.digest) == first


async def test_new_words_for_a_revision_are_shown_and_old_ones_do_not_come_back(client, document):
    first = await client.publish_listing(document(summary="Sells thigns."))
    second = await client.publish_listing(document(summary="Sells things."))
    old_build_again = await client.publish_listing(document(summary="Sells thigns."))

    assert (second.number, second.digest) == (1, first.digest)
    assert second.summary == "Sells things."
    assert old_build_again == second


async def test_members_that_the_registry_does_not_know_are_not_passed_on(client, document):
    listing = await client.publish_listing(json.dumps({**json.loads(document()), "extra": 1}).encode())

    assert json.loads(listing.document) == json.loads(document())


async def test_the_administrator_moves_a_revision_through_its_life(client, document):
    listing = await client.publish_listing(document())
    with pytest.raises(RegistryNotFoundError) as refused:
        await client.get_listing("shop.v1", states=["approved"])

    approved = await client.set_state("shop.v1", listing.digest, "approved")

    assert refused.value.field == "states"
    assert approved.state == "approved"
    assert await client.get_listing("shop.v1", states=["approved", "deprecated"]) == approved
    assert (await client.publish_listing(document())).state == "approved"


async def test_an_unknown_service_is_answered_with_what_is_near(client, document):
    await client.publish_listing(document())

    with pytest.raises(RegistryNotFoundError) as near:
        await client.get_listing("shopp.v1")
    with pytest.raises(RegistryNotFoundError) as far:
        await client.get_listing("weather.v1")

    assert str(near.value) == "service: no listing of 'shopp.v1' is held; there is 'shop.v1'"
    assert "callboard catalog list" in far.value.message


async def test_an_unknown_revision_is_answered_with_the_newest(client, document):
    listing = await client.publish_listing(document())

    with pytest.raises(RegistryNotFoundError) as refused:
        await client.get_listing("shop.v1", digest="sha256:0")

    assert refused.value.field == "digest"
    assert listing.digest in refused.value.message


async def test_listings_come_in_pages_without_gaps(running, client, document):
    for number in range(1, 8):
        await client.publish_listing(document(service=f"shop.v{number}"))
    await client.publish_listing(document(service="shop.v3", longest=30))

    pages = [await client.list_listings(page_size=3, summary=True)]
    while pages[-1].next_page_token:
        pages.append(await client.list_listings(page_size=3, page_token=pages[-1].next_page_token, summary=True))

    found = [(one.service, one.number) for page in pages for one in page.items]
    assert found == [(f"shop.v{n}", 2 if n == 3 else 1) for n in range(1, 8)]
    assert [len(page.items) for page in pages] == [3, 3, 1]
    assert all(one.document == b"" for page in pages for one in page.items)


async def test_every_revision_is_listed_when_asked_for(client, document):
    for longest in (10, 20, 30):
        await client.publish_listing(document(longest=longest))

    numbers = []
    token = ""
    while True:
        page = await client.list_listings(all_revisions=True, page_size=1, page_token=token)
        numbers += [one.number for one in page.items]
        token = page.next_page_token
        if not token:
            break

    assert numbers == [1, 2, 3]


async def test_listings_are_filtered_by_team_and_state(running, client, bank, document):
    mine = await client.publish_listing(document())
    async with running.client(bank) as other:
        await other.publish_listing(document(service="bank.v1"))
    await client.set_state("shop.v1", mine.digest, "approved")

    by_team = [one.service async for one in client.all_listings(team="bank")]
    by_state = [one.service async for one in client.all_listings(states=["approved"])]

    assert (by_team, by_state) == (["bank.v1"], ["shop.v1"])


async def test_a_page_of_long_documents_ends_before_it_is_too_long_to_send(client, document):
    for number in range(1, 7):
        await client.publish_listing(document(service=f"shop.v{number}", summary="x" * 900_000))

    first = await client.list_listings()

    assert len(first.items) < 6
    assert [one.service async for one in client.all_listings()] == [f"shop.v{n}" for n in range(1, 7)]


@pytest.mark.parametrize("token", ["nonsense", "!!!", "é", "W10", "x" * 5000, "WzEsMl0"])
async def test_a_page_token_that_was_not_made_here_is_refused(client, token):
    with pytest.raises(RegistryRefusedError) as refused:
        await client.list_listings(page_token=token)

    assert refused.value.field == "page_token"


async def test_a_page_token_fits_only_the_filters_it_was_made_for(client, document):
    for number in (1, 2):
        await client.publish_listing(document(service=f"shop.v{number}"))
    page = await client.list_listings(page_size=1)

    with pytest.raises(RegistryRefusedError) as refused:
        await client.list_listings(page_size=1, page_token=page.next_page_token, team="shop")

    assert refused.value.field == "page_token"


async def test_a_negative_page_size_is_refused(client):
    with pytest.raises(RegistryRefusedError) as refused:
        await client.list_listings(page_size=-1)

    assert refused.value.field == "page_size"


async def test_what_is_only_validated_is_answered_as_if_it_were_published_and_is_not_kept(client, document):
    would_be = await client.publish_listing(document(), validate_only=True)

    with pytest.raises(RegistryNotFoundError):
        await client.get_listing("shop.v1")
    assert (await client.search("sell")).items == ()
    is_now = await client.publish_listing(document())
    assert would_be.verdict is not None and is_now.verdict is not None
    verdict = replace(would_be.verdict, judged=is_now.verdict.judged)
    assert replace(would_be, created=is_now.created, verdict=verdict) == is_now


async def test_a_newer_revision_that_is_only_validated_gets_no_number(client, document):
    await client.publish_listing(document())

    assert (await client.publish_listing(document(longest=30), validate_only=True)).number == 2
    assert (await client.get_listing("shop.v1")).number == 1


async def test_validating_needs_the_same_rights_as_publishing(running, bank, document):
    async with running.client(bank) as client:
        with pytest.raises(RegistryRefusedError) as refused:
            await client.publish_listing(document(), validate_only=True)

    assert refused.value.field == "document.service"


async def test_what_was_signed_to_be_validated_cannot_be_published(running, shop, document):
    def sign(method: str, digest: str) -> str:
        return shop.token(mth="PublishListing:validate_only", dig=digest)

    async with running.client(sign=sign) as client:
        with pytest.raises(RegistryRefusedError) as refused:
            await client.publish_listing(document())

    assert refused.value.field == "authorization"
