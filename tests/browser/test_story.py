"""What did the agent do, and why? One page answers it for a run that was held up in every way there is."""

import os
from collections.abc import Mapping

import pytest
from playwright.async_api import expect

from callboard_kit.limits import Limits
from callboard_orchestrator.client import start_orchestrate
from tests.playing.stage import Stage
from tests.playing.tasks import own

from .conftest import Window

pytestmark = pytest.mark.timeout(180)

PENDING = "#W2309762"
SHIPPED = "#W4164236"
SOON = 60_000
"""Milliseconds: what happens is waited for, not timed."""


def address(order: str, street: str) -> Mapping[str, object]:
    moved = {"address1": street, "address2": "", "city": "X", "country": "USA", "state": "NV", "zip": "89001"}
    return {"name": "orders_v1__modify_pending_order_address", "arguments": {"order_id": order, **moved}}


async def test_a_run_that_was_held_up_says_by_what_and_why_it_stopped(stage: Stage, window: Window):
    await stage.fill(own())
    root = f"held-up-{os.getpid()}"
    goal, words = f"Redirect what has left, {root}", f"Move my orders, {root}"
    asks = {"name": "orders_v1__assist", "arguments": {"goal": goal}}
    await stage.rehearse(
        {
            "id": goal,
            "match": goal,
            "equals": True,
            "steps": [{"tool_calls": [address(SHIPPED, "1 Lane")]}, {"content": "It does not go."}],
        },
        {
            "id": words,
            "match": words,
            "equals": True,
            "steps": [
                # Two at once that act on the same order: one has to wait for the other.
                {"tool_calls": [address(PENDING, "2 Lane"), address(PENDING, "3 Lane")]},
                {"tool_calls": [asks]},
                {"tool_calls": [asks]},
            ],
        },
    )
    struck = {"rates": {"server_error": 1}, "attempts": 1, "match": words}
    (await stage.model.put("/offline/faults", json=struck)).raise_for_status()
    try:
        handle = await start_orchestrate(await stage.client("orchestrator"), words, root=root, limits=Limits(steps=2))
        await handle.result()
    finally:
        (await stage.model.put("/offline/faults", json={})).raise_for_status()

    page = await window.open(f"/runs/{root}")
    summary = page.locator(".summary")
    await expect(summary).to_contain_text("it has made all the steps that it may", timeout=SOON)
    await expect(summary).to_contain_text("Guard shipped-stays", timeout=SOON)
    await expect(summary).to_contain_text(f"order {SHIPPED!r} has left", timeout=SOON)
    await expect(summary).to_contain_text(f"Waits for the lock of {PENDING}", timeout=SOON)
    await expect(summary).to_contain_text("Asks the model 2 attempts", timeout=SOON)
    for kind in ("guard", "lock", "stop", "model"):
        await expect(page.locator(f".story > .kind-{kind}").first).to_be_visible()

    await page.get_by_role("link", name="trouble").click()
    await expect(page.locator(".story > .kind-stop")).to_contain_text("Stops before the work is done")
    await expect(page.locator(".story > .kind-model")).to_have_count(0)
    assert await window.faults() == []
    complaints = [each for each in window.complaints if "404" not in each]
    assert (window.elsewhere(), complaints) == ([], [])
