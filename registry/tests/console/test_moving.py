"""Moving revisions from pages: who may, what they are shown before, what is refused, and under whose name it stands."""

import html
import json
import re
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from signed_in import signed_in

from callboard_kit.policy import Policy, Rule
from callboard_registry_api.client import RegistryClient
from callboard_registry_api.model import CallRecord, Listing

LATER = (datetime.now(UTC) + timedelta(days=40)).date().isoformat()


@pytest.fixture
async def listing(running, shop, document) -> Listing:
    async with RegistryClient(str(running.grpc), sign=shop.sign) as team:
        return await team.publish_listing(document())


class Person:
    """Somebody who is signed in."""

    def __init__(self, http: httpx.AsyncClient, listing: Listing) -> None:
        self.http = http
        self.listing = listing

    async def page(self) -> str:
        return (await self.http.get("/services/shop.v1", params={"digest": self.listing.digest})).text

    async def asks(self, state: str) -> httpx.Response:
        return await self.http.get("/services/shop.v1/move", params={"digest": self.listing.digest, "to": state})

    async def last_author(self) -> tuple[str, str]:
        """Return the last change of the team, and who made it."""
        changes = (await self.http.get("/v1/changes", params={"team": "shop"})).json()["changes"]
        return changes[-1]["state"], changes[-1]["author"]

    async def moves(self, state: str, **sent: str) -> httpx.Response:
        form = hidden((await self.asks(state)).text)
        return await self.http.post(
            "/services/shop.v1/move", params={"digest": self.listing.digest, "to": state}, data={**form, **sent}
        )


@pytest.fixture
async def person(running, listing):
    clients: list[httpx.AsyncClient] = []

    async def person(*may: str, name: str = "ada@example.com") -> Person:
        http = httpx.AsyncClient(base_url=f"http://{running.http}", trust_env=False, timeout=60)
        clients.append(http)
        await signed_in(http, name=name, may=may)
        return Person(http, listing)

    yield person
    for http in clients:
        await http.aclose()


def hidden(text: str) -> dict[str, str]:
    """Return what a form sends beside what is written into it."""
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', text)
    return {name: html.unescape(value) for name, value in found if name in ("csrf", "etag")}


async def test_an_administrator_approves_and_it_stands_under_their_name(person, client, listing):
    ada = await person("administrator")

    asked = await ada.asks("approved")
    moved = await ada.moves("approved", reason="looked through it")

    assert "Nothing here breaks a caller" in asked.text
    assert (moved.status_code, moved.headers["location"]) == (303, f"/services/shop.v1?digest={listing.digest}")
    held = await client.get_listing("shop.v1")
    assert (held.state, held.reason) == ("approved", "looked through it")
    assert await ada.last_author() == ("approved", "ada@example.com (administrator)")


async def test_a_team_deprecates_its_own_with_a_day_and_a_successor_and_approves_nothing(
    person, client, running, document
):
    bank = await running.enrol("bank")
    async with RegistryClient(str(running.grpc), sign=bank.sign) as other:
        await other.publish_listing(document(service="bank.v1"))
    ada, pat = await person("administrator"), await person("publisher:shop", name="pat@example.com")
    own = await pat.page()
    denied = await pat.asks("approved")
    await ada.moves("approved")

    unknown = await pat.moves("deprecated", successor="nowhere.v1", sunset=LATER)
    past = await pat.moves("deprecated", sunset="2001-01-01")
    moved = await pat.moves("deprecated", successor="bank.v1", sunset=LATER, reason="the bank does it better")

    assert (">Approve<" in own, ">Ask for approval<" in own) == (False, True)
    assert (denied.status_code, "may make it pending" in denied.text) == (409, True)
    assert (unknown.status_code, "publish the successor first" in unknown.text) == (400, True)
    assert 'value="nowhere.v1"' in unknown.text, "what was written is not lost"
    assert (past.status_code, "a sunset lies ahead" in past.text) == (400, True)
    assert moved.status_code == 303
    held = await client.get_listing("shop.v1")
    assert (held.state, held.successor, str(held.sunset.date())) == ("deprecated", "bank.v1", LATER)
    assert await pat.last_author() == ("deprecated", "pat@example.com (shop)")


