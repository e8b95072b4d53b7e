"""Whether the processes of a stack answer: running is not yet working."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from temporalio.api.enums.v1 import TaskQueueType, WorkerVersioningMode
from temporalio.api.taskqueue.v1 import PollerInfo, TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError

from callboard.stack.enrolment import administrator_token
from callboard.stack.parts import Part
from callboard_kit.devserver import DevServerError, wait_until_ready
from callboard_kit.rollouts.deployment import Deployment, DeploymentError
from callboard_registry_api.client import RegistryClient
from callboard_registry_api.errors import RegistryUnavailableError

_KINDS = (TaskQueueType.TASK_QUEUE_TYPE_NEXUS, TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW)


class Readiness:
    """Asks the parts of one stack whether they answer. Belongs to one event loop."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._temporal: Client | None = None

    async def temporal(self) -> Client:
        """Return a connection to the stack's Temporal server.

        Raises:
            RuntimeError: It does not answer.
        """
        if self._temporal is None:
            self._temporal = await Client.connect(self._environment["TEMPORAL_ADDRESS"])
        return self._temporal

    async def answers(self, part: Part, pid: int | None) -> bool:
        """Return whether `part` does its work now, as process `pid`."""
        match part.name:
            case "temporal":
                return await self._temporal_answers(part.address)
            case "valkey":
                return await _pongs(part.address)
            case "registry":
                return await self._registry_answers(part.address)
            case _ if part.role == "observer":
                return await self._observer_looks(pid)
            case _ if part.role == "worker":
                return await self._worker_polls(part.address.partition("/")[2], pid)
            case _:
                return await _listens(part.address)

    async def _temporal_answers(self, address: str) -> bool:
        left = iter((True, False))
        try:
            await wait_until_ready(address, alive=lambda: next(left))
        except DevServerError:
            return False
        return True

    async def _registry_answers(self, address: str) -> bool:
        async with self._registry(address) as client:
            try:
                await client.list_public_keys()
            except RegistryUnavailableError:
                return False
            return True

    def _registry(self, address: str) -> RegistryClient:
        # Reading may need a proof, and whoever started the stack has this one.
        return RegistryClient(
            address, administrator_token=administrator_token(Path(self._environment["CALLBOARD_HOME"]))
        )

    async def _observer_looks(self, pid: int | None) -> bool:
        async with self._registry(self._environment["CALLBOARD_REGISTRY"]) as client:
            try:
                jobs = await client.health.observer()
            except RegistryUnavailableError:
                return False
        return any(job.process.startswith(f"{pid}@") for job in jobs)

    async def _worker_polls(self, queue: str, pid: int | None) -> bool:
        try:
            service = (await self.temporal()).workflow_service
            found = [
                await service.describe_task_queue(
                    DescribeTaskQueueRequest(namespace=queue, task_queue=TaskQueue(name=queue), task_queue_type=kind)
                )
                for kind in _KINDS
            ]
            # The server remembers for minutes who polled: one that was killed is no sign of the one that came after.
            mine = [each for kind in found for each in kind.pollers if each.identity.startswith(f"{pid}@")]
            return bool(mine) and await self._has_work(queue, mine[0])
        except (RuntimeError, RPCError, DeploymentError):
            return False

    async def _has_work(self, namespace: str, poller: PollerInfo) -> bool:
        """Return whether the worker's build was ever given work: one with a version gets none by being there."""
        options = poller.deployment_options
        if options.worker_versioning_mode != WorkerVersioningMode.WORKER_VERSIONING_MODE_VERSIONED:
            return True
        client = Client((await self.temporal()).service_client, namespace=namespace)
        routing = await Deployment(client, options.deployment_name).look()
        mine = None if routing is None else routing.build(options.build_id)
        return mine is not None and mine.state != "new"


async def _pongs(address: str) -> bool:
    # By hand: the client's connection, cancelled while an answer comes in, may swallow that this process is to stop.
    host, _, port = address.rpartition(":")
    try:
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"PING\r\n")
        answer = await reader.readline()
        writer.close()
        await writer.wait_closed()
    except OSError:
        return False
    return answer == b"+PONG\r\n"


async def _listens(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        _, writer = await asyncio.open_connection(host, int(port))
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True
