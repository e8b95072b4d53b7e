"""The part of a worker that publishes the team's events and follows those of others."""

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from temporalio import activity
from temporalio.client import Client
from temporalio.runtime import Runtime

from callboard_kit.events.writing import open_redis
from callboard_kit.processing.consuming import Consumer
from callboard_kit.processing.dead import bury_once
from callboard_kit.processing.following import BURY, Burial
from callboard_kit.processing.lag import LagMeter
from callboard_kit.processing.processor import Processor
from callboard_kit.processing.turns import LEASE
from callboard_kit.settings import Settings

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from callboard_kit.processing.outbox import Outbox

logger: Final = logging.getLogger(__name__)

_PAUSE: Final = 5.0


class Feeds:
    """What one worker does about events: publish, follow, and keep what could not be handled.

    Args:
        team: The worker's team.
        redis_url: Where Redis is and how the team is let in; None where there is none, and nothing is done then.
        processors: What the team follows.
        outbox: What it publishes.
        followers: Whom it publishes to.
        task_queue: Where the workflows run that events start.
        lease: After how many seconds another worker takes over from one that died.
        idle: Whether this worker leaves publishing and following to the team's others, and only buries what its runs
            could not handle.
    """

    def __init__(
        self,
        team: str,
        redis_url: str | None,
        *,
        processors: Sequence[Processor] = (),
        outbox: "Outbox | None" = None,
        followers: Sequence[str] = (),
        task_queue: str = "",
        lease: float = LEASE,
        idle: bool = False,
    ) -> None:
        self._team = team
        self._redis: Redis | None = None if redis_url is None else open_redis(redis_url)
        self._processors = tuple(processors)
        self._outbox = outbox
        self._followers = tuple(followers)
        self._task_queue = task_queue or team
        self._lease = lease
        self._idle = idle

    @classmethod
    def of(
        cls,
        team: str,
        settings: Settings,
        *,
        processors: Sequence[Processor],
        outbox: "Outbox | None",
        followers: Sequence[str],
    ) -> "Feeds":
        """Return what a worker with these settings does."""
        url = settings.redis_for(team) if processors or outbox else None
        return cls(
            team,
            url,
            processors=processors,
            outbox=outbox,
            followers=followers,
            task_queue=settings.task_queue(team),
            # What a copy or a canary reads would run where only it works.
            idle=bool(settings.instance) or settings.canary,
        )

    @property
    def activities(self) -> Sequence[Callable[..., Any]]:  # Any: activities take and return anything
        """What the runs that events start need of their worker."""
        return [self.bury] if self._processors else []

    @activity.defn(name=BURY)
    async def bury(self, burial: Burial) -> None:
        """Add an event to the dead letters, once."""
        if self._redis is None:
            raise RuntimeError("no Redis is configured; set CALLBOARD_REDIS_URL")
        event = burial.event
        await bury_once(
            self._redis, event.publisher, self._team, event.to_fields(), reason=burial.reason, tries=burial.tries
        )

    async def run(self, client: Client) -> None:
        """Publish and follow until cancelled."""
        if self._redis is None or self._idle:
            return
        name = f"{client.identity}-{uuid.uuid4().hex[:6]}"
        meter = (client.service_client.config.runtime or Runtime.default()).metric_meter
        work: list[Callable[[], Awaitable[None]]] = [
            Consumer(
                self._redis,
                publisher=each.publisher,
                follower=self._team,
                name=name,
                hand_over=partial(each.hand_over, client, team=self._team, task_queue=self._task_queue),
                meter=LagMeter(meter, each.publisher, self._team),
                lease=self._lease,
            ).run
            for each in self._processors
        ]
        if self._outbox is not None and self._followers:
            # Needs the store's packages, which not every team has.
            from callboard_kit.processing.relay import Relay

            work.append(Relay(self._team, self._outbox, self._followers, self._redis).run)
        try:
            # A group waits until all of it has ended; `gather` would not, and whoever gives back its turn needs Redis.
            async with asyncio.TaskGroup() as group:
                for each in work:
                    group.create_task(_kept_up(each))
        finally:
            with suppress(OSError):
                await self._redis.aclose()


async def _kept_up(work: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await work()
        except Exception:  # Nobody waits for this work, so nobody else would hear of it or begin it again.
            logger.exception("the work on events broke off; it begins again in a moment")
        await asyncio.sleep(_PAUSE)
