"""Revisions are compared on request, and nothing is kept of it."""

import json

import httpx
import pytest
from shop_edits import approved, asks_more, refused, takes_more, words

from callboard_registry_api.errors import RegistryNotFoundError


async def test_a_document_is_compared_without_being_published(client, described):
    first = await approved(client, described())

    good = await client.compatibility.compare(document=described(takes_more()))
    bad = await client.compatibility.compare("shop.v1", document=described(asks_more))
    same = await client.compatibility.compare(document=described())
    reworded = await client.compatibility.compare(document=described(words("Sells.")))

    assert [each.answer for each in (good, bad, same, reworded)] == [
        "compatible",
        "incompatible",
        "compatible",
        "compatible",
    ]
    assert [each.revision for each in (good, bad, same, reworded)] == ["1.1.0", "", "1.0.0", "1.0.1"]
    assert (good.bases, same.bases, bad.next_service) == ((first.digest,), (first.digest,), "shop.v2")
    [finding] = bad.findings
    assert (finding.operation, finding.part, finding.rule, finding.pointer, finding.base) == (
        "sell",
        "input",
        "required",
        "/required",
        first.digest,
    )
    assert json.loads(finding.counterexample) == {"text": ""}
    assert [each.digest async for each in client.all_listings(all_revisions=True)] == [first.digest]


async def test_two_revisions_are_compared_by_their_digests(client, described):
    first = await client.publish_listing(described())
    second = await client.publish_listing(described(asks_more))

    there = await client.compatibility.compare("shop.v1", from_digest=first.digest, to_digest=second.digest)
    back = await client.compatibility.compare("shop.v1", from_digest=second.digest, to_digest=first.digest)
    newest = await client.compatibility.compare("shop.v1", from_digest=first.digest)

    assert (there.answer, back.answer, newest.answer) == ("incompatible", "compatible", "incompatible")
    assert [each.rule for each in back.warnings] == ["dropped"]


async def test_a_revision_in_force_is_compared_with_the_others(client, described):
    first = await approved(client, described())
    second = await approved(client, described(takes_more()))

    verdict = await client.compatibility.compare("shop.v1", to_digest=second.digest)

    assert (verdict.answer, verdict.bases, verdict.revision) == ("compatible", (first.digest,), "1.1.0")


async def test_a_level_and_strictness_can_be_asked_for(client, described):
    await approved(client, described(takes_more(maxLength=5)))
    await approved(client, described())
    new = described(takes_more(maxLength=3))

    last = await client.compatibility.compare(document=new)
    every = await client.compatibility.compare(document=new, level="all")
    strict = await client.compatibility.compare(document=new, strict=True)

    assert [each.answer for each in (last, every, strict)] == ["compatible", "incompatible", "incompatible"]
    assert (len(last.bases), len(every.bases), every.level, strict.strict) == (1, 2, "all", True)


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({}, "service"),
        ({"service": "shop.v2", "document": b"here"}, "document.service"),
        ({"document": b"{}"}, "document.service"),
        ({"service": "shop.v1", "from_digest": "x", "level": "all"}, "level"),
        ({"document": b"here", "to_digest": "x"}, "document"),
    ],
)
async def test_what_cannot_be_compared_is_refused_by_name(client, described, asked, field):
    if asked.get("document") == b"here":
        asked = {**asked, "document": described()}

    assert (await refused(client.compatibility.compare(**asked))).field == field


async def test_what_is_not_there_is_not_compared(client, described):
    await client.publish_listing(described())

    for asked in ({"from_digest": "sha256:0"}, {"to_digest": "sha256:0"}):
        with pytest.raises(RegistryNotFoundError) as refusal:
            await client.compatibility.compare("shop.v1", **asked)
        assert refusal.value.field == next(iter(asked))


async def test_revisions_are_compared_over_http(running, client, described):
    first = await approved(client, described())

    async with httpx.AsyncClient(base_url=f"http://{running.http}", timeout=60) as http:
        asked = {"service": "shop.v1", "document": json.loads(described(asks_more))}
        verdict = (await http.post("/v1/compatibility", json=asked)).raise_for_status().json()
        listing = (await http.get("/v1/listings/shop.v1")).raise_for_status().json()
        wrong = await http.post("/v1/compatibility", json={"service": "shop.v1", "level": "some"})

    assert (verdict["answer"], verdict["next_service"], verdict["bases"]) == ("incompatible", "shop.v2", [first.digest])
    assert (listing["revision"], listing["verdict"]["answer"]) == ("1.0.0", "compatible")
    assert (wrong.status_code, wrong.json()["error"]["field"]) == (400, "level")
