"""The worker deployment of one team, as Temporal has it: its builds, and which of them get new work."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal, TypeVar

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.deployment.v1 import WorkerDeploymentInfo
from temporalio.api.enums.v1 import WorkerDeploymentVersionStatus as Status
from temporalio.api.workflowservice.v1 import (
    DescribeWorkerDeploymentRequest,
    SetWorkerDeploymentCurrentVersionRequest,
    SetWorkerDeploymentRampingVersionRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode
from tenacity import AsyncRetrying, retry_if_exception, stop_after_delay, wait_random_exponential

BuildState = Literal["new", "current", "ramping", "draining", "drained"]
"""What a build is to its deployment: `new` never got work, `draining` gets none but what it has begun."""

_STATES: Final[dict[int, BuildState]] = {
    Status.WORKER_DEPLOYMENT_VERSION_STATUS_CURRENT: "current",
    Status.WORKER_DEPLOYMENT_VERSION_STATUS_RAMPING: "ramping",
    Status.WORKER_DEPLOYMENT_VERSION_STATUS_DRAINING: "draining",
    Status.WORKER_DEPLOYMENT_VERSION_STATUS_DRAINED: "drained",
}

RequestT = TypeVar("RequestT")
ResultT = TypeVar("ResultT")

_BUSY: Final = frozenset({RPCStatusCode.RESOURCE_EXHAUSTED, RPCStatusCode.UNAVAILABLE})
_PATIENCE: Final = 10.0


class DeploymentError(Exception):
    """What Temporal would not do with a deployment, and why."""


@dataclass(frozen=True, kw_only=True)
class Build:
    """One build that a deployment knows."""

    name: str
    state: BuildState
    registered: datetime
    """When a worker of it asked for work for the first time."""

    last_current: datetime | None = None
    """When it was current last. None: never."""


@dataclass(frozen=True, kw_only=True)
class Routing:
    """Where the new work of a team goes."""

    current: str = ""
    """The build that gets what the ramping one does not. Empty: workers that are not versioned, if there are any."""

    ramping: str = ""
    """The build that gets a share. Empty: there is none."""

    percent: float = 0.0
    """The share of the ramping build."""

    since: datetime | None = None
    """When the ramp began: since then both builds have had the same kind of work."""

    builds: tuple[Build, ...] = ()
    """Every build that is known, the youngest first."""

    token: bytes = b""
    """Shown with a change, it keeps that from undoing one that somebody else made meanwhile."""

    def build(self, name: str) -> Build | None:
        """Return what is known of one build."""
        return next((build for build in self.builds if build.name == name), None)

    def before(self) -> Build | None:
        """Return the build that was current before the current one."""
        former = [each for each in self.builds if each.last_current is not None and each.name != self.current]
        return max(former, key=lambda each: each.last_current or each.registered, default=None)


class Deployment:
    """Reads and changes the deployment of one team. Every change is refused when somebody else made one meanwhile."""

    def __init__(self, client: Client, name: str) -> None:
        self._client = client
        self._service = client.workflow_service
        self.name = name

    async def look(self) -> Routing | None:
        """Return where new work goes now; None when no versioned worker has ever asked for work.

        Raises:
            DeploymentError: Temporal does not say.
        """
        request = DescribeWorkerDeploymentRequest(namespace=self._client.namespace, deployment_name=self.name)
        try:
            answer = await _patiently(lambda: self._service.describe_worker_deployment(request))
        except RPCError as error:
            if error.status == RPCStatusCode.NOT_FOUND:
                return None
            raise self._refused(error) from error
        return _routing(answer.worker_deployment_info, answer.conflict_token)

    async def make_current(self, build: str, seen: Routing) -> None:
        """Send all new work to `build`; ends a ramp of it.

        Raises:
            DeploymentError: The build has no worker, or is not as it was `seen`.
        """
        await self._changed(
            self._service.set_worker_deployment_current_version,
            SetWorkerDeploymentCurrentVersionRequest(
                namespace=self._client.namespace,
                deployment_name=self.name,
                build_id=build,
                conflict_token=seen.token,
                identity=self._client.identity,
            ),
        )

    async def ramp(self, build: str, percent: float, seen: Routing) -> None:
        """Send a share of the new work to `build`; an empty build ends the ramp.

        Raises:
            DeploymentError: The build has no worker, or is not as it was `seen`.
        """
        await self._changed(
            self._service.set_worker_deployment_ramping_version,
            SetWorkerDeploymentRampingVersionRequest(
                namespace=self._client.namespace,
                deployment_name=self.name,
                build_id=build,
                percentage=percent if build else 0.0,
                conflict_token=seen.token,
                identity=self._client.identity,
            ),
        )

    async def _changed(self, change: Callable[[RequestT], Awaitable[object]], request: RequestT) -> None:
        try:
            # The token keeps one that arrived, and whose answer was lost, from being made once more.
            await _patiently(lambda: change(request))
        except RPCError as error:
            raise self._refused(error) from error

    def _refused(self, error: RPCError) -> DeploymentError:
        return DeploymentError(f"deployment {self.name!r} of namespace {self._client.namespace!r}: {error.message}")


def version_attribute(deployment: str, build: str) -> str:
    """Return how Temporal's search attributes name a build."""
    return f"{deployment}:{build}"


async def _patiently(ask: Callable[[], Awaitable[ResultT]]) -> ResultT:
    """Return what Temporal answers, which lets a deployment be asked about only so often."""
    retrying = AsyncRetrying(
        retry=retry_if_exception(lambda error: isinstance(error, RPCError) and error.status in _BUSY),
        wait=wait_random_exponential(multiplier=0.2, max=2),
        stop=stop_after_delay(_PATIENCE),
        reraise=True,
    )

    async def asked() -> ResultT:
        return await ask()

    return await retrying(asked)


def _routing(info: WorkerDeploymentInfo, token: bytes) -> Routing:
    config = info.routing_config
    builds = [
        Build(
            name=each.deployment_version.build_id,
            state=_STATES.get(each.status, "new"),
            registered=_moment(each.create_time),
            last_current=_moment(each.last_current_time) if each.HasField("last_current_time") else None,
        )
        for each in info.version_summaries
    ]
    ramping = config.ramping_deployment_version.build_id
    return Routing(
        current=config.current_deployment_version.build_id,
        ramping=ramping,
        percent=config.ramping_version_percentage if ramping else 0.0,
        since=_moment(config.ramping_version_changed_time) if ramping else None,
        builds=tuple(sorted(builds, key=lambda each: each.registered, reverse=True)),
        token=token,
    )


def _moment(stamp: Timestamp) -> datetime:
    return stamp.ToDatetime(tzinfo=UTC)
