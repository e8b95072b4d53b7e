"""A registry without workers in a real browser: revisions move and are compared; what cannot be shown says so."""

import json
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser, StorageState, expect

from callboard.stack.signing_in import make_link
from callboard_kit.identity import SigningKey
from callboard_kit.publishing import registry_signature
from callboard_registry.server import serving
from callboard_registry.settings import Address, Settings
from callboard_registry_api.client import RegistryClient
from callboard_registry_api.model import CallRecord

from .conftest import opened, sign_in

# The shop is a part of the registry's own tests, which find their parts by name.
sys.path.insert(0, str(Path(__file__).parents[2] / "registry" / "tests"))

from publishing_shop import shop_document

pytestmark = pytest.mark.timeout(120)

TOKEN = "administrator-of-a-registry-alone"
LATER = (datetime.now(UTC) + timedelta(days=40)).date().isoformat()
NOT_THERE = {
    "/services/none.v1": "no listing of",
    "/services/shop.v1?digest=sha256:0": "has no revision",
    "/services/shop.v1/compare?old=x&new=y": "has no revision",
    "/services/shop.v1/move?digest=sha256:0&to=approved": "has no revision",
    "/services/shop.v1/try/none": "CALLBOARD_CONSOLE_CALLERS",
    "/runs/none": "goes on looking",
    "/inbox/none": "does not know where the gateway is",
    "/runs?outcome=moon": "use 'started'",
    "/runs?cost=much": "write US dollars",
    "/runs?window=moon": "use 'day'",
    "/runs?after=moon": "start again without it",
    "/map?window=moon": "use 'day'",
    "/catalog?state=moon": "use",
    "/analytics?show=moon": "use 'tools'",
    "/analytics?show=tools&team=shop": "only spending is told for one team",
}
"""Addresses that name nothing, and what the page says of it."""

QUIET = {
    "/catalog": "No service is published yet",
    "/catalog?q=zeppelin": "Try fewer words",
    "/map": "Look at a month",
    "/runs": "No run",
    "/inbox": "does not know where the gateway is",
    "/analytics?show=tools": "No call failed",
    "/analytics?show=stuck": "Nothing went wrong",
    "/analytics?show=people": "Nobody was asked anything",
    "/analytics?show=spend-team": "No model was asked",
    "/analytics?show=spend-operation&team=shop": "No model was asked by shop",
    "/analytics?show=latency": "No call ended well",
}
"""Pages of a registry in which there is nothing, and what they say."""


class Alone:
    """A registry, and a browser's session at it."""

    def __init__(self, origin: str, address: str, kept: StorageState) -> None:
        self.origin = origin
        self.address = address
        self.kept = kept
        self.key = SigningKey.generate("shop")

    async def publish(self, **told: object) -> None:
        async with RegistryClient(self.address, sign=registry_signature(self.key)) as shop:
            await shop.publish_listing(shop_document(**told))  # pyright: ignore[reportArgumentType] - as it takes them


@pytest.fixture
async def alone(browser: Browser, tmp_path: Path) -> AsyncIterator[Alone]:
    anywhere = Address("127.0.0.1", 0)
    settings = Settings(
        database=f"sqlite:///{tmp_path / 'registry.db'}", grpc=anywhere, http=anywhere, administrator_token=TOKEN
    )
    async with serving(settings) as addresses:
        origin = f"http://{addresses.http}"
        async with await browser.new_context() as context:
            await sign_in(await context.new_page(), await make_link(origin, token=TOKEN, name="ada@example.com"))
            alone = Alone(origin, str(addresses.grpc), await context.storage_state())
        async with RegistryClient(alone.address, administrator_token=TOKEN) as administrator:
            await administrator.register_key("shop", alone.key.key_id, alone.key.public_key.public_bytes)
        yield alone


