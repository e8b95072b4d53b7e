import asyncio
import contextlib
import os
import sys
import uuid
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import opentelemetry.trace
import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from temporalio.api.nexus.v1 import EndpointSpec, EndpointTarget
from temporalio.api.operatorservice.v1 import CreateNexusEndpointRequest
from temporalio.client import Client
from temporalio.contrib.opentelemetry import create_tracer_provider
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Worker

from callboard_kit.devserver import running
from callboard_kit.ports import free_ports

# Temporal's sandbox imports the workflows by name once more.
sys.path.insert(0, str(Path(__file__).parent))

from agent_flows import ENDPOINT, ShopService, agent_worker

from callboard_kit.agent import ModelEndpoint, ModelSettings

KEY = "key-of-the-tests"
MODEL = "offline-script-player"


@dataclass(frozen=True)
class Offline:
    """The offline model of the tests, in a process of its own."""

    address: str
    http: httpx2.AsyncClient

    @property
    def settings(self) -> ModelSettings:
        return ModelSettings(model=MODEL, base_url=f"{self.address}/v1", api_key=KEY)

    async def play(self, goal: str, *steps: dict[str, object]) -> None:
        """Register a script for exactly this goal."""
        script = {"id": goal, "match": goal, "equals": True, "steps": list(steps)}
        (await self.http.post("/offline/scripts", json=script)).raise_for_status()

    async def break_down(self, goal: str, kind: str, *, attempts: int = 1, **more: object) -> None:
        """Let a fault strike the first attempts of each request about this goal."""
        plan = {"rates": {kind: 1.0}, "attempts": attempts, "match": goal, **more}
        (await self.http.put("/offline/faults", json=plan)).raise_for_status()

    async def requests(self, run_id: str) -> Sequence[dict[str, Any]]:
        """List what one workflow run asked."""
        return (await self.http.get("/offline/requests", params={"key": run_id})).json()["requests"]


@dataclass(frozen=True)
class Bench:
    """Everything a test of the loop needs: a server, the shop, and the agent's worker."""

    client: Client
    offline: Offline
    shop: ShopService
    endpoint: str
    task_queue: str


@pytest.fixture(scope="session")
async def address() -> AsyncGenerator[str]:
    async with running() as server:
        yield server.address


@pytest.fixture(scope="session")
async def offline() -> AsyncGenerator[Offline]:
    port = free_ports(1)[0]
    command = (sys.executable, "-m", "callboard.offline_model", "--port", str(port), "--api-key", KEY)
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
    try:
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as http:
            async with asyncio.timeout(60):
                while True:
                    with contextlib.suppress(httpx2.TransportError):
                        if (await http.get("/offline/health")).is_success:
                            break
                    await asyncio.sleep(0.05)
            yield Offline(address=f"http://127.0.0.1:{port}", http=http)
    finally:
        process.terminate()
        await process.wait()


@pytest.fixture
async def stage(address: str, offline: Offline) -> AsyncGenerator[Bench]:
    """Give a test a shop of its own and no agent's worker yet."""
    client = await Client.connect(address, data_converter=pydantic_data_converter)
    name = f"{ENDPOINT}-{uuid.uuid4().hex[:8]}"
    spec = EndpointSpec(
        name=name, target=EndpointTarget(worker=EndpointTarget.Worker(namespace="default", task_queue=name))
    )
    await client.operator_service.create_nexus_endpoint(CreateNexusEndpointRequest(spec=spec))
    shop = ShopService()
    async with Worker(client, task_queue=name, nexus_service_handlers=[shop]):
        yield Bench(client=client, offline=offline, shop=shop, endpoint=name, task_queue=f"agent-{name}")


@pytest.fixture
async def bench(stage: Bench) -> AsyncGenerator[Bench]:
    """Give a test the shop and an agent's worker in this process."""
    endpoint = ModelEndpoint(stage.offline.settings)
    async with agent_worker(stage.client, stage.task_queue, endpoint.call_model):
        yield stage
    await endpoint.close()


@contextlib.asynccontextmanager
async def worker_process(
    address: str, task_queue: str, settings: ModelSettings
) -> AsyncGenerator[asyncio.subprocess.Process]:
    """Run the agent's worker in a process that may be killed."""
    environment = os.environ | {
        "OPENAI_BASE_URL": settings.base_url,
        "OPENAI_API_KEY": settings.api_key or "",
        "CALLBOARD_MODEL": settings.model or "",
    }
    flows = str(Path(__file__).parent / "agent_flows.py")
    process = await asyncio.create_subprocess_exec(sys.executable, flows, address, task_queue, env=environment)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.fixture
def run_worker(address: str) -> Any:
    return lambda stage: worker_process(address, stage.task_queue, stage.offline.settings)


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """Collect the spans of this process, for as long as one test runs."""
    exporter = InMemorySpanExporter()
    provider = create_tracer_provider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    # OpenTelemetry lets a process set its provider once only, and has no way to take it back.
    monkeypatch.setattr(opentelemetry.trace, "_TRACER_PROVIDER", provider)
    return exporter
