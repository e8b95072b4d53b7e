"""Getting into the console, staying in, and being kept out."""

import re
from datetime import timedelta

import httpx
import pytest
from publishing_shop import ADMINISTRATOR
from signed_in import link_for, signed_in

from callboard_registry.console.signin.visits import HOME, safe_path
from callboard_registry.signin.configuration import ConsoleSettings
from callboard_registry.signin.granting import Grants, GrantsError
from callboard_registry.signin.roles import Grant, Visitor


@pytest.fixture
def browse(running):
    """Make a browser without cookies."""
    return lambda **more: httpx.AsyncClient(base_url=f"http://{running.http}", trust_env=False, timeout=30, **more)


def csrf(page: str) -> str:
    found = re.search(r'name="csrf" value="([0-9a-f]+)"', page)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("path", ["/catalog", "/services/shop.v1", "/map", "/runs", "/runs/any", "/catalog?q=secret"])
async def test_nothing_is_readable_without_signing_in(browse, path):
    async with browse() as http:
        answer = await http.get(path)

    assert answer.status_code == 401
    assert "<h1>Sign in</h1>" in answer.text
    assert "callboard persons link" in answer.text


async def test_a_link_signs_in_once_and_leads_back_to_the_page_that_was_wanted(browse):
    async with browse() as http, browse() as thief:
        await http.get("/runs?outcome=failed")
        link = await link_for(http, name="grace@example.com")
        shown = await http.get(link)
        again = await http.get(link)
        entered = await http.post(link)
        stolen = await thief.post(link)
        page = await http.get("/catalog")

    assert (shown.status_code, again.status_code) == (200, 200), "looking uses nothing up"
    assert "grace@example.com" in shown.text
    assert (entered.status_code, entered.headers["location"]) == (303, "/runs?outcome=failed")
    cookie = entered.headers.get_list("set-cookie")[-1].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert stolen.status_code == 410
    assert "used already" in stolen.text
    assert "grace@example.com" in page.text


async def test_a_link_ends(browse):
    async with browse() as http:
        link = await link_for(http, minutes=1e-7)
        answer = await http.post(link)

    assert answer.status_code == 410


async def test_only_the_administrator_makes_links(browse):
    wanted = {"name": "eve@example.com", "granted": {"may": ["administrator"]}}
    async with browse() as http:
        without = await http.post("/v1/signin-links", json=wanted)
        wrong = await http.post("/v1/signin-links", json=wanted, headers={"authorization": "Bearer none"})
        unknown = await http.post(
            "/v1/signin-links",
            json={"name": "eve", "granted": {"may": ["king"]}},
            headers={"authorization": f"Bearer {ADMINISTRATOR}"},
        )

    assert (without.status_code, wrong.status_code, unknown.status_code) == (401, 401, 400)
    assert "no role" in unknown.json()["error"]["message"]


async def test_signing_out_ends_the_session_for_whoever_has_its_token(browse):
    async with browse() as http, browse() as thief:
        await signed_in(http)
        thief.cookies = httpx.Cookies(http.cookies)
        page = await http.get("/catalog")
        out = await http.post("/signout", data={"csrf": csrf(page.text)})
        later = await thief.get("/catalog")

    assert out.status_code == 303
    assert later.status_code == 401
    assert "Your session is over" in later.text


async def test_a_form_that_another_site_made_does_nothing(browse):
    async with browse() as http:
        await signed_in(http)
        token = csrf((await http.get("/catalog")).text)
        answers = [
            await http.post("/signout"),
            await http.post("/signout", data={"csrf": "0" * 64}),
            await http.post("/signout", data={"csrf": token}, headers={"origin": "https://evil.example"}),
            await http.post("/signout", data={"csrf": token}, headers={"origin": "null"}),
            await http.post("/signout", data={"csrf": token}, headers={"sec-fetch-site": "cross-site"}),
        ]
        still = await http.get("/catalog")

    assert [each.status_code for each in answers] == [403] * 5
    assert still.status_code == 200


