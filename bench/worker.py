"""One worker process of a benchmark: `python -m bench.worker mesh TEAM PEER`, or `bare` in place of `mesh`.

A worker of the mesh is served by the kit's `serve`, as every team is. A bare one is what a careful user of Temporal
writes without the kit, with the same converter, executors and limits.
"""

import asyncio
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import NoReturn

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Worker

from bench.contract import desk
from bench.handlers import bare_desk, mesh_desk
from bench.work import LookUp, RunErrand, Settle
from callboard_kit import Settings, serve
from callboard_kit.process import run_guarded
from callboard_kit.serving import ACTIVITY_THREADS, HANDLER_THREADS
from callboard_orchestrator.catalog import Catalog
from callboard_registry_api.client import RegistryClient

PACKAGE = "callboard_team_"
"""How the packages of the teams that a benchmark makes start."""


def main(side: str, team: str, peer: str) -> NoReturn:
    """Serve `team`, which calls `peer`, until told to stop."""
    if side == "mesh":
        catalog = _catalog(team)
        serve(
            PACKAGE + team,
            services=[mesh_desk(team)],
            workflows=[LookUp, RunErrand, Settle],
            activities=[catalog.offered_operations, catalog.find_operations, catalog.open_operations],
            contracts=[desk(team), desk(peer)],
        )
    run_guarded(lambda: asyncio.run(_serve_bare(team)))


def _catalog(team: str) -> Catalog:
    settings = Settings.from_environment()
    return Catalog(
        connect=lambda: RegistryClient(settings.registry_address or "").discovery,
        cache=settings.home / "cache" / f"{team}-catalog.json",
        team=team,
        profile=settings.profile,
    )


async def _serve_bare(team: str) -> None:
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    client = await Client.connect(
        os.environ["TEMPORAL_ADDRESS"], namespace=team, data_converter=pydantic_data_converter
    )
    async with Worker(
        client,
        task_queue=team,
        nexus_service_handlers=[bare_desk(team)],
        workflows=[RunErrand, Settle],
        activity_executor=ThreadPoolExecutor(ACTIVITY_THREADS),
        nexus_task_executor=ThreadPoolExecutor(HANDLER_THREADS),
    ):
        await stopped.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