async def test_what_is_called_is_shown_before_it_is_retired_and_needs_force(person, client, running, listing, shop):
    seen = CallRecord(
        root="r",
        token_id="t1",
        caller="bank",
        endpoint="shop",
        service="shop.v1",
        operation="sell",
        revision=listing.digest,
        start=datetime.now(UTC),
        outcome="ok",
        duration=timedelta(seconds=1),
    )
    async with RegistryClient(str(running.grpc), sign=shop.sign) as team:
        await team.report_calls([seen])
    ada = await person("administrator")
    await ada.moves("approved")
    await ada.moves("deprecated")

    asked = await ada.asks("retired")
    refused = await ada.moves("retired")
    still = (await client.get_listing("shop.v1")).state
    retired = await ada.moves("retired", force="yes")

    assert "bank called it in the last seven days" in asked.text
    assert "seen, not declared" in asked.text
    assert (refused.status_code, "use force" in refused.text, still) == (409, True, "deprecated")
    assert (retired.status_code, (await client.get_listing("shop.v1")).state) == (303, "retired")


async def test_what_is_for_ever_is_said_to_be_meant(person, client):
    ada = await person("administrator")

    careless = await ada.moves("revoked")
    before = (await client.get_listing("shop.v1")).state
    meant = await ada.moves("revoked", meant="yes")

    assert (careless.status_code, before) == (400, "draft")
    assert (meant.status_code, (await client.get_listing("shop.v1")).state) == (303, "revoked")


async def test_who_came_second_is_told_what_it_is_now(person, client, listing):
    first, second = await person("administrator"), await person("administrator", name="bob@example.com")
    seen = hidden((await second.asks("approved")).text)
    await first.moves("pending")

    late = await second.http.post(
        "/services/shop.v1/move", params={"digest": listing.digest, "to": "approved"}, data=seen
    )

    assert (late.status_code, "was changed since you looked, it is pending now" in late.text) == (409, True)
    assert (await client.get_listing("shop.v1")).state == "pending"


@pytest.mark.parametrize("may", [("viewer",), ("approver",), ("publisher:bank",)])
async def test_nobody_else_is_offered_a_move_or_makes_one(person, client, listing, may):
    other = await person(*may)
    page = await other.page()
    asked = await other.asks("revoked")
    csrf = re.search(r'name="csrf" value="([^"]+)"', page)[1]
    sent = await other.http.post(
        "/services/shop.v1/move",
        params={"digest": listing.digest, "to": "revoked"},
        data={"csrf": csrf, "etag": listing.etag, "meant": "yes"},
    )

    assert "/move?" not in page
    assert (asked.status_code, sent.status_code) == (403, 403)
    assert "an administrator grants that" in sent.text
    assert await client.get_listing("shop.v1") == listing


async def test_a_person_of_a_team_that_approves_others_approves_them(person):
    eve = await person("publisher:auditors", name="eve@example.com")

    assert (await eve.moves("approved")).status_code == 303
    assert await eve.last_author() == ("approved", "eve@example.com (auditors)")


async def test_a_form_of_another_session_moves_nothing(person, client, listing):
    ada = await person("administrator")

    sent = await ada.moves("approved", csrf="of somebody else")
    bare = await ada.moves("approved", etag="")

    assert (sent.status_code, bare.status_code) == (403, 409)
    assert await client.get_listing("shop.v1") == listing


@pytest.mark.parametrize(
    ("asked", "status", "told"),
    [
        ({"to": "moon"}, 400, "to is &#39;moon&#39;; use"),
        ({"to": "deprecated"}, 409, "may make it pending, approved, retired, revoked, but not deprecated"),
        ({"to": "approved", "digest": "sha256:0"}, 404, "has no revision"),
        ({}, 400, "start again from the catalog"),
    ],
)
async def test_what_cannot_be_moved_is_a_page_that_says_what_to_do(person, listing, asked, status, told):
    ada = await person("administrator")

    answer = await ada.http.get("/services/shop.v1/move", params={"digest": listing.digest, **asked})

    assert (answer.status_code, told in answer.text) == (status, True), answer.text


async def test_the_page_of_a_service_says_what_persons_must_agree_to(person, running, shop):
    rule = Rule(
        name="large-sums",
        callers=("bank",),
        services=("shop.v1",),
        hide=("text",),
        approval={"approvers": ("role:finance",), "patience": 600, "field": "amount", "above": 500},  # type: ignore[arg-type] - as a file has it
    )
    async with RegistryClient(str(running.grpc), sign=shop.sign) as team:
        await team.publish_policy("shop", json.dumps(Policy(rules=(rule,)).model_dump(mode="json")).encode())

    text = (await (await person("viewer")).page()).replace("&#39;", "'")

    assert "bank may call it, on nobody else's behalf, without seeing text (large-sums)" in text
    assert (
        "somebody of finance must agree first where amount is above 500, within 10 min; else it does not happen"
        " (large-sums)" in text
    )
