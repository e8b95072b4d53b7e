import json

import httpx
import pytest

from callboard_kit.identity import digest


@pytest.fixture
async def http(running):
    async with httpx.AsyncClient(base_url=f"http://{running.http}", trust_env=False, timeout=60) as http:
        yield http


@pytest.fixture
def post(http, shop):
    async def post(body: bytes, **headers: str) -> httpx.Response:
        token = shop.sign("PublishListing", digest(body))
        return await http.post("/v1/listings", content=body, headers={"authorization": f"Bearer {token}", **headers})

    return post


async def test_a_listing_is_published_and_read_as_json(http, post, document):
    created = await post(document())
    again = await post(document())
    read = await http.get("/v1/listings/shop.v1")
    listed = (await http.get("/v1/listings")).json()

    assert (created.status_code, again.status_code) == (201, 200)
    assert created.json() == again.json() == read.json()
    assert read.json()["document"] == json.loads(document())
    assert [one["service"] for one in listed["listings"]] == ["shop.v1"]
    assert "document" not in listed["listings"][0]


async def test_listings_are_paged_and_filtered(http, post, document):
    for number in (1, 2, 3):
        await post(document(service=f"shop.v{number}"))

    first = (await http.get("/v1/listings", params={"page_size": 2})).json()
    second = (await http.get("/v1/listings", params={"page_size": 2, "page_token": first["next_page_token"]})).json()
    none = (await http.get("/v1/listings", params={"states": ["approved", "retired"]})).json()

    assert [one["service"] for one in first["listings"] + second["listings"]] == ["shop.v1", "shop.v2", "shop.v3"]
    assert none == {"listings": [], "next_page_token": ""}


async def test_policies_keys_and_calls_are_read_as_json(http, client, shop):
    await client.publish_policy("shop", b'{"rules":[]}')

    policy = (await http.get("/v1/policies/shop")).json()
    keys = (await http.get("/v1/keys")).json()["keys"]
    calls = (await http.get("/v1/calls")).json()

    assert (policy["version"], policy["document"]) == (1, {"rules": []})
    assert (await http.get("/v1/policies")).json()["policies"] == [policy]
    assert [(key["team"], key["jwk"]["kid"]) for key in keys] == [("shop", shop.key.key_id)]
    assert (calls["calls"], bool(calls["cursor"])) == ([], True)


async def test_operations_are_searched_and_changes_are_listed(http, client, document):
    listing = await client.publish_listing(document())

    found = (await http.get("/v1/search", params={"words": "sell", "effect": "write"})).json()["operations"]
    first = (await http.get("/v1/changes", params={"page_size": 1})).json()
    second = (await http.get("/v1/changes", params={"after": first["cursor"]})).json()

    assert [(each["service"], each["operation"]) for each in found] == [("shop.v1", "sell")]
    assert [each["kind"] for each in first["changes"] + second["changes"]] == ["key_enrolled", "listing_published"]
    assert second["changes"][0]["detail"] == listing.digest


@pytest.mark.parametrize(
    ("path", "status", "field"),
    [
        ("/v1/listings/shop.v1", 404, "service"),
        ("/v1/policies/shop", 404, "team"),
        ("/v1/listings?page_token=x", 400, "page_token"),
        ("/v1/listings?page_size=-1", 400, "page_size"),
        ("/v1/listings?page_size=many", 400, "page_size"),
        ("/v1/listings?states=young", 400, "states.0"),
        ("/v1/calls?after=x", 400, "after"),
        ("/v1/changes?after=x", 400, "after"),
        ("/v1/search?page_token=x", 400, "page_token"),
        ("/v1/search?words=%00", 200, None),
        ("/v1/policies/shop?version=-1", 400, "version"),
        ("/v1/policies/shop?version=99999999999999999999", 400, "version"),
        ("/nowhere", 404, ""),
    ],
)
async def test_a_request_is_answered_or_refused_by_the_name_of_the_field(http, path, status, field):
    answer = await http.get(path)

    assert (answer.status_code, answer.json().get("error", {}).get("field")) == (status, field)


async def test_publishing_without_proof_is_refused(http, bank, document):
    body = document()
    nobody = await http.post("/v1/listings", content=body)
    another = await http.post(
        "/v1/listings",
        content=body,
        headers={"authorization": f"Bearer {bank.sign('PublishListing', digest(body))}"},
    )

    assert (nobody.status_code, another.status_code) == (401, 403)
    assert (await http.get("/v1/listings/shop.v1")).status_code == 404


async def test_a_revision_is_moved_by_the_administrator_who_has_seen_it_as_it_is(http, post, document):
    listing = (await post(document())).json()
    path, body = "/v1/listings/shop.v1/state", {"digest": listing["digest"], "state": "approved"}
    headers = {"authorization": "Bearer administrator-for-tests", "if-match": f'"{listing["etag"]}"'}

    unproved = await http.post(path, json=body)
    approved = await http.post(path, json=body, headers=headers)
    stale = await http.post(path, json={**body, "state": "revoked"}, headers=headers)
    unknown = await http.post(path, json={**body, "invented": 1}, headers=headers)

    assert (approved.status_code, approved.json()["state"]) == (200, "approved")
    assert [each.status_code for each in (unproved, stale, unknown)] == [401, 412, 400]
    assert (stale.json()["error"]["field"], unknown.json()["error"]["field"]) == ("etag", "invented")


async def test_an_oversized_body_is_refused(post):
    answer = await post(b"x" * (1024 * 1024 + 1))

    assert (answer.status_code, answer.json()["error"]["field"]) == (400, "document")


async def test_the_index_says_what_is_served_and_nothing_is_loaded_from_elsewhere(http):
    index = (await http.get("/")).json()

    assert index["listings"] == "/v1/listings"
    assert (await http.get(index["openapi"])).json()["openapi"].startswith("3.1")
    assert [(await http.get(path)).status_code for path in ("/docs", "/redoc")] == [404, 404]
    assert (await http.get("/healthz")).json() == {"status": "serving"}
