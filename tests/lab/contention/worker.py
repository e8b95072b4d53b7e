"""One process of the trial: `python -m tests.lab.contention.worker desk|bank|agents FOLDER`."""

import asyncio
import json
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from callboard_kit import MeshPlugin, Policy, Rule
from callboard_kit.directory import StaticDirectory
from callboard_kit.identity import SigningKey
from callboard_kit.process import run_guarded
from callboard_kit.settings import Settings
from tests.lab.contention import house
from tests.lab.contention.agents import Agent

EVERYBODY = Policy(
    rules=(Rule(name="everybody", callers=("*",), services=("desk.v1", "bank.v1"), on_behalf_of=("*",)),)
)


async def _serve(what: str, folder: Path) -> None:
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    place = json.loads((folder / "place.json").read_text(encoding="utf-8"))
    keys = {team: SigningKey.load(folder / "keys" / f"{team}.pem", team=team) for team in place["teams"]}
    directory = StaticDirectory(policy=EVERYBODY, keys=[key.public_key for key in keys.values()])
    settings = Settings.from_environment()
    async with AsyncExitStack() as stack:
        for team in house.ASKERS if what == "agents" else (what,):
            plugin = MeshPlugin(keys[team], settings=settings, directory=directory, services=[house.Desk, house.Bank])
            client = await Client.connect(place["address"], namespace=team, plugins=[plugin])
            await stack.enter_async_context(
                Worker(
                    client,
                    task_queue=team,
                    activity_executor=ThreadPoolExecutor(16),
                    # Several times the work would go into loading modules anew for each of a thousand runs.
                    workflow_runner=UnsandboxedWorkflowRunner(),
                    sticky_queue_schedule_to_start_timeout=timedelta(seconds=2),
                    **_parts(what, folder),
                )
            )
        (folder / f"{what}.ready").write_text(str(os.getpid()), encoding="utf-8")
        await stopped.wait()


def _parts(what: str, folder: Path) -> dict[str, Any]:
    if what == "agents":
        return {"workflows": [Agent]}
    books = house.Books(f"sqlite:///{folder / f'{what}.db'}")
    return {
        "workflows": [house.ChangeOrder, house.SettleBalance, house.AddTo],
        "activities": books.activities,
        "nexus_service_handlers": [house.DeskService() if what == "desk" else house.BankService()],
    }


if __name__ == "__main__":
    run_guarded(lambda: asyncio.run(_serve(sys.argv[1], Path(sys.argv[2]))))
