"""A gateway on real servers: Temporal, Valkey, the offline model, two teams and the orchestrator's worker."""

import asyncio
import contextlib
import json
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx2
import pytest
import uvicorn
from temporalio import activity
from two_teams import AT_ONCE, EVERYTHING, CustomersService

from callboard_contracts import describe
from callboard_contracts.customers import v1 as customers
from callboard_kit.agent import ModelEndpoint, ModelSettings, OperationTool
from callboard_kit.directory import StaticDirectory
from callboard_kit.events.following import EventHub
from callboard_kit.events.writing import EventWriter, open_redis
from callboard_kit.identity import SigningKey
from callboard_kit.persons import Person, issue_token
from callboard_kit.policy import Policy
from callboard_kit.ports import free_ports
from callboard_kit.teams import Team
from callboard_kit.testing import LocalMesh
from callboard_kit.testing.valkey import Valkey
from callboard_orchestrator.catalog import Offering
from callboard_orchestrator.conversations import Conversations
from callboard_orchestrator.gateway.app import Parts, create_app
from callboard_orchestrator.inbox.client import InboxClient
from callboard_orchestrator.inbox.service import InboxService
from callboard_orchestrator.inbox.workflows import Gate
from callboard_orchestrator.runs import Runs
from callboard_orchestrator.workflows import Orchestrate


@activity.defn(name="offered_operations")
async def offered_operations() -> Offering:
    tools = OperationTool.all_of(describe(customers.Customers))
    return Offering(count=len(tools), services=("customers.v1",), tools=tools)


@dataclass(frozen=True)
class Theatre:
    """Everything a test of the gateway needs."""

    mesh: LocalMesh
    runs: Runs
    valkey: Valkey
    address: str
    offline: Any
    """The offline model; see the conftest of the folder above."""

    words: str
    """Words that no other test uses."""

    def client(self, name: str = "ada", scopes: tuple[str, ...] = ("runs",), **more: Any) -> httpx2.AsyncClient:
        """Return an HTTP client of the gateway with a token of its own."""
        return httpx2.AsyncClient(
            base_url=self.address, headers={"authorization": f"Bearer {self.token(name, scopes)}"}, timeout=30, **more
        )

    def token(
        self,
        name: str = "ada",
        scopes: tuple[str, ...] = ("runs",),
        *,
        key: SigningKey | None = None,
        lifetime: timedelta = timedelta(minutes=5),
    ) -> str:
        person = Person(name=name, scopes=scopes)
        return issue_token(key or self.mesh.keys["inbox"], person, now=time.time(), lifetime=lifetime)

    async def play(self, *steps: dict[str, object], words: str = "", **more: object) -> str:
        """Have the model answer these words with these steps, and return the words."""
        words = words or self.words
        script = {"id": words, "match": words, "equals": True, "steps": list(steps), **more}
        (await self.offline.http.post("/offline/scripts", json=script)).raise_for_status()
        return words


@pytest.fixture(scope="session")
async def valkey() -> AsyncGenerator[Valkey]:
    async with Valkey.running() as server:
        yield server


@pytest.fixture(scope="session")
async def gateway_mesh() -> AsyncGenerator[LocalMesh]:
    async with LocalMesh.running(teams=("orchestrator", "customers", "inbox")) as mesh:
        yield mesh


@pytest.fixture
async def theatre(
    gateway_mesh: LocalMesh, valkey: Valkey, offline: Any, request: pytest.FixtureRequest
) -> AsyncIterator[Theatre]:
    model = ModelEndpoint(ModelSettings(model="offline-script-player", base_url=f"{offline.address}/v1", api_key="any"))
    async with (
        gateway_mesh.member(
            "inbox",
            services=[InboxService()],
            workflows=[Gate],
            policy=Team.load("callboard_orchestrator.inbox").policy,
        ),
        written(valkey.url) as of_customers,
        written(valkey.url) as of_orchestrator,
        gateway_mesh.member(
            "customers",
            services=[CustomersService()],
            policy=EVERYTHING,
            events=of_customers,
            ordered_by_store=AT_ONCE,
        ),
        gateway_mesh.member(
            "orchestrator",
            workflows=[Orchestrate],
            activities=[model.call_model, offered_operations],
            events=of_orchestrator,
        ),
        gateway(gateway_mesh, valkey) as (runs, address),
    ):
        yield Theatre(gateway_mesh, runs, valkey, address, offline, f"{request.node.name} {uuid.uuid4().hex[:8]}")
    await model.close()


@contextlib.asynccontextmanager
async def gateway(mesh: LocalMesh, valkey: Valkey) -> AsyncIterator[tuple[Runs, str]]:
    """Serve a gateway on a free port."""
    hub = EventHub(valkey.url)
    runs = Runs(await mesh.client("orchestrator"), hub=hub)
    [port] = free_ports(1)
    directory = StaticDirectory(policy=Policy(), keys=[mesh.keys["inbox"].public_key])
    questions = InboxClient(await mesh.bare_client("inbox"))
    conversations = Conversations(await mesh.client("orchestrator"), hub=hub)
    app = create_app(Parts(runs, directory, questions, conversations))
    server = QuietServer(uvicorn.Config(app, port=port, log_config=None, timeout_graceful_shutdown=1))
    serving = asyncio.create_task(server.serve())
    await server.up.wait()
    try:
        yield runs, f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await serving
        await hub.close()


class QuietServer(uvicorn.Server):
    """Leaves signals to pytest, and tells when it serves."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        self.up.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


@contextlib.asynccontextmanager
async def written(url: str) -> AsyncIterator[EventWriter]:
    redis = open_redis(url)
    writer = EventWriter(redis)
    task = asyncio.create_task(writer.run())
    try:
        yield writer
    finally:
        task.cancel()
        await asyncio.wait({task})
        await redis.aclose()


async def sse(response: httpx2.Response) -> AsyncIterator[tuple[str | None, dict[str, Any]]]:
    """Yield the id and the event of each frame."""
    id = None
    async for line in response.aiter_lines():
        if line.startswith("id: "):
            id = line.removeprefix("id: ")
        elif line.startswith("data: "):
            yield id, json.loads(line.removeprefix("data: "))
        elif not line:
            id = None
