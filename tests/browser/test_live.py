"""The page of a run while it runs: opened before anything is known of it, and never loaded again."""

import os

import pytest
from playwright.async_api import expect

from callboard_orchestrator.client import start_orchestrate
from tests.playing.approving import approver
from tests.playing.stage import Stage
from tests.playing.tasks import own

from .conftest import Window

pytestmark = pytest.mark.timeout(180)

TASKS = own()
CANCELLING = next(task for task in TASKS.tasks if task.id == "cancel-to-gift-card")
OPENING = "() => Object.assign(document.querySelector('.kind-model details'), { open: true }).id"
SOON = 60_000
"""Milliseconds: what happens is waited for, not timed."""


async def test_a_run_tells_what_it_does_while_it_does_it(stage: Stage, window: Window):
    await stage.fill(TASKS)
    root = f"live-{os.getpid()}"
    page = await window.open(f"/runs/{root}")
    await expect(page.locator("#run")).to_contain_text("goes on looking")
    window.complaints.clear()  # of the address, which named nothing
    await page.evaluate("window.untouched = true")

    handle = await start_orchestrate(
        await stage.client("orchestrator"), CANCELLING.words, root=root, approvals="effects"
    )
    asked = page.locator(".kind-approval").filter(has_text="cancel_pending_order").first
    await expect(asked).to_contain_text("waits for an answer", timeout=SOON)
    await expect(page.locator(".lead").first).to_contain_text("under way")
    await expect(page.locator(".kind-model details").first).to_be_attached(timeout=SOON)
    # In one go: between finding it and opening it the page may have renewed it.
    opened = await page.evaluate(OPENING)
    async with approver(stage) as ada, ada.answering(root):
        await handle.result()

    await expect(asked).to_contain_text("approved", timeout=SOON)
    await expect(asked).to_contain_text("by ada")
    await expect(page.locator(".summary")).to_contain_text("Answered", timeout=SOON)
    await expect(page.locator(".lead").first).not_to_contain_text("under way", timeout=SOON)
    await expect(page.locator(f"[id='{opened}']")).to_have_attribute("open", "")
    assert await page.evaluate("window.untouched"), "the page went on by itself"
    assert (window.elsewhere(), window.complaints) == ([], [])
