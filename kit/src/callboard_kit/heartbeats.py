"""Heartbeats: a worker's word to the registry that it is there, and what it serves. Off the path of every call.

One at the start, one after each interval, and one that says that it stops. None waits for long, none is kept for
later: a registry that is away hears the next one when it is back.
"""

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Final

from callboard_contracts import ServiceDescription
from callboard_kit.teams import Team
from callboard_registry_api.errors import RegistryError
from callboard_registry_api.health import Heartbeat, ServedRevision

logger: Final = logging.getLogger(__name__)

LAST_WORD: Final = timedelta(seconds=1)
"""How long a worker that stops tries to say so."""

LONGEST_TEXT: Final = 2000
"""Characters of each text about the team that are sent."""


class Heartbeats:
    """The heartbeats of one worker. Run `run` beside it.

    Args:
        team: Whose worker it is, and who answers for it.
        serves: What it serves.
        beat: Takes a heartbeat to the registry; may raise `RegistryError`.
        namespace: Where it works.
        task_queue: Which queue it polls.
        identity: What Temporal knows it by.
        build: Which build it is.
        every: How long from one heartbeat to the next.
    """

    def __init__(
        self,
        *,
        team: Team,
        serves: Sequence[ServiceDescription],
        beat: Callable[[Heartbeat], Awaitable[object]],
        namespace: str,
        task_queue: str,
        identity: str,
        build: str,
        every: timedelta,
    ) -> None:
        now = datetime.now(UTC)
        self._beat = beat
        self._trouble = ""
        self._heartbeat = Heartbeat(
            worker=uuid.uuid4().hex,
            namespace=namespace,
            task_queue=task_queue,
            identity=identity,
            build=build,
            kit_version=version("callboard-kit"),
            sdk_version=version("temporalio"),
            serves=tuple(ServedRevision(each.service, each.digest) for each in serves),
            started=now,
            sent=now,
            every=every,
            owner=team.owner[:LONGEST_TEXT],
            contact=team.contact[:LONGEST_TEXT],
            description=team.description[:LONGEST_TEXT],
        )

    async def run(self) -> None:
        """Send heartbeats until cancelled, then the last one."""
        try:
            while True:
                await self._send(stopping=False)
                await asyncio.sleep(self._heartbeat.every.total_seconds())
        finally:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._send(stopping=True), LAST_WORD.total_seconds())

    async def _send(self, *, stopping: bool) -> None:
        try:
            await self._beat(replace(self._heartbeat, sent=datetime.now(UTC), stopping=stopping))
        except RegistryError as error:
            if str(error) != self._trouble:
                # Once: a registry that is away is told of by others too.
                logger.warning("heartbeats do not arrive: %s", error)
            self._trouble = str(error)
        else:
            if self._trouble:
                logger.info("heartbeats arrive again")
            self._trouble = ""
