"""A parlour on a real server, with a model that says what the test lets it say."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from parlour import Parlour
from talkers import Echo, House, serving

from callboard_kit.testing import InMemoryHistory, LocalMesh

TEAMS = ("parlour", "street")


@pytest.fixture(scope="session")
async def parlour_mesh(local_mesh: LocalMesh) -> LocalMesh:
    await local_mesh.provision(TEAMS)
    return local_mesh


@pytest.fixture
async def house(parlour_mesh: LocalMesh) -> AsyncIterator[House]:
    model, history = Echo(), InMemoryHistory()
    async with serving(parlour_mesh, model, history):
        client = await parlour_mesh.client("street", contracts=[Parlour])
        yield House(parlour_mesh, client, model, history)
