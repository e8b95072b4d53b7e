"""The console in a real browser, on a mesh that just settled a case."""

import json
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from playwright.async_api import Browser, expect

from callboard_kit.client import load_key
from callboard_kit.publishing import registry_signature
from callboard_registry_api.client import RegistryClient
from callboard_registry_api.model import CallRecord
from tests.playing.stage import Stage
from tests.playing.tasks import own
from tests.playing.waiting import until

from .conftest import Window, opened

pytestmark = pytest.mark.timeout(180)

CASE = "cancel-to-gift-card"
ORDER = "#W2309762"
NASTY = '"><script>document.title="taken"</script><img src=x onerror="document.title=\'taken\'">'


@pytest.fixture(scope="module")
async def mesh(stage: Stage) -> Stage:
    """A mesh on which a customer had an order cancelled, and that has told the registry so."""
    tasks = own()
    await stage.fill(tasks)
    await stage.play(next(task for task in tasks.tasks if task.id == CASE))
    async with RegistryClient(stage.environment["CALLBOARD_REGISTRY"]) as registry:

        async def told() -> bool:
            records = (await registry.list_calls(page_size=1000)).records
            return any(call.operation == "cancel_pending_order" and call.outcome == "ok" for call in records)

        await until(told, within=60)
    return stage


async def test_an_architect_finds_an_operation_as_they_type_and_reads_what_it_promises(mesh, window: Window):
    page = await window.open("/catalog")
    await expect(page.get_by_role("row").filter(has_text="orders.v1")).to_contain_text("serving")

    await page.get_by_role("searchbox").press_sequentially("cancel an order", delay=20)
    found = page.get_by_role("link", name="orders.v1 cancel_pending_order")
    await found.click()

    await expect(page).to_have_url(re.compile(r"/services/orders\.v1#cancel_pending_order$"))
    operation = page.locator("#cancel_pending_order")
    await expect(operation).to_contain_text("irreversible")
    await expect(operation).to_contain_text("orchestrator and support may call it")
    await expect(operation.locator('[id="cancel_pending_order.input.reason"]')).to_contain_text("one of")
    assert (window.elsewhere(), window.complaints) == ([], [])


async def test_a_link_to_a_field_inside_of_another_opens_what_it_stands_in(mesh, window: Window):
    page = await window.open("/services/orders.v1")
    inside = page.locator('[id="get_order_details.output.items.price"]')
    await expect(inside).to_be_hidden()

    page = await window.open("/services/orders.v1#get_order_details.output.items.price")

    await expect(page.locator('[id="get_order_details.output.items.price"]')).to_be_visible()


async def test_a_search_is_an_address_that_can_be_shared(mesh, window: Window):
    page = await window.open("/catalog")
    await page.get_by_role("searchbox").press_sequentially("refund", delay=20)
    await expect(page).to_have_url(re.compile("q=refund"))

    await window.open(page.url.removeprefix(window.origin))

    await expect(page.get_by_role("link", name="billing.v1 refund")).to_be_visible()


async def test_an_auditor_goes_from_an_order_to_what_was_done_to_it(mesh, window: Window):
    page = await window.open("/runs")
    await page.get_by_label("Entity").fill(ORDER)
    await page.get_by_role("button", name="Show").click()
    await page.locator("tbody th a").first.click()

    rows = page.locator(".story > li").filter(has_text="orders.v1 cancel_pending_order")
    await expect(rows.first).to_contain_text("orchestrator → orders")
    await expect(rows.first).to_contain_text("ok")
    refund = page.locator(".story > li").filter(has_text="billing.v1 refund").first
    await expect(refund).to_contain_text("orders → billing")
    assert (window.elsewhere(), window.complaints) == ([], [])


