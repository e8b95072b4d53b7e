"""What runs: heartbeats of workers, verdicts about services, endpoints, and the observer that looks at Temporal.

The classes have the fields of their messages in `v1/registry.proto`, which says what they mean.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from google.protobuf.timestamp_pb2 import Timestamp

from callboard_registry_api.connection import Connection
from callboard_registry_api.v1 import registry_pb2 as pb

Verdict = Literal["serving", "degraded", "not served"]
"""Whether calls of a service are answered."""

WorkerState = Literal["alive", "lost", "stopped"]
"""What a worker that was heard of is up to."""

DriftKind = Literal["missing", "target", "description", "unlisted"]
"""In what an endpoint is not as it should be."""

_PAGE: Final = 1000
"""Each page is made from all that is known, so there are as few of them as the registry takes."""

_VERDICTS: Final[Mapping[Verdict, pb.HealthVerdict]] = {
    "serving": pb.HEALTH_VERDICT_SERVING,
    "degraded": pb.HEALTH_VERDICT_DEGRADED,
    "not served": pb.HEALTH_VERDICT_NOT_SERVED,
}
_WORKER_STATES: Final[Mapping[WorkerState, pb.WorkerState]] = {
    "alive": pb.WORKER_STATE_ALIVE,
    "lost": pb.WORKER_STATE_LOST,
    "stopped": pb.WORKER_STATE_STOPPED,
}
_DRIFTS: Final[Mapping[DriftKind, pb.DriftKind]] = {
    "missing": pb.DRIFT_KIND_MISSING,
    "target": pb.DRIFT_KIND_TARGET,
    "description": pb.DRIFT_KIND_DESCRIPTION,
    "unlisted": pb.DRIFT_KIND_UNLISTED,
}
_VERDICT_OF: Final[Mapping[int, Verdict]] = {int(number): name for name, number in _VERDICTS.items()}
_WORKER_STATE_OF: Final[Mapping[int, WorkerState]] = {int(number): name for name, number in _WORKER_STATES.items()}
_DRIFT_OF: Final[Mapping[int, DriftKind]] = {int(number): name for name, number in _DRIFTS.items()}


@dataclass(frozen=True)
class ServedRevision:
    """One revision of one service."""

    service: str
    digest: str


@dataclass(frozen=True, kw_only=True)
class Heartbeat:
    """That a worker is there, in its own words."""

    worker: str
    namespace: str
    task_queue: str
    identity: str
    build: str
    kit_version: str
    sdk_version: str
    serves: tuple[ServedRevision, ...]
    started: datetime
    sent: datetime
    every: timedelta
    stopping: bool = False
    owner: str = ""
    contact: str = ""
    description: str = ""

    @classmethod
    def from_message(cls, message: pb.Heartbeat) -> "Heartbeat":
        """Read a heartbeat off the wire."""
        return cls(
            worker=message.worker,
            namespace=message.namespace,
            task_queue=message.task_queue,
            identity=message.identity,
            build=message.build,
            kit_version=message.kit_version,
            sdk_version=message.sdk_version,
            serves=tuple(ServedRevision(each.service, each.digest) for each in message.serves),
            started=_moment(message.started),
            sent=_moment(message.sent),
            every=message.every.ToTimedelta(),
            stopping=message.stopping,
            owner=message.owner,
            contact=message.contact,
            description=message.description,
        )

    def to_message(self) -> pb.Heartbeat:
        """Return the heartbeat as it goes over the wire."""
        return pb.Heartbeat(
            worker=self.worker,
            namespace=self.namespace,
            task_queue=self.task_queue,
            identity=self.identity,
            build=self.build,
            kit_version=self.kit_version,
            sdk_version=self.sdk_version,
            serves=[pb.ServedRevision(service=each.service, digest=each.digest) for each in self.serves],
            started=self.started,
            sent=self.sent,
            every=self.every,
            stopping=self.stopping,
            owner=self.owner,
            contact=self.contact,
            description=self.description,
        )


@dataclass(frozen=True, kw_only=True)
class Worker:
    """A worker that was heard of. `polled` is None when Temporal never heard of it, as far as is known."""

    team: str
    worker: str
    state: WorkerState
    namespace: str
    task_queue: str
    identity: str
    build: str
    kit_version: str
    sdk_version: str
    serves: tuple[ServedRevision, ...]
    started: datetime
    seen: datetime
    every: timedelta
    polled: datetime | None = None

    @classmethod
    def from_message(cls, message: pb.Worker) -> "Worker":
        """Read a worker off the wire."""
        return cls(
            team=message.team,
            worker=message.worker,
            state=_WORKER_STATE_OF.get(message.state, "lost"),
            namespace=message.namespace,
            task_queue=message.task_queue,
            identity=message.identity,
            build=message.build,
            kit_version=message.kit_version,
            sdk_version=message.sdk_version,
            serves=tuple(ServedRevision(each.service, each.digest) for each in message.serves),
            started=_moment(message.started),
            seen=_moment(message.seen),
            every=message.every.ToTimedelta(),
            polled=_moment(message.polled) if message.HasField("polled") else None,
        )

    def to_message(self) -> pb.Worker:
        """Return the worker as it goes over the wire."""
        return pb.Worker(
            team=self.team,
            worker=self.worker,
            state=_WORKER_STATES[self.state],
            namespace=self.namespace,
            task_queue=self.task_queue,
            identity=self.identity,
            build=self.build,
            kit_version=self.kit_version,
            sdk_version=self.sdk_version,
            serves=[pb.ServedRevision(service=each.service, digest=each.digest) for each in self.serves],
            started=self.started,
            seen=self.seen,
            polled=self.polled,
            every=self.every,
        )


@dataclass(frozen=True, kw_only=True)
class TeamFacts:
    """Who answers for a team, and what it does, in its own words."""

    team: str
    owner: str = ""
    contact: str = ""
    description: str = ""

    @classmethod
    def from_message(cls, message: pb.Team) -> "TeamFacts":
        """Read it off the wire."""
        return cls(team=message.team, owner=message.owner, contact=message.contact, description=message.description)

    def to_message(self) -> pb.Team:
        """Return it as it goes over the wire."""
        return pb.Team(team=self.team, owner=self.owner, contact=self.contact, description=self.description)


@dataclass(frozen=True, kw_only=True)
class ServiceHealth:
    """Whether a service is served, and if not, why. `as_of` is None when the observer never looked."""

    service: str
    team: str
    verdict: Verdict
    reasons: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    as_of: datetime | None = None
    stale: bool = False
    workers: int = 0
    builds: tuple[str, ...] = ()

    @classmethod
    def from_message(cls, message: pb.ServiceHealth) -> "ServiceHealth":
        """Read a verdict off the wire."""
        return cls(
            service=message.service,
            team=message.team,
            # A verdict that only a newer registry knows is not simply that all is well.
            verdict=_VERDICT_OF.get(message.verdict, "degraded"),
            reasons=tuple(message.reasons),
            remarks=tuple(message.remarks),
            as_of=_moment(message.as_of) if message.HasField("as_of") else None,
            stale=message.stale,
            workers=message.workers,
            builds=tuple(message.builds),
        )

    def to_message(self) -> pb.ServiceHealth:
        """Return the verdict as it goes over the wire."""
        return pb.ServiceHealth(
            service=self.service,
            team=self.team,
            verdict=_VERDICTS[self.verdict],
            reasons=self.reasons,
            remarks=self.remarks,
            as_of=self.as_of,
            stale=self.stale,
            workers=self.workers,
            builds=self.builds,
        )


@dataclass(frozen=True)
class Drift:
    """In what an endpoint is not as it should be."""

    kind: DriftKind
    words: str


@dataclass(frozen=True, kw_only=True)
class ObservedEndpoint:
    """A Nexus endpoint as it is, and as it should be. Places that nothing says are empty."""

    name: str
    namespace: str
    task_queue: str
    wanted_namespace: str
    wanted_task_queue: str
    services: tuple[str, ...]
    drift: tuple[Drift, ...]
    as_of: datetime

    @classmethod
    def from_message(cls, message: pb.ObservedEndpoint) -> "ObservedEndpoint":
        """Read an endpoint off the wire."""
        return cls(
            name=message.name,
            namespace=message.namespace,
            task_queue=message.task_queue,
            wanted_namespace=message.wanted_namespace,
            wanted_task_queue=message.wanted_task_queue,
            services=tuple(message.services),
            drift=tuple(Drift(_DRIFT_OF[each.kind], each.words) for each in message.drift if each.kind in _DRIFT_OF),
            as_of=_moment(message.as_of),
        )

    def to_message(self) -> pb.ObservedEndpoint:
        """Return the endpoint as it goes over the wire."""
        return pb.ObservedEndpoint(
            name=self.name,
            namespace=self.namespace,
            task_queue=self.task_queue,
            wanted_namespace=self.wanted_namespace,
            wanted_task_queue=self.wanted_task_queue,
            services=self.services,
            drift=[pb.EndpointDrift(kind=_DRIFTS[each.kind], words=each.words) for each in self.drift],
            as_of=self.as_of,
        )


@dataclass(frozen=True)
class QueuePoller:
    """Somebody who asks a task queue for work, and when it last did."""

    identity: str
    last: datetime


@dataclass(frozen=True, kw_only=True)
class QueueTasks:
    """One kind of tasks of a task queue: `nexus`, `workflow` or `activity`."""

    kind: str
    pollers: tuple[QueuePoller, ...]
    backlog: int
    oldest: timedelta
    congested: bool


@dataclass(frozen=True, kw_only=True)
class ObservedQueue:
    """A task queue as the observer saw it last. `error` is empty unless it could not be looked at."""

    namespace: str
    task_queue: str
    tasks: tuple[QueueTasks, ...]
    error: str
    as_of: datetime

    @classmethod
    def from_message(cls, message: pb.ObservedQueue) -> "ObservedQueue":
        """Read a task queue off the wire."""
        return cls(
            namespace=message.namespace,
            task_queue=message.task_queue,
            tasks=tuple(
                QueueTasks(
                    kind=each.kind,
                    pollers=tuple(QueuePoller(one.identity, _moment(one.last)) for one in each.pollers),
                    backlog=each.backlog,
                    oldest=each.oldest.ToTimedelta(),
                    congested=each.congested,
                )
                for each in message.tasks
            ),
            error=message.error,
            as_of=_moment(message.as_of),
        )

    def to_message(self) -> pb.ObservedQueue:
        """Return the task queue as it goes over the wire."""
        tasks = [
            pb.QueueTasks(
                kind=each.kind,
                pollers=[pb.QueuePoller(identity=one.identity, last=one.last) for one in each.pollers],
                backlog=each.backlog,
                oldest=each.oldest,
                congested=each.congested,
            )
            for each in self.tasks
        ]
        return pb.ObservedQueue(
            namespace=self.namespace, task_queue=self.task_queue, tasks=tasks, error=self.error, as_of=self.as_of
        )


@dataclass(frozen=True, kw_only=True)
class ObserverJob:
    """Something that the observer does again and again. `succeeded` is None when it never has, since it started."""

    name: str
    process: str
    every: timedelta
    ended: datetime
    succeeded: datetime | None
    error: str
    overdue: bool

    @classmethod
    def from_message(cls, message: pb.ObserverJob) -> "ObserverJob":
        """Read a job off the wire."""
        return cls(
            name=message.name,
            process=message.process,
            every=message.every.ToTimedelta(),
            ended=_moment(message.ended),
            succeeded=_moment(message.succeeded) if message.HasField("succeeded") else None,
            error=message.error,
            overdue=message.overdue,
        )

    def to_message(self) -> pb.ObserverJob:
        """Return the job as it goes over the wire."""
        return pb.ObserverJob(
            name=self.name,
            process=self.process,
            every=self.every,
            ended=self.ended,
            succeeded=self.succeeded,
            error=self.error,
            overdue=self.overdue,
        )


class HealthClient:
    """Tells and asks one registry what runs."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def beat(self, heartbeat: Heartbeat) -> None:
        """Report that a worker of the signing team is there."""
        data = heartbeat.to_message().SerializeToString()
        token = self._connection.signed("ReportHeartbeat", data)
        request = pb.ReportHeartbeatRequest(heartbeat=data)
        await self._connection.call("ReportHeartbeat", request, pb.ReportHeartbeatResponse, token=token)

    async def workers(self, *, team: str = "", service: str = "", past: bool = False) -> AsyncIterator[Worker]:
        """Yield the workers of a team, or those that serve a service; with `past` also those that are gone."""
        page = ""
        while True:
            request = pb.ListWorkersRequest(team=team, service=service, past=past, page_size=_PAGE, page_token=page)
            response = await self._connection.call("ListWorkers", request, pb.ListWorkersResponse)
            for each in response.workers:
                yield Worker.from_message(each)
            page = response.next_page_token
            if not page:
                return

    async def teams(self) -> AsyncIterator[TeamFacts]:
        """Yield every team that has ever had a key, ordered, with who answers for it as far as its workers said."""
        page = ""
        while True:
            request = pb.ListTeamsRequest(page_size=_PAGE, page_token=page)
            response = await self._connection.call("ListTeams", request, pb.ListTeamsResponse)
            for each in response.teams:
                yield TeamFacts.from_message(each)
            page = response.next_page_token
            if not page:
                return

    async def of(self, service: str) -> ServiceHealth:
        """Return whether a service is served, and if not, why.

        Raises:
            RegistryNotFoundError: The registry holds no such service.
        """
        request = pb.GetHealthRequest(service=service)
        response = await self._connection.call("GetHealth", request, pb.GetHealthResponse)
        return ServiceHealth.from_message(response.health)

    async def all(self, *, team: str = "") -> AsyncIterator[ServiceHealth]:
        """Yield the same of every service, or of a team's, ordered by service."""
        page = ""
        while True:
            request = pb.ListHealthRequest(team=team, page_size=_PAGE, page_token=page)
            response = await self._connection.call("ListHealth", request, pb.ListHealthResponse)
            for each in response.health:
                yield ServiceHealth.from_message(each)
            page = response.next_page_token
            if not page:
                return

    async def endpoints(self) -> AsyncIterator[ObservedEndpoint]:
        """Yield the Nexus endpoints as the observer saw them last, ordered by name."""
        page = ""
        while True:
            request = pb.ListEndpointsRequest(page_size=_PAGE, page_token=page)
            response = await self._connection.call("ListEndpoints", request, pb.ListEndpointsResponse)
            for each in response.endpoints:
                yield ObservedEndpoint.from_message(each)
            page = response.next_page_token
            if not page:
                return

    async def queues(self) -> AsyncIterator[ObservedQueue]:
        """Yield the task queues that calls lead to or workers work on, as the observer saw them last."""
        page = ""
        while True:
            request = pb.ListQueuesRequest(page_size=_PAGE, page_token=page)
            response = await self._connection.call("ListQueues", request, pb.ListQueuesResponse)
            for each in response.queues:
                yield ObservedQueue.from_message(each)
            page = response.next_page_token
            if not page:
                return

    async def observer(self) -> tuple[ObserverJob, ...]:
        """Return what the observer does, and how it went the last time; nothing when there never was one."""
        request = pb.ListObserverJobsRequest()
        response = await self._connection.call("ListObserverJobs", request, pb.ListObserverJobsResponse)
        return tuple(ObserverJob.from_message(each) for each in response.jobs)


def _moment(timestamp: Timestamp) -> datetime:
    return timestamp.ToDatetime(tzinfo=UTC)
