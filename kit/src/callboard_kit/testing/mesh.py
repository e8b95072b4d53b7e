"""A mesh of your own for a test: a real Temporal server, and members whose keys and policies the test holds.

    async with LocalMesh.running(teams=("orders", "shop")) as mesh:
        async with mesh.member("orders", services=[OrdersService()], policy=policy):
            shop = await mesh.client("shop")
            …

There is no registry in it: a `StaticDirectory` vouches for every key the mesh made.
"""

import asyncio
import uuid
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

from temporalio.client import Client, Plugin
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from callboard_kit.devserver import DevServer, running
from callboard_kit.directory import StaticDirectory
from callboard_kit.events.writing import EventWriter
from callboard_kit.fingerprint.checking import DriftCheck
from callboard_kit.identity import SigningKey, VerifyingKey
from callboard_kit.plugin import MeshPlugin
from callboard_kit.policy import Policy
from callboard_kit.ports import free_ports
from callboard_kit.provision import EndpointPlan, provision
from callboard_kit.records import Recorder, Sink
from callboard_kit.rollouts.serving import deployment_config
from callboard_kit.settings import Settings
from callboard_kit.standing import Standing
from callboard_kit.trials.following import Trials


class LocalMesh:
    """A Temporal server with a namespace, an endpoint and a key for each of some teams."""

    def __init__(self, address: str, teams: Sequence[str]) -> None:
        self.address = address
        self.settings = Settings(profile="dev")
        self.keys = {team: SigningKey.generate(team) for team in teams}
        """Each team's private key, for tests that forge."""

        self._directories: list[StaticDirectory] = []
        self._directory_of: dict[str, StaticDirectory] = {}

    @classmethod
    @asynccontextmanager
    async def running(cls, teams: Sequence[str], *, tuned: bool = True) -> AsyncGenerator["LocalMesh"]:
        """Run a server of one's own until the block ends."""
        [port] = free_ports(1)
        async with running(DevServer(port=port, namespaces=tuple(teams), tuned=tuned)) as server:
            mesh = cls(server.address, teams)
            await mesh.provision(teams)
            yield mesh

    async def provision(self, teams: Sequence[str]) -> None:
        """Give `teams` their namespace, endpoint and key, where they have none yet."""
        client = await Client.connect(self.address)
        await provision(
            client,
            namespaces=[self.settings.physical(team) for team in teams],
            endpoints=[
                EndpointPlan(
                    name=self.settings.physical(team),
                    namespace=self.settings.physical(team),
                    task_queue=self.settings.physical(team),
                )
                for team in teams
            ],
        )
        for team in teams:
            if team not in self.keys:
                self.vouch(self._new_key(team).public_key)

    def _new_key(self, team: str) -> SigningKey:
        self.keys[team] = SigningKey.generate(team)
        return self.keys[team]

    def vouch(self, key: VerifyingKey) -> None:
        """Have every member, also those that run already, accept a key."""
        for directory in self._directories:
            directory.tell(key)

    def tell_standing(self, service: str, standing: Standing) -> None:
        """Have every member that runs hear where a service stands in its life."""
        for directory in self._directories:
            directory.tell_standing(service, standing)

    def tell_policy(self, team: str, policy: Policy) -> None:
        """Have the member of `team` that was started last go by another policy."""
        self._directory_of[team].tell_policy(policy)

    async def client(
        self,
        team: str,
        *,
        key: SigningKey | None = None,
        contracts: Iterable[type] = (),
        plugins: Sequence[Plugin] = (),
    ) -> Client:
        """Return a client of the team's namespace with the plugin; `key` to sign with another than the team's own."""
        return await Client.connect(
            self.address,
            namespace=self.settings.physical(team),
            plugins=[MeshPlugin(key or self.keys[team], settings=self.settings, services=contracts), *plugins],
        )

    async def bare_client(self, team: str) -> Client:
        """Return a client of the team's namespace without the plugin: a stranger."""
        return await Client.connect(
            self.address, namespace=self.settings.physical(team), data_converter=pydantic_data_converter
        )

    @asynccontextmanager
    async def member(
        self,
        team: str,
        *,
        services: Sequence[object] = (),
        workflows: Sequence[type] = (),
        activities: Sequence[Callable[..., Any]] = (),  # Any: activities take and return anything
        policy: Policy | None = None,
        sinks: Sequence[Sink] = (),
        transient: tuple[type[BaseException], ...] = (),
        plugins: Sequence[Plugin] = (),
        contracts: Iterable[type] = (),
        sandboxed: bool = True,
        events: EventWriter | None = None,
        ordered_by_store: Collection[str] = (),
        cached_workflows: int = 1_000,
        drift: DriftCheck | None = None,
        build: str = "",
        trials: Trials | None = None,
    ) -> AsyncGenerator[Client]:
        """Run a worker of `team` until the block ends; yields its client.

        With a `build` it is versioned, and serves nothing until the team's deployment gives that build work.
        """
        directory = StaticDirectory(policy=policy or Policy(), keys=[key.public_key for key in self.keys.values()])
        self._directories.append(directory)
        self._directory_of[team] = directory
        recorder = Recorder(sinks, build=build or "test", events=events)
        plugin = MeshPlugin(
            self.keys[team],
            settings=self.settings,
            directory=directory,
            services=contracts,
            recorder=recorder,
            transient=transient,
            search_attributes=True,
            ordered_by_store=ordered_by_store,
            drift=drift,
            trials=trials,
        )
        client = await Client.connect(self.address, namespace=self.settings.physical(team), plugins=[plugin, *plugins])
        recording = asyncio.create_task(recorder.run())
        options: dict[str, Any] = {} if sandboxed else {"workflow_runner": UnsandboxedWorkflowRunner()}  # Any: options
        with ThreadPoolExecutor(20) as threads:
            try:
                async with Worker(
                    client,
                    task_queue=self.settings.physical(team),
                    nexus_service_handlers=list(services),
                    workflows=list(workflows),
                    activities=list(activities),
                    activity_executor=threads,
                    nexus_task_executor=ThreadPoolExecutor(200),
                    identity=f"{team}-{uuid.uuid4().hex[:6]}",
                    max_cached_workflows=cached_workflows,
                    deployment_config=deployment_config(team, build, self.settings) if build else None,
                    **options,
                ):
                    yield client
            finally:
                recording.cancel()
                await asyncio.gather(recording, return_exceptions=True)
                self._directories.remove(directory)
