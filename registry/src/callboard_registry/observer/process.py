"""The observer's process: connects to Temporal and to the registry's database, and does its jobs until told to stop."""

import asyncio
import logging
import signal
from datetime import UTC, datetime, timedelta
from typing import Final

from temporalio.client import Client

from callboard_registry.audit.collector import Collector
from callboard_registry.audit.following import EVERY, Following
from callboard_registry.calls import Calls
from callboard_registry.database import Database
from callboard_registry.health.service import LOOK
from callboard_registry.ledger.keeping import Ledger
from callboard_registry.observations import Observations
from callboard_registry.observer.jobs import Job, keep_doing
from callboard_registry.observer.looking import Looking
from callboard_registry.observer.settings import Settings
from callboard_registry.opening import open_database
from callboard_registry.settings import shown
from callboard_registry.stories.keeping import Stories

AUDIT: Final = "audit"
"""The job that derives call records from Temporal's histories."""

FOLLOW: Final = "follow"
"""The job that reads the runs that somebody looks at."""

PRUNE: Final = "prune"
"""The job that drops call records when they are old enough."""

logger: Final = logging.getLogger(__name__)


async def observe(settings: Settings) -> None:
    """Look at Temporal until SIGTERM or SIGINT.

    Temporal may be away when this starts and at any time later: rounds fail meanwhile.

    Raises:
        StartError: The database cannot be opened.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    database = await asyncio.to_thread(open_database, settings.database)
    try:
        client = await Client.connect(**settings.temporal, lazy=True)
        where = settings.temporal.get("target_host")
        logger.info("looking at %s for %s every %g s", where, shown(settings.database), settings.every.total_seconds())
        await keep_doing(jobs(client, database, settings), notes=Observations(database), stop=stop)
    finally:
        # Threads of rounds that were cancelled go on by themselves, and need the database until they are done.
        await asyncio.get_running_loop().shutdown_default_executor()
        database.close()
    logger.info("stopped")


def jobs(client: Client, database: Database, settings: Settings) -> list[Job]:
    """Return everything the observer does again and again.

    Args:
        client: Connects with the first call; its own namespace does not matter, requests name theirs.
        database: The registry's. Its methods block: call them in a thread.
        settings: How often, and what is allowed.
    """
    collector = Collector(client, database, members=settings.members, requests_per_second=settings.audit_requests)

    async def prune() -> None:
        before = datetime.now(UTC) - settings.keep_calls
        await asyncio.to_thread(Calls(database).prune, before)
        await asyncio.to_thread(Stories(database).prune, before)
        await asyncio.to_thread(Ledger(database).prune, before)

    return [
        Job(name=LOOK, every=settings.every, work=Looking(client, database, settings).look),
        Job(name=AUDIT, every=settings.every, work=collector.collect),
        Job(name=FOLLOW, every=EVERY, noted=settings.every, work=Following(collector, database).follow),
        Job(name=PRUNE, every=timedelta(hours=1), work=prune),
    ]
