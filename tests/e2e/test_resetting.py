"""A run that is taken up again from one of its steps, by the command, on the whole mesh."""

import json

import httpx
import pytest

from callboard_orchestrator.client import start_orchestrate
from tests.playing.commands import told
from tests.playing.stage import Stage
from tests.playing.tasks import own
from tests.playing.waiting import until

pytestmark = pytest.mark.timeout(300)

TASKS = own()
CANCELLING = next(task for task in TASKS.tasks if task.id == "cancel-to-gift-card")


async def test_a_run_is_reset_by_the_command_and_its_record_says_so(stage: Stage):
    await stage.fill(TASKS)
    handle = await start_orchestrate(await stage.client("orchestrator"), CANCELLING.words, person="grace")
    await handle.result()
    run = handle.id.removeprefix("orchestrator-orchestrate-")
    changed = stage.books.changed(TASKS.records)

    steps = json.loads(await told(stage.environment, "runs", "steps", run, "--json"))
    cancelling = next(
        each["step"] for each in steps if {"cancel_pending_order"} & {done["name"] for done in each["done"]}
    )
    await told(stage.environment, "persons", "issue", "grace", "--scope", "runs")
    refused = await told(stage.environment, "runs", "reset", run, "--to", str(cancelling), "--as", "grace", code=1)
    prompt = stage.home / "prompt.txt"
    prompt.write_text("Be brief.", encoding="utf-8")
    words = ("--to", str(cancelling), "--with", f"prompt={prompt}", "--dry", "--as", "grace", "--json")
    done = json.loads(await told(stage.environment, "runs", "reset", run, *words))
    await handle.result()
    await until(lambda: _is_over(stage, run), within=60)
    shown = await told(stage.environment, "runs", "show", run)

    assert "orders.v1 cancel_pending_order was carried out, which would change something twice" in refused
    assert f"a reset of {done['of']} to step {cancelling}, by grace, dry: it changed nothing from there on" in shown
    assert stage.books.changed(TASKS.records) == changed
    async with httpx.AsyncClient(base_url=stage.console, timeout=60) as http:
        assert (await http.post(await stage.link())).status_code == 303
        words = f"Reset of {done['of']} to step {cancelling} by grace"
        await until(lambda: _says(http, f"/runs/{run}", words), within=60)


async def _says(http: httpx.AsyncClient, path: str, words: str) -> bool:
    return words in (await http.get(path)).text


async def _is_over(stage: Stage, run: str) -> bool:
    return json.loads(await told(stage.environment, "runs", "show", run, "--json"))["state"] == "ok"
