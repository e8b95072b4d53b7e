"""The observer's main job: looks at endpoints and task queues, writes down what it sees, keeps descriptions true."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import UTC, timedelta
from typing import Final

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, DescribeTaskQueueResponse
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from callboard_kit.provision import existing_endpoints
from callboard_registry.catalog import Catalog, ListingFilter
from callboard_registry.changes import Changes
from callboard_registry.database import Database
from callboard_registry.endpoints.drift import OUTSIDE, Compared, compare, put_right
from callboard_registry.endpoints.wanted import Wanted, shown_revisions, wanted_endpoints
from callboard_registry.health.workers import Workers
from callboard_registry.observations import Observations
from callboard_registry.observer.settings import Settings
from callboard_registry.seen import SeenEndpoint, SeenPoller, SeenQueue, SeenTasks, queue_subject
from callboard_registry_api.model import Listing, State

logger: Final = logging.getLogger(__name__)

AT_ONCE: Final = 8
"""Task queues that are asked about at the same time."""

_PAGE: Final = 100
_PATIENCE: Final = timedelta(seconds=10)
_NEXUS: Final = TaskQueueType.TASK_QUEUE_TYPE_NEXUS
_WORKFLOW: Final = TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW
_ACTIVITY: Final = TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY


class Looking:
    """Looks once each time it is told to."""

    def __init__(self, client: Client, database: Database, settings: Settings) -> None:
        self._client = client
        self._settings = settings
        self._catalog = Catalog(database)
        self._changes = Changes(database)
        self._workers = Workers(database)
        self._observations = Observations(database)
        self._wanted: Mapping[str, Wanted] = {}
        self._made_from: object = None

    async def look(self) -> None:
        """Look at every endpoint and every task queue that matters, and write down what was seen.

        Raises:
            temporalio.service.RPCError: Temporal is away, or does not let this process look.
            callboard_kit.provision.ProvisionError: A description could not be written.
        """
        wanted = await self._as_wanted()
        endpoints = await self._endpoints(wanted)
        queues = await self._queues(await self._places(endpoints.values()))
        await asyncio.to_thread(self._observations.write, SeenQueue, queues, only_these=True)
        # Last: what is seen does not wait for what is written.
        there = [each for each in endpoints.values() if each.known is not None]
        if self._settings.descriptions == "apply" and (
            written := await put_right(self._client, there, ["description"])
        ):
            logger.info("wrote the descriptions of endpoints %s", ", ".join(written))
            await self._endpoints(wanted)

    async def _endpoints(self, wanted: Mapping[str, Wanted]) -> Mapping[str, Compared]:
        endpoints = compare(wanted, await existing_endpoints(self._client))
        seen = {name: each.seen for name, each in endpoints.items()}
        await asyncio.to_thread(self._observations.write, SeenEndpoint, seen, only_these=True)
        return endpoints

    async def _as_wanted(self) -> Mapping[str, Wanted]:
        """Return the wanted endpoints, made anew only when a listing or a team has changed."""
        last, teams = await asyncio.to_thread(lambda: (self._changes.last(), self._workers.teams()))
        if self._made_from != (last, teams):
            revisions = await shown_revisions(self._listings)
            self._wanted = wanted_endpoints(revisions, teams, self._settings.members)
            self._made_from = (last, teams)
        return self._wanted

    async def _listings(self, states: tuple[State, ...]) -> AsyncIterator[Listing]:
        after: tuple[str, int] | None = None
        more = True
        while more:
            found, more = await asyncio.to_thread(
                self._catalog.page, ListingFilter(states=states), after=after, limit=_PAGE
            )
            for listing in found:
                yield listing
                after = (listing.service, listing.number)

    async def _places(self, endpoints: Iterable[Compared]) -> set[tuple[str, str]]:
        """Return namespace and task queue of wherever calls go, should go, or are waited for."""
        heard = await asyncio.to_thread(self._workers.heard)
        places = {(each.namespace, each.task_queue) for each in heard if each.stopped is None}
        for each in endpoints:
            if each.seen.services:
                places.add((each.seen.namespace, each.seen.task_queue))
                places.add((each.seen.wanted_namespace, each.seen.wanted_task_queue))
        return {place for place in places if place[0] not in ("", OUTSIDE)}

    async def _queues(self, places: Iterable[tuple[str, str]]) -> dict[str, SeenQueue]:
        turns = asyncio.Semaphore(AT_ONCE)

        async def look(namespace: str, task_queue: str) -> tuple[str, SeenQueue]:
            async with turns:
                return queue_subject(namespace, task_queue), await self._queue(namespace, task_queue)

        return dict(await asyncio.gather(*(look(*place) for place in sorted(places))))

    async def _queue(self, namespace: str, task_queue: str) -> SeenQueue:
        try:
            nexus, workflow, activity = [
                await self._tasks(namespace, task_queue, kind) for kind in (_NEXUS, _WORKFLOW, _ACTIVITY)
            ]
        except RPCError as error:
            if error.status in (RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED):
                raise
            return SeenQueue(error=" ".join(error.message.split()))
        return SeenQueue(nexus=nexus, workflow=workflow, activity=activity)

    async def _tasks(self, namespace: str, task_queue: str, kind: TaskQueueType.ValueType) -> SeenTasks:
        request = DescribeTaskQueueRequest(
            namespace=namespace, task_queue=TaskQueue(name=task_queue), task_queue_type=kind, report_stats=True
        )
        answer = await self._client.workflow_service.describe_task_queue(request, timeout=_PATIENCE)
        oldest = answer.stats.approximate_backlog_age.ToTimedelta()
        backlog = answer.stats.approximate_backlog_count
        return SeenTasks(
            pollers=_pollers(answer),
            backlog=backlog,
            oldest_seconds=oldest.total_seconds(),
            congested=backlog > 0 and oldest >= self._settings.backlog,
        )


def _pollers(answer: DescribeTaskQueueResponse) -> tuple[SeenPoller, ...]:
    # One that polls several partitions of the queue is there several times.
    last: dict[str, SeenPoller] = {}
    for each in answer.pollers:
        poller = SeenPoller(identity=each.identity, last=each.last_access_time.ToDatetime(tzinfo=UTC))
        held = last.get(poller.identity)
        if held is None or held.last < poller.last:
            last[poller.identity] = poller
    return tuple(last.values())
