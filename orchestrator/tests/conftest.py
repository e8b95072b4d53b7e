import asyncio
import contextlib
import sys
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from temporalio.client import Client

from callboard_contracts import describe
from callboard_contracts.customers import v1 as customers
from callboard_contracts.orders import v1 as orders
from callboard_kit.ports import free_ports
from callboard_kit.testing import LocalMesh
from callboard_orchestrator.catalog import Catalog

sys.path.insert(0, str(Path(__file__).parent))

from held_registry import HeldRegistry
from two_teams import AT_ONCE, EVERYTHING, CustomersService, OrdersService
from working import Offline, orchestrating


@dataclass(frozen=True)
class Stage:
    """Everything an end-to-end test needs."""

    client: Client
    """Of the orchestrator's namespace."""

    offline: Offline
    registry: HeldRegistry
    catalog: Catalog
    customers: CustomersService
    orders: OrdersService
    words: str
    """Words that no other test uses."""


@pytest.fixture(scope="session")
async def offline() -> AsyncGenerator[Offline]:
    port = free_ports(1)[0]
    command = (sys.executable, "-m", "callboard.offline_model", "--port", str(port))
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


@pytest.fixture(scope="session")
async def local_mesh() -> AsyncGenerator[LocalMesh]:
    async with LocalMesh.running(teams=("orchestrator", "customers", "orders")) as mesh:
        yield mesh


@pytest.fixture
async def stage(
    local_mesh: LocalMesh, offline: Offline, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Stage]:
    registry = HeldRegistry(
        [describe(customers.Customers), describe(orders.Orders)], {"customers": EVERYTHING, "orders": EVERYTHING}
    )
    served = (CustomersService(), OrdersService())
    async with (
        local_mesh.member("customers", services=[served[0]], policy=EVERYTHING, ordered_by_store=AT_ONCE),
        local_mesh.member("orders", services=[served[1]], policy=EVERYTHING, ordered_by_store=AT_ONCE),
        orchestrating(local_mesh, offline, registry, tmp_path / "catalog.json") as (client, catalog),
    ):
        words = f"{request.node.name} {uuid.uuid4().hex[:8]}"
        yield Stage(client, offline, registry, catalog, *served, words)
