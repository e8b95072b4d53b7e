"""Trying operations in a real browser: what is sent is sent, and nothing else is."""

import json
import os

import pytest
from playwright.async_api import Browser, Page, expect

from tests.playing.stage import Stage
from tests.playing.tasks import own

from .conftest import Window, opened, sign_in

pytestmark = pytest.mark.timeout(180)

ORDER = "#W2309762"


@pytest.fixture
async def mesh(stage: Stage) -> Stage:
    await stage.fill(own())
    return stage


async def fill(page: Page, label: str, value: str) -> None:
    await page.get_by_label(label, exact=False).first.fill(value)


async def test_a_reading_operation_answers_on_the_page_and_is_on_record(mesh: Stage, window: Window):
    page = await window.open("/services/orders.v1")
    await page.locator("#get_order_details").get_by_role("link", name="Try it").click()
    await fill(page, "order_id", ORDER)

    await page.get_by_role("button", name="Send").click()

    await expect(page.locator("pre")).to_contain_text(f'"order_id": "{ORDER}"')
    await expect(page.locator("dl")).to_contain_text("orchestrator, for ada@example.com")
    again = page.url
    await page.reload()
    assert page.url == again
    run = await page.get_by_role("link", name="what it caused").get_attribute("href")
    await expect(page.locator("h1")).to_contain_text("ok")
    await _until_on_record(window, str(run))
    assert (window.elsewhere(), window.complaints) == ([], [])


async def test_an_effect_happens_after_somebody_said_that_it_is_meant(mesh: Stage, window: Window):
    page = await window.open("/services/orders.v1/try/cancel_pending_order?team=orchestrator")
    await fill(page, "order_id", ORDER)
    await page.get_by_label("reason").select_option('"no longer needed"')
    await page.get_by_role("button", name="Go on").click()

    await expect(page.locator("pre")).to_contain_text(ORDER)
    await expect(page.get_by_text("This is no rehearsal")).to_be_visible()
    before = mesh.books.effects()
    await page.get_by_role("button", name="Yes, cancel pending order").click()
    await expect(page.locator("h1 .badge")).to_have_text("ok", timeout=30_000)

    assert before == {}
    assert mesh.books.effects() != {}


async def test_what_the_schema_does_not_take_is_not_sent_and_what_the_provider_refuses_is_told(
    mesh: Stage, window: Window
):
    page = await window.open("/services/orders.v1/try/get_order_details")
    await page.get_by_role("button", name="As JSON").click()
    await page.get_by_label("Input, as JSON").fill(json.dumps({"order_id": ""}))
    await page.get_by_role("button", name="Send").click()
    await expect(page.get_by_role("alert")).to_contain_text("/order_id")

    await page.get_by_label("Input, as JSON").fill(json.dumps({"order_id": "#W0"}))
    await page.get_by_role("button", name="Send").click()
    await expect(page.locator("h1")).to_contain_text("refused")

    await window.open("/services/orders.v1/try/get_order_details?team=inventory")
    await fill(page, "order_id", ORDER)
    await page.get_by_role("button", name="Send").click()
    await expect(page.locator("#tried")).to_contain_text("no rule of the provider's policy lets")
    [told] = window.complaints
    assert "status of 400" in told


async def test_lists_grow_without_scripts_and_a_person_may_call_as_their_team_only(mesh: Stage, browser: Browser):
    async with await browser.new_context(java_script_enabled=False) as context:
        window = await opened(context, mesh.console)
        page = window.page
        await sign_in(page, await mesh.link(f"pat-{os.getpid()}@example.com", may=["publisher:support"]))
        await window.open("/services/orders.v1/try/exchange_delivered_order_items")
        assert await page.get_by_label("Call as").locator("option").all_inner_texts() == ["support"]

        before = await page.locator("fieldset").first.get_by_role("textbox").count()
        await page.get_by_role("button", name="One more of item_ids", exact=True).click()
        assert await page.locator("fieldset").first.get_by_role("textbox").count() == before + 1

        await window.open("/services/orders.v1/try/get_order_details?team=support")
        await fill(page, "order_id", ORDER)
        await page.get_by_role("button", name="Send").click()
        for _ in range(10):
            if "under way" not in await page.locator("h1").inner_text():
                break
            await page.reload()
        await expect(page.locator("pre")).to_contain_text("[masked: location]")


async def _until_on_record(window: Window, path: str) -> None:
    for _ in range(20):
        await window.open(path)
        if await window.page.get_by_text("get_order_details").count():
            window.complaints.clear()
            return
        await window.page.wait_for_timeout(300)
    pytest.fail("the call is not on record")
