"""Two hundred teams with ten operations each, published to a real registry beside the two that are really there."""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import product
from pathlib import Path

import nexusrpc

from callboard_contracts import Message, ServiceDescription, describe, promise
from callboard_kit import Policy, Rule
from callboard_kit.identity import SigningKey
from callboard_kit.ports import free_ports
from callboard_kit.publishing import registry_signature
from callboard_registry_api.client import RegistryClient
from callboard_registry_api.errors import RegistryUnavailableError

ADMINISTRATOR = "administrator-of-the-tests"

_KINDS = ("purchase", "work", "standing", "money", "court", "rental", "travel", "medical", "supplier", "payroll")
_THINGS = (
    *("order", "invoice", "shipment", "ticket", "account", "contract", "booking", "claim", "report", "address"),
    *("payment", "visit", "licence", "sample", "budget", "vehicle", "warehouse", "question", "course", "message"),
)
_VERBS = ("create", "get", "list", "change", "cancel", "approve", "assign", "archive", "export", "transfer")


class Which(Message):
    """Which one is meant."""

    id: str
    """Its id."""

    reason: str = ""
    """Why, in a few words."""


@nexusrpc.service(name="desk.v1")
class Desk:
    """A desk."""

    do: nexusrpc.Operation[Which, Which] = promise(
        kind="task", effect="write", latency=timedelta(seconds=1), longest=timedelta(seconds=10)
    )


def crowd(size: int) -> list[ServiceDescription]:
    """Describe `size` services of as many teams, whose words are like those of real ones."""
    return [_service(kind, thing) for thing, kind in list(product(_THINGS, _KINDS))[:size]]


def _service(kind: str, thing: str) -> ServiceDescription:
    template = describe(Desk)
    [do] = template.operations
    team = f"{kind}-{thing}s"
    operations = tuple(
        do.model_copy(
            update={
                "name": f"{verb}_{kind}_{thing}",
                "summary": f"{verb.capitalize()} a {kind} {thing}.",
                "description": f"For whoever keeps {kind} {thing}s. Give the id of the {thing}, and a reason.",
            }
        )
        for verb in _VERBS
    )
    service = template.model_copy(
        update={
            "service": f"{team}.v1",
            "team": team,
            "endpoint": team,
            "summary": f"Keeps {kind} {thing}s.",
            "operations": operations,
        }
    )
    return service.model_copy(update={"digest": service.observable_digest()})


def open_to_the_orchestrator(service: ServiceDescription) -> Policy:
    """Return a policy that lets the orchestrator call all of a service."""
    return Policy(rules=(Rule(name="all", callers=("orchestrator",), services=(service.service,)),))


@dataclass
class LargeRegistry:
    """A registry process that holds many services."""

    address: str
    process: asyncio.subprocess.Process

    async def kill(self) -> None:
        """Take it away for good."""
        self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def large_registry(home: Path, services: Sequence[ServiceDescription]) -> AsyncGenerator[LargeRegistry]:
    """Run a registry that holds these services, each open to the orchestrator."""
    grpc, http = free_ports(2)
    environment = {
        "CALLBOARD_HOME": str(home),
        "CALLBOARD_REGISTRY_GRPC": f"127.0.0.1:{grpc}",
        "CALLBOARD_REGISTRY_HTTP": f"127.0.0.1:{http}",
        "CALLBOARD_REGISTRY_ADMIN_TOKEN": ADMINISTRATOR,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "callboard_registry",
        env={**os.environ, **environment},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    address = f"127.0.0.1:{grpc}"
    try:
        async with RegistryClient(address, administrator_token=ADMINISTRATOR) as administrator:
            async with asyncio.timeout(60):
                while True:
                    with suppress(RegistryUnavailableError):
                        await administrator.list_listings(page_size=1)
                        break
                    await asyncio.sleep(0.1)
            for service in services:
                key = SigningKey.generate(service.team)
                await administrator.register_key(service.team, key.key_id, key.public_key.public_bytes)
                async with RegistryClient(address, sign=registry_signature(key)) as team:
                    await team.publish_listing(service.model_dump_json().encode())
                    await team.publish_policy(
                        service.team, open_to_the_orchestrator(service).model_dump_json().encode()
                    )
        yield LargeRegistry(address, process)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
