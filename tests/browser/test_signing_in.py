"""Signing in at an identity provider in a real browser: redirects, cookies and what a page may send where."""

import sys
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from callboard_registry.server import serving
from callboard_registry.settings import Address, Settings
from callboard_registry.signin.configuration import ConsoleSettings, ProviderSettings

from .conftest import opened

# The provider is a part of the registry's own tests, which find their parts by name.
sys.path.insert(0, str(Path(__file__).parents[2] / "registry" / "tests"))

from identity_provider import CLIENT, SECRET, identity_provider
from publishing_shop import free_port

pytestmark = pytest.mark.timeout(60)


async def test_a_person_signs_in_at_the_provider_and_is_back_on_the_page(browser: Browser, tmp_path: Path):
    (tmp_path / "console.toml").write_text('[groups.finance]\nmay = ["approver"]\n')
    anywhere = Address("127.0.0.1", 0)
    # The provider is on another site than the console: what browsers keep back from other sites is kept back.
    port = free_port()
    url = f"http://localhost:{port}"
    async with identity_provider() as provider, await browser.new_context() as context:
        console = ConsoleSettings(
            url=url,
            grants=tmp_path / "console.toml",
            provider=ProviderSettings(issuer=provider.issuer, client=CLIENT, secret=SECRET),
        )
        settings = Settings(
            database=f"sqlite:///{tmp_path / 'registry.db'}",
            grpc=anywhere,
            http=Address("127.0.0.1", port),
            administrator_token="for-tests",
            console=console,
        )
        async with serving(settings):
            window = await opened(context, url)
            page = await window.open("/runs?entity=%23W1")
            await page.get_by_role("link", name="Sign in with your organisation's account").click()

            await expect(page).to_have_url(f"{url}/runs?entity=%23W1")
            await expect(page.get_by_text("ada@example.com")).to_be_visible()
            [session] = [cookie for cookie in await context.cookies() if cookie["name"] == f"callboard-{port}"]
            assert (session["httpOnly"], session["sameSite"]) == (True, "Lax")

            await page.get_by_role("button", name="Sign out").click()
            await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
            await window.open("/catalog")
            await expect(page.get_by_text("Nothing is shown here without signing in")).to_be_visible()

            provider.wrong = {"nonce": "another"}
            await page.get_by_role("link", name="Sign in with your organisation's account").click()
            await expect(page.get_by_text("is about another attempt to sign in")).to_be_visible()
            # Nothing but the way to the provider led elsewhere.
            assert {link.partition("?")[0] for link in window.elsewhere()} == {f"{provider.issuer}/authorize"}
