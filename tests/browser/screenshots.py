"""Takes pictures of the console on a mesh that settled some cases: `make screenshots`. Look at them."""

import asyncio
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.async_api import async_playwright

from callboard_kit.process import run_guarded
from callboard_orchestrator.client import start_orchestrate
from callboard_registry_api.client import RegistryClient
from tests.browser.conftest import ARGUMENTS, NAMES, sign_in
from tests.playing.approving import approver
from tests.playing.stage import Stage, standing
from tests.playing.tasks import own

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "screenshots"
SHOWN = ROOT / "docs" / "images"
"""Where those are kept that a page shows: whatever lies there already is renewed."""

ASKING = "cancel-to-gift-card"
RUN = "cancel-and-pay-back"
"""A run in which a person agrees to what is done."""

SHOTS = (
    ("catalog", "/catalog"),
    ("service", "/services/orders.v1"),
    ("search", "/catalog?q=refund"),
    ("map", "/map"),
    ("runs", "/runs"),
    ("analytics", "/analytics?show=latency"),
    ("spend", "/analytics?show=spend-operation"),
    ("inbox", "/inbox"),
    ("try", "/services/orders.v1/try/cancel_pending_order"),
)


def main() -> int:
    """Play, look, and say what was written."""
    with tempfile.TemporaryDirectory(prefix="callboard-screenshots-") as home:
        return asyncio.run(_take(Path(home)))


async def _take(home: Path) -> int:
    binary = next((found for name in NAMES if (found := shutil.which(name))), None)
    if binary is None:
        sys.stderr.write("screenshots: there is no chromium; on Debian: apt-get install chromium\n")
        return 1
    async with standing(home, say=lambda line: sys.stderr.write(f"{line}\n")) as mesh:
        tasks = own()
        await mesh.fill(tasks)
        for task in tasks.tasks:
            await mesh.play(task)
            sys.stderr.write(f"settled {task.id}\n")
        orchestrator = await mesh.client("orchestrator")
        asking = next(task for task in tasks.tasks if task.id == ASKING)
        async with approver(mesh) as ada:
            handle = await start_orchestrate(orchestrator, asking.words, root=RUN, approvals="effects")
            async with ada.answering(RUN):
                await handle.result()
            await mesh.fill(tasks)
            await start_orchestrate(orchestrator, asking.words, root=f"{RUN}-again", approvals="effects")
            [asked, *_] = await ada.waiting(f"{RUN}-again")
        async with RegistryClient(mesh.environment["CALLBOARD_REGISTRY"]) as registry:
            held = await registry.get_listing("orders.v1")
        # Records reach the registry within a second, and what happened inside of runs within ten.
        await asyncio.sleep(15)
        more = (
            ("run", f"/runs/{RUN}"),
            ("question", f"/inbox/{asked.gate}"),
            ("move", f"/services/orders.v1/move?digest={held.digest}&to=retired"),
        )
        await _shoot(mesh, binary, (*SHOTS, *more))
    return 0


async def _shoot(mesh: Stage, binary: str, shots: tuple[tuple[str, str], ...]) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=binary, args=ARGUMENTS)
        async with await browser.new_context() as context:
            await sign_in(await context.new_page(), await mesh.link())
            signed_in = await context.storage_state()
        for theme, width in (("light", 1280), ("dark", 1280), ("light", 390), ("dark", 390)):
            context = await browser.new_context(
                color_scheme=theme, viewport={"width": width, "height": 800}, storage_state=signed_in
            )
            page = await context.new_page()
            for name, path in shots:
                await page.goto(mesh.console + path, wait_until="networkidle")
                target = FOLDER / f"{name}-{theme}-{width}.png"
                await page.screenshot(path=target, full_page=True)
                if (SHOWN / target.name).exists():
                    await page.screenshot(path=SHOWN / target.name)
                sys.stdout.write(f"{target}\n")
            await context.close()
        await browser.close()


if __name__ == "__main__":
    run_guarded(main)
