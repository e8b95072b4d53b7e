"""One process of the trial: `python -m tests.lab.processing.worker shop|post|desk NAME FOLDER`."""

import asyncio
import json
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from callboard_kit import MeshPlugin, Policy, Rule
from callboard_kit.directory import StaticDirectory
from callboard_kit.identity import SigningKey
from callboard_kit.process import run_guarded
from callboard_kit.processing.serving import Feeds
from callboard_kit.settings import Settings
from tests.lab.processing import house

_POLICY = Policy(rules=(Rule(name="post-asks", callers=(house.POST,), services=("desk.v1",)),))


async def _serve(team: str, name: str, folder: Path) -> None:
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    place = json.loads((folder / "place.json").read_text(encoding="utf-8"))
    keys = {each: SigningKey.load(folder / "keys" / f"{each}.pem", team=each) for each in house.TEAMS}
    directory = StaticDirectory(policy=_POLICY, keys=[key.public_key for key in keys.values()])
    settings = Settings(home=folder, redis_url=place["redis"], profile="dev")
    feeds = Feeds(
        team,
        settings.redis_for(team),
        processors=[house.FOLLOWED] if team == house.POST and not name.startswith("hands") else [],
        outbox=house.Shop(folder).outbox if team == house.SHOP else None,
        followers=[house.POST] if team == house.SHOP else [],
        lease=place["lease"],
    )
    plugin = MeshPlugin(keys[team], settings=settings, directory=directory, services=[house.Desk])
    async with AsyncExitStack() as stack:
        client = await _patiently(place["address"], team, plugin)
        parts = {} if name.startswith("reader") else house.parts(team, folder)
        if parts:
            parts["activities"] = [*parts.get("activities", []), feeds.bury]
            await stack.enter_async_context(
                Worker(
                    client,
                    task_queue=team,
                    activity_executor=ThreadPoolExecutor(8),
                    workflow_runner=UnsandboxedWorkflowRunner(),
                    sticky_queue_schedule_to_start_timeout=timedelta(seconds=2),
                    **parts,
                )
            )
        (folder / f"{name}.ready").write_text(str(os.getpid()), encoding="utf-8")
        working = asyncio.create_task(feeds.run(client))
        await stopped.wait()
        working.cancel()
        await asyncio.wait({working})


async def _patiently(address: str, team: str, plugin: MeshPlugin) -> Client:
    for _ in range(300):
        try:
            return await Client.connect(address, namespace=team, plugins=[plugin])
        except RuntimeError:
            await asyncio.sleep(0.2)
    raise TimeoutError("Temporal did not come back")


if __name__ == "__main__":
    run_guarded(lambda: asyncio.run(_serve(sys.argv[1], sys.argv[2], Path(sys.argv[3]))))
