"""What the registry answers about what runs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import select

from callboard_registry.access import Proving
from callboard_registry.database import Database
from callboard_registry.health.heartbeats import read_heartbeat
from callboard_registry.health.verdicts import Facts, Revision, verdict_about
from callboard_registry.health.workers import Heard, Workers
from callboard_registry.observations import Note, Observations
from callboard_registry.paging import page_size, position_of, token_at
from callboard_registry.refusals import Refusal
from callboard_registry.seen import SeenEndpoint, SeenJob, SeenQueue, queue_subject
from callboard_registry.tables import listings
from callboard_registry.threads import Threads
from callboard_registry_api.client import Item, Page
from callboard_registry_api.health import (
    Drift,
    ObservedEndpoint,
    ObservedQueue,
    ObserverJob,
    QueuePoller,
    QueueTasks,
    ServiceHealth,
    TeamFacts,
    Worker,
    WorkerState,
)

MISSED: Final = 3
"""Heartbeats that a worker may miss before it counts as lost."""

LOOK: Final = "look"
"""The observer's job that looks at endpoints and task queues."""

LATE: Final = timedelta(seconds=5)
"""How long a round of the observer may take beside its interval, three of which may be missed."""


@dataclass(frozen=True)
class _Silence:
    """Counts how long a worker was not heard of, but only while somebody listened.

    After the registry was away its workers have a few seconds to be heard again; one that had been silent before is
    no less lost for that.
    """

    up_since: datetime
    heard_before: datetime | None
    """When the last heartbeat of any worker came before this registry was up."""

    def of(self, seen: datetime, *, now: datetime) -> timedelta:
        if seen >= self.up_since or self.heard_before is None:
            return now - seen
        return (self.heard_before - seen) + (now - self.up_since)


class Health:
    """Keeps heartbeats, and tells what runs."""

    def __init__(self, database: Database, *, threads: Threads, proving: Proving) -> None:
        self._database = database
        self._threads = threads
        self._proving = proving
        self._workers = Workers(database)
        self._observations = Observations(database)
        self._silence = _Silence(datetime.now(UTC), self._workers.last_heard())

    async def beat(self, heartbeat: bytes, *, token: str | None) -> None:
        """Keep the heartbeat of a worker of the team that signed it."""

        def checked():
            team = self._proving.team(token, "ReportHeartbeat", heartbeat).team
            return team, read_heartbeat(heartbeat, team=team)

        team, read = await self._threads.read(checked)
        await self._threads.write(lambda: self._workers.keep(team, read))

    async def list_workers(
        self, *, team: str = "", service: str = "", past: bool = False, size: int = 0, page_token: str = ""
    ) -> Page[Worker]:
        """Return one page of workers, ordered by team and by when they started."""
        filters = ["workers", team, service, past]
        limit = page_size(size, default=200, most=1000)
        skip = _offset(page_token, filters)

        def found() -> list[Worker]:
            known = self._known(self._workers.heard(team=team), self._observations.all(SeenQueue))
            return [
                each
                for each in known
                if (past or each.state == "alive")
                and (not service or any(served.service == service for served in each.serves))
            ]

        return _page(await self._threads.read(found), skip, limit, filters)

    async def of(self, service: str) -> ServiceHealth:
        """Return the verdict about one service."""
        found = await self._threads.read(lambda: self._verdicts([service]))
        if not found:
            raise Refusal(
                "not_found",
                "service",
                f"no listing of {service!r} is held; `callboard catalog list` shows what there is",
            )
        return found[0]

    async def all(self, *, team: str = "", size: int = 0, page_token: str = "") -> Page[ServiceHealth]:
        """Return one page of verdicts, ordered by service."""
        filters = ["health", team]
        limit = page_size(size, default=200, most=1000)
        after = str(position_of(page_token, like=("",), filters=filters)[0]) if page_token else ""

        def found() -> tuple[list[ServiceHealth], bool]:
            names = self._services(team=team, after=after, limit=limit + 1)
            return self._verdicts(names[:limit]), len(names) > limit

        verdicts, more = await self._threads.read(found)
        return Page(tuple(verdicts), token_at((verdicts[-1].service,), filters=filters) if more else "")

    async def list_endpoints(self, *, size: int = 0, page_token: str = "") -> Page[ObservedEndpoint]:
        """Return one page of endpoints as the observer saw them, ordered by name."""
        filters = ["endpoints"]
        limit = page_size(size, default=200, most=1000)
        skip = _offset(page_token, filters)
        notes = await self._threads.read(lambda: self._observations.all(SeenEndpoint))
        return _page([_endpoint(name, note) for name, note in notes.items()], skip, limit, filters)

    async def list_queues(self, *, size: int = 0, page_token: str = "") -> Page[ObservedQueue]:
        """Return one page of task queues as the observer saw them, ordered by namespace and name."""
        filters = ["queues"]
        limit = page_size(size, default=200, most=1000)
        skip = _offset(page_token, filters)
        notes = await self._threads.read(lambda: self._observations.all(SeenQueue))
        return _page([_queue(subject, note) for subject, note in notes.items()], skip, limit, filters)

    async def list_teams(self, *, size: int = 0, page_token: str = "") -> Page[TeamFacts]:
        """Return one page of teams, ordered, with who answers for each."""
        filters = ["teams"]
        limit = page_size(size, default=200, most=1000)
        skip = _offset(page_token, filters)
        return _page(list((await self._threads.read(self._workers.teams)).values()), skip, limit, filters)

    async def list_jobs(self) -> Sequence[ObserverJob]:
        """Return what the observer does and how it went, ordered by name."""
        notes = await self._threads.read(lambda: self._observations.all(SeenJob))
        now = datetime.now(UTC)
        return [_job(name, note, now) for name, note in notes.items()]

    def _verdicts(self, services: Sequence[str]) -> list[ServiceHealth]:
        held = self._revisions(services)
        now = datetime.now(UTC)
        teams = {team for team, _ in held.values()}
        endpoints = self._observations.all(SeenEndpoint)
        by_service = {service: name for name, note in endpoints.items() for service in note.seen.services}
        heard = self._workers.heard(team=teams.pop() if len(teams) == 1 else "")
        places = {(each.namespace, each.task_queue) for each in heard}
        targets = [endpoints[by_service[service]].seen for service in services if service in by_service]
        places |= {(each.namespace, each.task_queue) for each in targets}
        queues = self._observations.all(SeenQueue, subjects=[queue_subject(*place) for place in places])
        workers: dict[str, list[Worker]] = {}
        for each in self._known(heard, queues):
            workers.setdefault(each.team, []).append(each)
        look = self._observations.all(SeenJob).get(LOOK)
        return [
            verdict_about(
                Facts(
                    now=now,
                    service=service,
                    team=held[service][0],
                    revisions=held[service][1],
                    workers=workers.get(held[service][0], []),
                    endpoint_name=by_service.get(service, ""),
                    endpoint=endpoints.get(by_service.get(service, "")),
                    queues=queues,
                    longest_age=_longest_age(look.seen) if look else None,
                    trouble=look.seen.error if look else "",
                    listening_since=self._silence.up_since,
                )
            )
            for service in services
            if service in held
        ]

    def _services(self, *, team: str, after: str, limit: int) -> list[str]:
        query = select(listings.c.service).where(listings.c.service > after)
        if team:
            query = query.where(listings.c.team == team)
        query = query.distinct().order_by(listings.c.service).limit(limit)
        with self._database.reading() as connection:
            return list(connection.scalars(query))

    def _revisions(self, services: Sequence[str]) -> Mapping[str, tuple[str, list[Revision]]]:
        held: dict[str, tuple[str, list[Revision]]] = {}
        with self._database.reading() as connection:
            for row in connection.execute(select(listings).where(listings.c.service.in_(services))).mappings():
                _, revisions = held.setdefault(row[listings.c.service], (row[listings.c.team], []))
                revisions.append(
                    Revision(
                        digest=row[listings.c.digest],
                        number=row[listings.c.number],
                        state=row[listings.c.state],
                        sunset=row[listings.c.sunset],
                        successor=row[listings.c.successor],
                    )
                )
        return held

    def _known(self, heard: Iterable[Heard], queues: Mapping[str, Note[SeenQueue]]) -> list[Worker]:
        now = datetime.now(UTC)
        return [_worker(each, _polled(each, queues), silent=self._silence.of(each.seen, now=now)) for each in heard]


