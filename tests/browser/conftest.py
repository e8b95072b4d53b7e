"""A browser that looks at a running mesh, and writes down whatever it asks for."""

import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, Page, StorageState, async_playwright, expect

from tests.playing.stage import Stage

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
expect.set_options(timeout=30_000)  # milliseconds: a busy machine is no fault

AXE = Path(__file__).parent / "vendor" / "axe.min.js"


@dataclass
class Window:
    """A page of the browser, what it asked for and what it complained of."""

    page: Page
    origin: str
    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    async def open(self, path: str) -> Page:
        """Go to a page of the console."""
        await self.page.goto(self.origin + path)
        return self.page

    def elsewhere(self) -> list[str]:
        """Return what was asked of another host."""
        return [url for url in self.asked if not url.startswith((f"{self.origin}/", "data:"))]

    async def faults(self) -> list[str]:
        """Return what axe-core finds wrong with what is shown."""
        # From outside of the page: its policy lets no script in, which is right.
        session = await self.page.context.new_cdp_session(self.page)
        await session.send("Runtime.evaluate", {"expression": AXE.read_text(encoding="utf-8")})
        result = await session.send(
            "Runtime.evaluate",
            {"expression": "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']})"
             ".then(r => r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.html).join(' ')))",
             "awaitPromise": True, "returnByValue": True},
        )  # fmt: skip
        return result["result"]["value"]


@pytest.fixture(scope="package")
async def browser() -> AsyncIterator[Browser]:
    binary = next((found for name in NAMES if (found := shutil.which(name))), None)
    if binary is None:
        pytest.skip("there is no chromium; `sh requirements/browser.sh` installs it or says how")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=binary, args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest.fixture(params=["light", "dark"])
def theme(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="package")
async def signed_in(browser: Browser, stage: Stage) -> StorageState:
    """What a browser keeps of whoever is signed in: an administrator."""
    async with await browser.new_context() as context:
        await sign_in(await context.new_page(), await stage.link())
        return await context.storage_state()


@pytest.fixture
async def window(browser: Browser, stage: Stage, signed_in: StorageState) -> AsyncIterator[Window]:
    async with await browser.new_context(storage_state=signed_in) as context:
        yield await opened(context, stage.console)


async def sign_in(page: Page, link: str) -> None:
    """Sign in by a link, as a person does it."""
    await page.goto(link)
    await page.get_by_role("button", name="Sign in as").click()
    await page.wait_for_url(lambda url: "/signin" not in url)


async def opened(context: BrowserContext, origin: str) -> Window:
    """Return a new window of this browser."""
    page = await context.new_page()
    window = Window(page, origin)
    page.on("request", lambda request: window.asked.append(request.url))
    page.on("console", lambda message: window.complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: window.complaints.append(str(error)))
    return window
