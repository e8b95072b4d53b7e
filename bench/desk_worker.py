"""A worker of an agent: `python -m bench.desk_worker mesh TEAM PEER` with the kit, `bare TEAM PEER` by hand."""

import asyncio
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import NoReturn

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Worker

from bench.by_hand import Desk, DeskByHand
from bench.by_kit import CLERK, DeskByKit
from bench.contract import desk
from bench.handlers import mesh_desk
from bench.worker import PACKAGE
from callboard_kit import serve
from callboard_kit.agent import ModelEndpoint, ModelSettings
from callboard_kit.process import run_guarded
from callboard_kit.serving import ACTIVITY_THREADS


def main(side: str, team: str, peer: str) -> NoReturn:
    """Serve `team` until told to stop."""
    if side == "mesh":
        tools, model = Desk(), ModelEndpoint(ModelSettings.from_environment())
        serve(
            PACKAGE + team,
            services=[mesh_desk(team)],
            workflows=[DeskByKit],
            activities=[model.call_model, tools.weigh_parcel, tools.open_parcel],
            contracts=[desk(team), desk(peer)],
            agents=[CLERK],
        )
    run_guarded(lambda: asyncio.run(_serve_by_hand(team)))


async def _serve_by_hand(team: str) -> None:
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    client = await Client.connect(
        os.environ["TEMPORAL_ADDRESS"], namespace=team, data_converter=pydantic_data_converter
    )
    activities = Desk()
    async with Worker(
        client,
        task_queue=team,
        workflows=[DeskByHand],
        activities=[activities.ask_model, activities.weigh_parcel, activities.open_parcel],
        activity_executor=ThreadPoolExecutor(ACTIVITY_THREADS),
    ):
        await stopped.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