async def test_a_revision_is_approved_deprecated_and_retired_although_it_is_called(alone: Alone, browser: Browser):
    await alone.publish()
    async with await browser.new_context(storage_state=alone.kept, color_scheme="dark") as context:
        window = await opened(context, alone.origin)
        page = await window.open("/services/shop.v1")
        await page.get_by_role("link", name="Approve").click()
        await expect(page.locator("main")).to_contain_text("Nothing here breaks a caller")
        await page.get_by_label("Why").fill("looked through it")
        await page.get_by_role("button", name="Approve").click()
        await expect(page.locator("h1")).to_contain_text("approved")

        await page.get_by_role("link", name="Deprecate").click()
        await page.get_by_label("Answers until").fill(LATER)
        await page.get_by_label("What to call instead").fill("bank.v1")
        await page.get_by_role("button", name="Deprecate").click()
        await expect(page.get_by_role("alert")).to_contain_text("publish the successor first")
        assert await window.faults() == []
        await page.get_by_label("What to call instead").fill("")
        await page.get_by_role("button", name="Deprecate").click()
        await expect(page.locator(".notice").first).to_contain_text("This revision is deprecated")

        called = CallRecord(
            root="r", token_id="t", caller="bank", endpoint="shop", service="shop.v1", operation="sell",
            revision=page.url.partition("digest=")[2].replace("%3A", ":"),
            start=datetime.now(UTC), outcome="ok", duration=timedelta(seconds=1),
        )  # fmt: skip
        async with RegistryClient(alone.address, sign=registry_signature(alone.key)) as shop:
            await shop.report_calls([called])
        await page.get_by_role("link", name="Retire").click()
        await expect(page.locator(".notice").first).to_contain_text("bank called it in the last seven days")
        await expect(page.locator(".notice").last).to_contain_text("It was promised to answer until")
        await page.get_by_role("button", name="Retire").click()
        await expect(page.get_by_role("alert")).to_contain_text("use force")
        await page.get_by_label("Retire it although it is called").check()
        await page.get_by_role("button", name="Retire").click()
        await expect(page.locator("h1")).to_contain_text("retired")
        assert window.elsewhere() == []


async def test_two_revisions_are_compared_and_what_breaks_whom_is_said(alone: Alone, browser: Browser):
    await alone.publish()
    await alone.publish(longest=30)
    async with await browser.new_context(storage_state=alone.kept, viewport={"width": 390, "height": 800}) as context:
        window = await opened(context, alone.origin)
        page = await window.open("/services/shop.v1")
        await page.get_by_role("link", name="what changed").click()

        await expect(page.get_by_role("heading", level=1)).to_contain_text("What changed")
        await expect(page.locator("main")).to_contain_text("sell")
        assert (await window.faults(), window.elsewhere(), window.complaints) == ([], [], [])


async def test_where_there_is_nothing_a_page_says_what_would_be_there(alone: Alone, browser: Browser):
    wrong: dict[str, object] = {}
    async with await browser.new_context(storage_state=alone.kept) as context:
        window = await opened(context, alone.origin)
        for path, told in QUIET.items():
            text = await (await window.open(path)).locator("main").inner_text()
            if told not in text or await window.faults():
                wrong[path] = text
    assert not wrong, json.dumps(wrong, indent=1)


async def test_what_names_nothing_is_a_page_that_says_what_to_do(alone: Alone, browser: Browser):
    await alone.publish()
    wrong: dict[str, object] = {}
    async with await browser.new_context(
        storage_state=alone.kept, color_scheme="dark", viewport={"width": 390, "height": 800}
    ) as context:
        window = await opened(context, alone.origin)
        for path, told in NOT_THERE.items():
            page = await window.open(path)
            text = await page.locator("main").inner_text()
            wider = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            if told not in text or wider > 0 or await page.locator("main a").count() == 0 or await window.faults():
                wrong[path] = (text, wider)
    assert not wrong, json.dumps(wrong, indent=1)


async def test_a_session_that_is_over_is_told_on_a_page_that_goes_on_by_itself(alone: Alone, browser: Browser):
    async with await browser.new_context(storage_state=alone.kept) as context:
        window = await opened(context, alone.origin)
        page = await window.open("/runs/too-new")
        await expect(page.locator("#run")).to_contain_text("goes on looking")
        await context.clear_cookies()

        await expect(page.locator("main")).to_contain_text("Nothing is shown here without signing in", timeout=60_000)
