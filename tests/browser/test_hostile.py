"""Whatever teams, models and callers write is shown harmless: each kind of it opened in a real browser."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import Browser, BrowserContext, expect

from callboard.stack.signing_in import make_link
from callboard_contracts import ServiceDescription, describe
from callboard_contracts.billing import v1 as billing
from callboard_kit.identity import SigningKey
from callboard_kit.publishing import registry_signature
from callboard_registry.database import Database
from callboard_registry.server import serving
from callboard_registry.settings import Address, Settings
from callboard_registry.stories.keeping import Stories
from callboard_registry.stories.model import Execution, Happening, Story
from callboard_registry_api.client import RegistryClient
from callboard_registry_api.model import CallRecord

from .conftest import opened, sign_in

pytestmark = pytest.mark.timeout(120)

TOKEN = "an-administrator-s-token-for-tests-only"  # no secret of anybody's
OVERRIDE = "\u202e"
NASTY = (
    '"><script>document.title="taken"</script><img src=x onerror="document.title=\'taken\'">'
    '<iframe src="https://evil.example"></iframe><style>@import "https://evil.example/x.css"</style>'
    "<a href=\"javascript:document.title='taken'\">a</a> [b](javascript:document.title='taken')"
    " [c](data:text/html,x) ![d](https://evil.example/d.png)"
)
LONG = "x" * 1_000_000
BEGAN = datetime.now(UTC) - timedelta(minutes=5)

DESCRIBED = ("/catalog", "/catalog?q=evil", "/services/evil.v1")
PAGES = (
    *DESCRIBED,
    "/map",
    "/runs",
    "/runs/evil",
    "/analytics?show=tools",
    "/analytics?show=stuck",
    "/analytics?show=people",
    "/analytics?show=spend-model",
)


@dataclass(frozen=True)
class Scene:
    """A registry full of hostile words, and a browser's state that is signed in to it."""

    origin: str
    context: BrowserContext


