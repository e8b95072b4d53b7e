"""Registries to measure: the real process on a database of its own, with as many teams as asked for."""

import secrets
import sys
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from bench.place import answers
from bench.processes import Processes
from callboard_contracts import ServiceDescription, describe
from callboard_contracts.billing import v1 as billing
from callboard_kit.identity import SigningKey
from callboard_kit.ports import LOOPBACK, free_ports
from callboard_kit.publishing import registry_signature
from callboard_registry_api.client import RegistryClient

SERVICES_OF_A_TEAM = 5
OPERATIONS_OF_A_SERVICE = 10


@dataclass(frozen=True)
class RunningRegistry:
    """A registry that answers."""

    address: str
    web: str
    """Where its HTTP API and its pages are."""

    token: str
    processes: Processes

    def administrator(self) -> RegistryClient:
        """Return a client that may do everything."""
        return RegistryClient(self.address, administrator_token=self.token, timeout=timedelta(seconds=30))

    def member(self, key: SigningKey) -> RegistryClient:
        """Return a client that signs as a team."""
        return RegistryClient(self.address, sign=registry_signature(key), timeout=timedelta(seconds=30))

    async def enrol(self, team: str) -> SigningKey:
        """Give a team a key."""
        key = SigningKey.generate(team)
        async with self.administrator() as administrator:
            await administrator.register_key(team, key.key_id, key.public_key.public_bytes)
        return key


@asynccontextmanager
async def registry(home: Path, database: str) -> AsyncGenerator[RunningRegistry]:
    """Run a registry on this database, with its files in a folder that is there."""
    port, web_port = free_ports(2)
    token = secrets.token_urlsafe(32)
    environment = {
        "CALLBOARD_HOME": str(home),
        "CALLBOARD_LOG": "WARNING",
        "CALLBOARD_REGISTRY_ADMIN_TOKEN": token,
        "CALLBOARD_REGISTRY_DATABASE": database,
        "CALLBOARD_REGISTRY_GRPC": f"{LOOPBACK}:{port}",
        "CALLBOARD_REGISTRY_HTTP": f"{LOOPBACK}:{web_port}",
    }
    async with Processes(home / "logs", environment) as processes:
        await processes.start("registry", [sys.executable, "-m", "callboard_registry"])
        running = RunningRegistry(f"{LOOPBACK}:{port}", f"http://{LOOPBACK}:{web_port}", token, processes)
        async with running.administrator() as administrator:
            await answers(administrator, processes)
        yield running


async def fill(where: RunningRegistry, teams: int) -> None:
    """Publish five services with ten operations each, as large as real ones, for each of `teams` teams."""
    for number in range(teams):
        team = f"team{number:03}"
        async with where.member(await where.enrol(team)) as client:
            for service in services_of(team):
                await client.publish_listing(service.model_dump_json().encode())


def services_of(team: str) -> Iterator[ServiceDescription]:
    """Describe a team's services: operations of a real contract, under other names."""
    real = describe(billing.Billing)
    for version in range(1, SERVICES_OF_A_TEAM + 1):
        operations = [
            real.operations[number % len(real.operations)].model_copy(update={"name": f"operation_{number}"})
            for number in range(OPERATIONS_OF_A_SERVICE)
        ]
        yield named(real.model_copy(update={"operations": tuple(operations)}), f"{team}.v{version}")


async def publish_average(where: RunningRegistry, team: str) -> str:
    """Publish a service as large as the contracts are on average, and return its name."""
    service = named(describe(billing.Billing), f"{team}.v1")
    async with where.member(await where.enrol(team)) as client:
        await client.publish_listing(service.model_dump_json().encode())
    return service.service


def revisions(team: str, first: int, count: int) -> Sequence[bytes]:
    """Return documents of `count` revisions of a team's service, each as large as the contracts are on average."""
    real = describe(billing.Billing)
    [operation, *others] = real.operations
    documents: list[bytes] = []
    for number in range(first, first + count):
        promise = operation.promise.model_copy(update={"longest": timedelta(seconds=60 + number)})
        changed = (operation.model_copy(update={"promise": promise}), *others)
        model = named(real.model_copy(update={"operations": changed}), f"{team}.v1")
        documents.append(model.model_dump_json().encode())
    return documents


def named(model: ServiceDescription, service: str) -> ServiceDescription:
    """Return a description under another name."""
    team = service.partition(".")[0]
    renamed = model.model_copy(update={"service": service, "endpoint": team, "team": team})
    return renamed.model_copy(update={"digest": renamed.observable_digest()})
