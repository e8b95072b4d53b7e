import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

# Temporal's sandbox imports workflows by name once more, and the tests share their parts by name.
sys.path.insert(0, str(Path(__file__).parent))

from market import TEAMS, Market
from server import ServerWithHttp, Temporal

from callboard_kit import devserver
from callboard_kit.ports import free_ports
from callboard_kit.testing import LocalMesh


@pytest.fixture(scope="session")
async def temporal() -> AsyncGenerator[Temporal]:
    """One tuned server for every test of the mesh."""
    port, http_port = free_ports(2)
    async with devserver.running(ServerWithHttp(port=port, http_port=http_port, namespaces=TEAMS)) as server:
        yield Temporal(server.address, http_port)


@pytest.fixture(scope="session")
async def local_mesh(temporal: Temporal) -> LocalMesh:
    mesh = LocalMesh(temporal.address, TEAMS)
    await mesh.provision(TEAMS)
    return mesh


@pytest.fixture(scope="session")
async def market(local_mesh: LocalMesh, temporal: Temporal) -> AsyncGenerator[Market]:
    async with Market.open(local_mesh, http_port=temporal.http_port) as market:
        yield market