def _worker(heard: Heard, polled: datetime | None, *, silent: timedelta) -> Worker:
    state: WorkerState = "alive"
    if heard.stopped is not None:
        state = "stopped"
    elif silent > MISSED * heard.every and not (polled and polled > heard.seen + 2 * heard.every):
        state = "lost"
    facts = {name: value for name, value in vars(heard).items() if name != "stopped"}
    return Worker(**facts, state=state, polled=polled)


def _polled(heard: Heard, queues: Mapping[str, Note[SeenQueue]]) -> datetime | None:
    note = queues.get(queue_subject(heard.namespace, heard.task_queue))
    if note is None:
        return None
    kinds = (note.seen.nexus, note.seen.workflow, note.seen.activity)
    return max((each.last for kind in kinds for each in kind.pollers if each.identity == heard.identity), default=None)


def _endpoint(name: str, note: Note[SeenEndpoint]) -> ObservedEndpoint:
    facts = {field: value for field, value in vars(note.seen).items() if field != "drift"}
    drift = tuple(Drift(each.kind, each.words) for each in note.seen.drift)
    return ObservedEndpoint(name=name, **facts, drift=drift, as_of=note.at)


def _queue(subject: str, note: Note[SeenQueue]) -> ObservedQueue:
    # A namespace has no slash in its name; a task queue may.
    namespace, _, task_queue = subject.partition("/")
    kinds = {"nexus": note.seen.nexus, "workflow": note.seen.workflow, "activity": note.seen.activity}
    tasks = tuple(
        QueueTasks(
            kind=kind,
            pollers=tuple(QueuePoller(each.identity, each.last) for each in seen.pollers),
            backlog=seen.backlog,
            oldest=timedelta(seconds=seen.oldest_seconds),
            congested=seen.congested,
        )
        for kind, seen in kinds.items()
    )
    return ObservedQueue(namespace=namespace, task_queue=task_queue, tasks=tasks, error=note.seen.error, as_of=note.at)


def _job(name: str, note: Note[SeenJob], now: datetime) -> ObserverJob:
    every = timedelta(seconds=note.seen.every_seconds)
    return ObserverJob(
        name=name,
        process=note.seen.process,
        every=every,
        ended=note.at,
        succeeded=note.seen.succeeded,
        error=note.seen.error,
        overdue=now - note.at > _longest_age(note.seen),
    )


def _longest_age(job: SeenJob) -> timedelta:
    return MISSED * timedelta(seconds=job.every_seconds) + LATE


def _offset(page_token: str, filters: object) -> int:
    return int(position_of(page_token, like=(0,), filters=filters)[0]) if page_token else 0


def _page(items: Sequence[Item], skip: int, limit: int, filters: object) -> Page[Item]:
    more = len(items) > skip + limit
    return Page(tuple(items[skip : skip + limit]), token_at((skip + limit,), filters=filters) if more else "")
