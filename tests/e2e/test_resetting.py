"""A run that is taken up again from one of its steps, by the command, on the whole mesh."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping

import httpx
import pytest

from callboard_orchestrator.client import start_orchestrate
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

    steps = json.loads(await _command(stage, "runs", "steps", run, "--json"))
    cancelling = next(
        each["step"] for each in steps if {"cancel_pending_order"} & {done["name"] for done in each["done"]}
    )
    await _command(stage, "persons", "issue", "grace", "--scope", "runs")
    refused = await _command(stage, "runs", "reset", run, "--to", str(cancelling), "--as", "grace", code=1)
    prompt = stage.home / "prompt.txt"
    prompt.write_text("Be brief.", encoding="utf-8")
    words = ("--to", str(cancelling), "--with", f"prompt={prompt}", "--dry", "--as", "grace", "--json")
    done = json.loads(await _command(stage, "runs", "reset", run, *words))
    await handle.result()
    shown = await _command(stage, "runs", "show", run)

    assert "orders.v1 cancel_pending_order was carried out, which would change something twice" in refused
    assert f"a reset of {done['of']} to step {cancelling}, by grace, dry: it changed nothing from there on" in shown
    assert stage.books.changed(TASKS.records) == changed
    async with httpx.AsyncClient(base_url=stage.console, timeout=60) as http:
        assert (await http.post(await stage.link())).status_code == 303
        told = f"Reset of {done['of']} to step {cancelling} by grace"
        await until(lambda: _says(http, f"/runs/{run}", told), within=60)


async def _says(http: httpx.AsyncClient, path: str, words: str) -> bool:
    return words in (await http.get(path)).text


async def _command(stage: Stage, *words: str, code: int = 0) -> str:
    environment: Mapping[str, str] = {**os.environ, **stage.environment}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from callboard.command import main; main()",
        *words,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == code, err.decode()
    return (out if code == 0 else err).decode()