@pytest.fixture(scope="module")
async def scene(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    database = f"sqlite:///{tmp_path_factory.mktemp('hostile') / 'registry.db'}"
    anywhere = Address("127.0.0.1", 0)
    settings = Settings(
        database=database, grpc=anywhere, http=anywhere, administrator_token=TOKEN, approved_when_compatible=("*",)
    )
    async with serving(settings) as addresses:
        origin = f"http://{addresses.http}"
        await fill(str(addresses.grpc), database)
        async with await browser.new_context() as context:
            page = await context.new_page()
            await sign_in(page, await make_link(origin, token=TOKEN, name="ada@example.com"))
            yield Scene(origin, context)


async def fill(address: str, database: str) -> None:
    key = SigningKey.generate("evil")
    async with RegistryClient(address, administrator_token=TOKEN) as administrator:
        await administrator.register_key("evil", key.key_id, key.public_key.public_bytes)
    async with RegistryClient(address, sign=registry_signature(key)) as client:
        await client.publish_listing(described())
        await client.report_calls(
            [
                CallRecord(
                    root="evil",
                    token_id="t1",
                    caller="evil",
                    endpoint="evil",
                    service="evil.v1",
                    operation="refund",
                    entity=NASTY[:200],
                    person=OVERRIDE + NASTY[:200],
                    start=BEGAN,
                    outcome="failed",
                    duration=timedelta(seconds=1),
                    reason=(OVERRIDE + NASTY)[:900],
                )
            ]
        )
    await asyncio.to_thread(keep, database)


def described() -> bytes:
    """Return a listing whose every text is hostile: one of them as long as a listing can be."""
    told = describe(billing.Billing).model_dump(mode="json")
    told.update(service="evil.v1", team="evil", endpoint="evil", summary=OVERRIDE + NASTY, description=f"# {NASTY}")
    for operation in told["operations"]:
        operation.update(summary=NASTY, description=f"{OVERRIDE}{NASTY}\n\n> {NASTY}")
        operation["input"]["description"] = NASTY
        for field in operation["input"].get("properties", {}).values():
            field["description"] = OVERRIDE + NASTY
        for example in operation["promise"]["examples"]:
            example["input"]["note"] = NASTY
    told["operations"][0]["description"] = "y" * 700_000
    told["operations"][0]["promise"]["examples"] = [{"input": {"note": "z" * 100_000}, "output": {}}]
    told["digest"] = ServiceDescription.model_validate(told).observable_digest()
    return json.dumps(told).encode()


def keep(url: str) -> None:
    hostile = OVERRIDE + NASTY
    execution = Execution(
        namespace="evil",
        workflow_id="evil-'; rm -rf $HOME; '",
        run_id="r1",
        root="evil",
        team="evil",
        kind=NASTY[:80],
        token_id="",
        caller="",
        service="",
        operation="",
        entity="",
        person=hostile,
        started=BEGAN,
        ended=BEGAN + timedelta(seconds=9),
        outcome="failed",
        reason=hostile,
    )
    shown = {"shown": json.dumps({"text": hostile}), "open": LONG}
    model = {
        "said": [{"role": "system", "text": hostile}, {"role": "user", "text": LONG}, {"role": "tool", "text": NASTY}],
        "answer": hostile + LONG,
        "tools": [{"name": NASTY, **shown}],
        "finish": NASTY,
        "step": 1,
        "offered": 1,
    }
    asked = {"rule": NASTY, "approvers": [hostile], "patience": 1, "by": hostile}
    asked["words"] = {"why": NASTY, "agent": hostile, "arguments": LONG, "said": hostile}
    call = {"service": "evil.v1", "operation": NASTY, "effect": "write", "input": shown, "result": shown}
    told = (("model", model), ("approval", asked), ("call", call), ("activity", {}), ("guard", {}), ("trouble", {}))
    happenings = tuple(
        Happening(
            number=number,
            kind=kind,  # pyright: ignore[reportArgumentType] - one of the kinds
            at=BEGAN + timedelta(seconds=number),
            ended=BEGAN + timedelta(seconds=number, milliseconds=200),
            title=hostile,
            outcome="failed",
            reason=hostile,
            model=NASTY,
            attempts=3,
            detail=detail,
        )
        for number, (kind, detail) in enumerate(told)
    )
    database = Database.open(url)
    Stories(database).keep([Story(execution, happenings)])
    database.close()


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_full_of_hostile_words_runs_nothing_and_asks_nobody_else(scene: Scene, path: str):
    window = await opened(scene.context, scene.origin)
    page = await window.open(path)
    title = await page.title()

    await page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    await page.wait_for_timeout(100)

    assert "taken" not in (title, await page.title())
    assert await page.locator("img, iframe, object, embed, main style, main script").count() == 0
    links = await page.eval_on_selector_all(
        "a", "all => all.map(each => new URL(each.href.baseVal ?? each.href, location).protocol)"
    )
    assert set(links) <= {"http:", "https:"}
    assert (window.elsewhere(), window.complaints) == ([], []), "neither a request elsewhere nor a report of the policy"
    wider = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wider <= 0
    assert len(await page.content()) < 400_000, "a text of a megabyte is cut"
    await page.close()


async def test_a_mark_that_turns_writing_round_turns_nothing_else_round(scene: Scene):
    window = await opened(scene.context, scene.origin)
    page = await window.open("/runs/evil")

    who = page.locator(".summary bdi", has_text="document.title").first
    await expect(who).to_be_visible()

    assert await who.evaluate("each => getComputedStyle(each).unicodeBidi") == "isolate"
    loose = await page.evaluate(
        """() => {
          const texts = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT), found = [];
          while (texts.nextNode()) {
            const text = texts.currentNode;
            if (!text.data.includes("\\u202e")) continue;
            const apart = each => ["isolate", "plaintext"].includes(getComputedStyle(each).unicodeBidi)
              || getComputedStyle(each).display !== "inline";
            if (!apart(text.parentElement)) found.push(text.parentElement.outerHTML.slice(0, 80));
          }
          return found;
        }"""
    )
    assert loose == []
    await page.close()


@pytest.mark.parametrize("width", [390, 1280])
async def test_stories_and_analytics_are_accessible_in_both_themes(
    scene: Scene, browser: Browser, theme: str, width: int
):
    state = await scene.context.storage_state()
    async with await browser.new_context(
        color_scheme=theme, viewport={"width": width, "height": 900}, storage_state=state
    ) as context:
        window = await opened(context, scene.origin)
        for path in ("/runs/evil", "/analytics?show=stuck", "/analytics?show=latency", "/map?by=owner", "/runs/none"):
            page = await window.open(path)
            await page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
            assert await window.faults() == [], path
