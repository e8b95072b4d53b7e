"""Signing in by OpenID Connect, at a provider with real keys that is told to get things wrong."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from identity_provider import ADA, CLIENT, SECRET, IdentityProvider, identity_provider, rsa
from publishing_shop import free_port

from callboard_registry.settings import Address
from callboard_registry.signin.configuration import ConsoleSettings, ProviderSettings

KEY, OTHER = rsa("one"), rsa("one")


@dataclass
class Place:
    provider: IdentityProvider
    http: httpx.AsyncClient
    """A browser without cookies."""

    async def leave(self, next: str = "/catalog") -> str:
        """Go to the provider, and return where it sends the browser back to."""
        answer = await self.http.get("/signin/provider", params={"next": next})
        assert answer.status_code == 303, answer.text
        async with httpx.AsyncClient(trust_env=False, timeout=30) as there:
            return (await there.get(answer.headers["location"])).headers["location"]

    async def sign_in(self, next: str = "/catalog") -> httpx.Response:
        return await self.http.get(await self.leave(next))


@dataclass
class House:
    """A registry and its provider, which several tests share."""

    provider: IdentityProvider
    url: str
    grants: Path


@pytest.fixture(scope="module")
async def house(serve_with, tmp_path_factory) -> AsyncIterator[House]:
    grants = tmp_path_factory.mktemp("grants") / "console.toml"
    port = free_port()
    async with identity_provider() as provider:
        settings = ConsoleSettings(
            url=f"http://127.0.0.1:{port}",
            grants=grants,
            provider=ProviderSettings(issuer=provider.issuer, client=CLIENT, secret=SECRET),
        )
        async with serve_with(console=settings, http=Address("127.0.0.1", port)):
            yield House(provider, settings.url, grants)


@pytest.fixture
async def place(house: House, monkeypatch) -> AsyncIterator[Place]:
    # Here everything that fails comes from one address.
    monkeypatch.setattr("callboard_registry.signin.throttle.FAILURES", "1000 per minute")
    monkeypatch.setattr("callboard_registry.signin.provider.ASKED_AGAIN", -1.0)
    house.grants.write_text('[groups.finance]\nmay = ["viewer"]\n')
    told = house.provider
    told.key, told.claims, told.published = KEY, dict(ADA), []
    told.algorithm, told.refuses, told.wrong, told.signs_with = "RS256", "", {}, None
    async with httpx.AsyncClient(base_url=house.url, trust_env=False, timeout=30) as http:
        yield Place(told, http)


async def test_whoever_the_provider_lets_in_comes_back_to_the_page_they_wanted(place: Place):
    entered = await place.sign_in("/runs?outcome=failed")
    page = await place.http.get("/runs?outcome=failed")

    assert (entered.status_code, entered.headers["location"]) == (303, "/runs?outcome=failed")
    assert page.status_code == 200
    assert "ada@example.com" in page.text


async def test_nobody_is_led_to_another_site(place: Place):
    entered = await place.sign_in("https://evil.example/")

    assert entered.headers["location"] == "/catalog"


async def test_what_groups_are_granted_counts_now_and_not_as_it_was_at_sign_in(place: Place, house: House):
    await place.sign_in()
    house.grants.write_text("")

    assert (await place.http.get("/catalog")).status_code == 403


async def test_a_key_that_is_new_at_the_provider_is_asked_for(place: Place):
    await place.sign_in()
    place.provider.key = rsa("two")

    assert (await place.sign_in()).status_code == 303


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"iss": "https://evil.example"}, "iss"),
        ({"aud": "another"}, "aud"),
        ({"aud": None}, "aud"),
        ({"exp": int(time.time()) - 3600}, "expired"),
        ({"exp": None}, "exp"),
        ({"iat": int(time.time()) + 3600}, "future"),
        ({"nonce": "another"}, "another attempt"),
        ({"nonce": None}, "another attempt"),
        ({"aud": [CLIENT, "another"]}, "several applications"),
        ({"azp": "another"}, "another application"),
        ({"email_verified": False}, "not verified"),
        ({"email_verified": None}, "not verified"),
        ({"email": "<script>"}, "no name that can be used"),
        ({"sub": None}, "sub"),
    ],
)
async def test_an_id_token_that_is_not_right_in_everything_signs_nobody_in(place: Place, wrong, told):
    place.provider.wrong = wrong

    answer = await place.sign_in()

    assert answer.status_code == 403
    assert told in answer.text
    assert (await place.http.get("/catalog")).status_code == 401


@pytest.mark.parametrize("sign", ["with another key", "with none"])
async def test_an_id_token_that_the_provider_did_not_sign_signs_nobody_in(place: Place, sign):
    if sign == "with another key":
        place.provider.signs_with = OTHER
    else:
        place.provider.algorithm = "none"

    assert (await place.sign_in()).status_code == 403


async def test_a_way_back_is_good_once_and_in_the_browser_that_went(place: Place):
    back = await place.leave()
    async with httpx.AsyncClient(base_url=place.http.base_url, trust_env=False, timeout=30) as other:
        stolen = await other.get(back)
    after = await place.http.get(back)

    assert (stolen.status_code, after.status_code) == (400, 400)
    assert "sign in again" in after.text


async def test_a_code_of_another_attempt_is_not_taken(place: Place):
    """PKCE: a code that somebody planted fits no verifier of ours."""
    planted = parse_qs(urlsplit(await place.leave()).query)["code"][0]
    back = await place.leave()
    own = parse_qs(urlsplit(back).query)["code"][0]

    answer = await place.http.get(back.replace(own, planted))

    assert answer.status_code == 403
    assert "invalid_grant" in answer.text


async def test_a_refusal_of_the_provider_is_told(place: Place):
    place.provider.refuses = "access_denied"

    answer = await place.sign_in()

    assert answer.status_code == 403
    assert "access_denied" in answer.text


async def test_another_provider_cannot_answer_in_its_place(place: Place):
    back = await place.leave()

    answer = await place.http.get(back.replace("iss=", "iss=https%3A%2F%2Fevil.example&was="))

    assert answer.status_code == 403
    assert "another identity provider" in answer.text
