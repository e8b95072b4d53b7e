"""Answering questions in a real browser, while the run that asks waits."""

import os

import pytest
from playwright.async_api import Browser, StorageState, expect

from callboard_orchestrator.client import start_orchestrate
from tests.playing.approving import approver
from tests.playing.judging import wrong_records
from tests.playing.stage import Stage
from tests.playing.tasks import own

from .conftest import Window, opened, sign_in

pytestmark = pytest.mark.timeout(180)

TASKS = own()
CANCELLING = next(task for task in TASKS.tasks if task.id == "cancel-to-gift-card")


async def asked(stage: Stage, root: str):
    """Begin a run that asks before every effect."""
    await stage.fill(TASKS)
    return await start_orchestrate(await stage.client("orchestrator"), CANCELLING.words, root=root, approvals="effects")


async def test_an_approver_sees_a_question_come_in_and_lets_it_happen_once(stage: Stage, window: Window):
    root = f"inbox-approve-{os.getpid()}"
    page = await window.open(f"/inbox?root={root}")
    await expect(page.get_by_text("Nothing waits for you")).to_be_visible()

    handle = await asked(stage, root)
    await page.get_by_role("link", name="orders.v1 cancel_pending_order").click()
    question = page.url.removeprefix(window.origin)
    await expect(page.get_by_text("#W2309762").first).to_be_visible()
    await expect(page.locator("tbody tr").filter(has_text="get_").first).to_be_visible()
    late = await window.page.context.new_page()
    await late.goto(page.url)
    await page.get_by_label("Why").fill("as agreed on the phone")
    await page.get_by_role("button", name="Approve and remember").click()
    await expect(page.locator("#standing")).to_contain_text("approved by ada@example.com: as agreed on the phone")
    await expect(late.locator("#standing")).to_contain_text("approved by ada@example.com")
    await expect(late.get_by_role("button", name="Refuse")).not_to_be_visible()
    async with approver(stage) as other, other.answering(root):
        await handle.result()

    assert wrong_records(CANCELLING.changed, stage.books.changed(TASKS.records)) == []
    await window.open(question)
    await expect(page.locator("#standing")).to_contain_text("approved by ada@example.com")
    assert (window.elsewhere(), window.complaints) == ([], [])


async def test_a_refusal_needs_a_reason_and_the_agent_hears_it(
    stage: Stage, window: Window, browser: Browser, signed_in: StorageState
):
    root = f"inbox-refuse-{os.getpid()}"
    handle = await asked(stage, root)
    page = await window.open(f"/inbox?root={root}")
    await page.get_by_role("link", name="orders.v1 cancel_pending_order").click()
    # A page that does not go on by itself still shows the question when somebody else has answered it.
    unmoved = await browser.new_context(storage_state=signed_in, java_script_enabled=False)
    both = await unmoved.new_page()
    await both.goto(page.url)

    await page.get_by_role("button", name="Refuse").click()
    await expect(page.get_by_role("alert")).to_contain_text("say why")
    await page.get_by_label("Why").fill("the customer called again")
    await page.get_by_role("button", name="Refuse").click()
    await expect(page.locator("#standing")).to_contain_text("refused by ada@example.com: the customer called again")
    await both.get_by_role("button", name="Approve", exact=True).click()
    async with approver(stage) as other, other.answering(root, approve=False):
        settled = await handle.result()

    await expect(both.locator("body")).to_contain_text("answered already: refused by ada@example.com")
    await unmoved.close()
    errors = [call.error for call in settled.calls if call.operation == "cancel_pending_order"]
    assert any("the customer called again" in str(error) for error in errors)
    assert stage.books.effects() == {}


async def test_who_may_not_answer_is_shown_no_inbox(stage: Stage, browser: Browser):
    async with await browser.new_context() as context:
        window = await opened(context, stage.console)
        await sign_in(window.page, await stage.link("vera@example.com", may=["viewer"]))
        await expect(window.page.get_by_role("link", name="Runs")).to_be_visible()
        await expect(window.page.get_by_role("link", name="Inbox", exact=True)).not_to_be_visible()

        await window.open("/inbox")

        await expect(window.page.get_by_role("heading", name="Not for you")).to_be_visible()
        await expect(window.page.get_by_text("this is for the approvers")).to_be_visible()


async def test_a_session_that_ended_meanwhile_is_told_and_signing_in_leads_back(stage: Stage, browser: Browser):
    async with await browser.new_context() as context:
        window = await opened(context, stage.console)
        page = window.page
        await sign_in(page, await stage.link("ada@example.com"))
        await window.open("/runs?entity=none")
        await context.clear_cookies(name="callboard-next")
        elsewhere = await context.new_page()
        await elsewhere.goto(f"{stage.console}/catalog")
        kept = [cookie for cookie in await context.cookies() if cookie["name"].startswith("callboard-")]
        await elsewhere.get_by_role("button", name="Sign out").click()
        await context.add_cookies(kept)  # pyright: ignore[reportArgumentType] - as they came

        await page.reload()
        await expect(page.get_by_text("Your session is over")).to_be_visible()
        await sign_in(page, await stage.link("ada@example.com"))

        await expect(page).to_have_url(f"{stage.console}/runs?entity=none")
        assert all(cookie.get("httpOnly") for cookie in kept)