async def test_an_auditor_reads_what_the_agent_was_asked_what_it_did_and_what_it_answered(mesh, window: Window):
    page = await window.open(f"/runs?entity={quote(ORDER)}")
    await page.locator("tbody th a").first.click()

    # The observer reads histories every ten seconds; the page goes on by itself meanwhile.
    summary = page.locator(".summary")
    await expect(summary).to_contain_text("Was asked", timeout=40_000)
    await expect(summary).to_contain_text("orders.v1 cancel_pending_order", timeout=40_000)
    await expect(summary).to_contain_text("Answered", timeout=40_000)
    called = page.locator(".kind-call").filter(has_text="orders.v1 cancel_pending_order").first
    await called.locator("summary").click()
    await expect(called.locator("pre").first).to_contain_text(ORDER)
    await expect(page.locator(".kind-call.depth-2").filter(has_text="billing.v1 refund")).to_be_visible()
    assert (window.elsewhere(), window.complaints) == ([], [])


async def test_the_map_leads_from_an_arrow_to_the_calls(mesh, window: Window):
    page = await window.open("/map")
    await expect(page.locator("svg text", has_text="billing")).to_be_visible()

    await (
        page.get_by_role("row")
        .filter(has_text="orchestrator")
        .filter(has_text="orders")
        .get_by_role("link")
        .last.click()
    )

    await expect(page).to_have_url(re.compile(r"/runs\?caller=orchestrator&team=orders"))
    await expect(page.locator("tbody tr").first).to_be_visible()


async def test_a_run_under_way_goes_on_by_itself(mesh, window: Window):
    key = load_key("orders", mesh.settings)
    begun = record("live-1", "one", outcome="started", reason="")
    async with RegistryClient(mesh.environment["CALLBOARD_REGISTRY"], sign=registry_signature(key)) as registry:
        await registry.report_calls([begun])
        page = await window.open("/runs/live-1")
        await expect(page.locator("#run")).to_contain_text("under way")

        await registry.report_calls([record("live-1", "one", outcome="ok", reason="")])

        await expect(page.locator("#run")).not_to_contain_text("under way")
        await expect(page.locator(".story > li").filter(has_text="orders.v1 one")).to_contain_text("ok")


async def test_hostile_words_run_nothing(mesh, window: Window):
    key = load_key("orders", mesh.settings)
    async with RegistryClient(mesh.environment["CALLBOARD_REGISTRY"], sign=registry_signature(key)) as registry:
        await registry.report_calls([record("hostile-1", "one", outcome="failed", reason=NASTY + "\u202e" + "x" * 900)])

    page = await window.open("/runs/hostile-1")

    await expect(page.locator(".story > li").filter(has_text="onerror")).to_be_visible()
    await expect(page).to_have_title("Run hostile-1 · Callboard")
    assert await page.locator("img").count() == 0
    assert (window.elsewhere(), window.complaints) == ([], [])


def record(root: str, token: str, *, outcome: str, reason: str) -> CallRecord:
    return CallRecord(
        root=root,
        token_id=f"{root}-{token}",
        caller="orders",
        endpoint="orders",
        service="orders.v1",
        operation=token,
        start=datetime(2026, 11, 22, 9, 0, tzinfo=UTC),
        outcome=outcome,  # pyright: ignore[reportArgumentType] - one of the words
        duration=None if outcome == "started" else timedelta(seconds=1),
        reason=reason,
    )


@pytest.mark.parametrize("width", [390, 1280])
async def test_pages_are_accessible_and_fit_in_both_themes(mesh, browser: Browser, signed_in, theme, width):
    async with await browser.new_context(
        color_scheme=theme, viewport={"width": width, "height": 900}, storage_state=signed_in
    ) as context:
        window = await opened(context, mesh.console)
        paths = ["/catalog", "/services/orders.v1", "/map", "/runs", "/catalog?q=refund", "/services/none.v1"]
        paths += [
            "/analytics",
            f"/runs?entity={quote(ORDER)}",
            "/inbox",
            "/signin",
            "/services/orders.v1/try/exchange_delivered_order_items",
        ]
        faults: dict[str, object] = {}
        for path in paths:
            page = await window.open(path)
            if found := await window.faults():
                faults[path] = found
            wider = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            if wider > 0:
                faults[f"{path} is wider than the window"] = wider
    assert not faults, json.dumps(faults, indent=1)