@pytest.mark.parametrize("settings", [{"idle": timedelta(0)}, {"longest": timedelta(0)}])
async def test_a_session_that_is_over_says_so_and_what_was_sent_is_not_done(serve_with, settings):
    async with (
        serve_with(console=ConsoleSettings(**settings)) as running,
        httpx.AsyncClient(base_url=f"http://{running.http}", trust_env=False, timeout=30) as http,
    ):
        entered = await http.post(await link_for(http))
        # A browser forgets it by itself; one that does not is told.
        http.cookies.set(*entered.headers.get_list("set-cookie")[-1].split(";")[0].split("="))
        page = await http.get("/runs")
        part = await http.get("/runs", headers={"hx-request": "true"})
        sent = await http.post(
            "/inbox/gate-1", data={"answer": "approve"}, headers={"referer": f"{http.base_url}/inbox/gate-1"}
        )

    assert (page.status_code, sent.status_code) == (401, 401)
    assert "What you sent was not done" in sent.text
    assert "next=/inbox/gate-1" in sent.text
    assert "Your session is over" in page.text
    assert part.headers["hx-refresh"] == "true"


async def test_whoever_tries_links_again_and_again_has_to_wait(serve_with):
    async with (
        serve_with() as running,
        httpx.AsyncClient(base_url=f"http://{running.http}", trust_env=False, timeout=30) as http,
    ):
        answers = [await http.post(f"/signin/link/guess-{number}") for number in range(12)]
        good = await http.post(await link_for(http))

    assert [each.status_code for each in answers][-1] == 429
    assert good.status_code == 429


async def test_a_public_catalog_shows_services_and_nothing_of_who_called_them(serve_with):
    async with (
        serve_with(console=ConsoleSettings(public=True)) as running,
        httpx.AsyncClient(base_url=f"http://{running.http}", trust_env=False, timeout=30) as http,
    ):
        statuses = [(await http.get(path)).status_code for path in ("/catalog", "/services/none.v1", "/runs", "/map")]

    assert statuses == [200, 404, 401, 401]


async def test_somebody_who_is_granted_nothing_reads_nothing(browse):
    async with browse() as http:
        await signed_in(http, name="new@example.com", may=())
        answer = await http.get("/catalog")

    assert answer.status_code == 403
    assert "may do nothing here yet" in answer.text


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "\\/evil.example",
        "javascript:alert(1)",
        "/runs\r\nset-cookie: a=b",
        "",
        "runs",
        "/signin?next=/signin",
        "/" + "x" * 3000,
    ],
)
def test_no_way_leads_from_signing_in_to_another_site(target):
    assert safe_path(target) == HOME


def test_a_page_with_its_filters_is_come_back_to():
    assert safe_path("/runs?entity=%23W1&outcome=failed") == "/runs?entity=%23W1&outcome=failed"


def test_roles_are_for_one_team_or_for_all():
    ada = Visitor("ada", (Grant.read("approver:billing"), Grant.read("viewer")))

    assert ada.may("viewer", "orders")
    assert ada.may("approver")
    assert ada.may("approver", "billing")
    assert not ada.may("approver", "orders")
    assert not ada.may("publisher", "billing")


def test_the_file_of_grants_is_read_again_when_it_changes(tmp_path):
    path = tmp_path / "console.toml"
    grants = Grants(path)
    before = grants.visitor("ada@example.com", ["finance"])
    path.write_text('[everyone]\nmay = ["viewer"]\n[groups.finance]\nmay = ["approver:billing"]\nroles = ["finance"]\n')

    after = grants.visitor("ada@example.com", ["finance", "others"])

    assert before.grants == ()
    assert after == Visitor("ada@example.com", (Grant("viewer"), Grant("approver", "billing")), ("finance",))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[everyone]\nmay = ["king"]', "everyone.may.0: 'king' is no role"),
        ('[everybody]\nmay = ["viewer"]', "everybody: Extra inputs"),
        ("[everyone", "cannot be read"),
    ],
)
def test_a_file_of_grants_that_cannot_be_used_lets_nobody_in(tmp_path, text, told):
    path = tmp_path / "console.toml"
    path.write_text(text)

    with pytest.raises(GrantsError, match=re.escape(told)):
        Grants(path).visitor("ada@example.com", [])
