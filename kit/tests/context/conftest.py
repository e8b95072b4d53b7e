"""A kitchen on a real server, with a model that says what the test lets it say."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from cooking import Guests, Kitchen, Speaker
from kitchen import Cook, Cookbook, Pantry, PantryService

from callboard_kit.memory.activities import MemoryActivities
from callboard_kit.policy import Policy, Rule
from callboard_kit.testing import InMemoryMemories, LocalMesh

TEAMS = ("kitchen", "pantry")
OPEN = Policy(rules=(Rule(name="all", callers=("kitchen",), services=("pantry.v1",)),))


@pytest.fixture(scope="session")
async def kitchen_mesh(local_mesh: LocalMesh) -> LocalMesh:
    await local_mesh.provision(TEAMS)
    return local_mesh


@pytest.fixture
async def kitchen(kitchen_mesh: LocalMesh) -> AsyncIterator[Kitchen]:
    pantry, cookbook, speaker, memories = PantryService(), Cookbook(), Speaker(), InMemoryMemories()
    async with (
        kitchen_mesh.member("pantry", services=[pantry], contracts=[Pantry], policy=OPEN),
        kitchen_mesh.member(
            "kitchen",
            workflows=[Cook],
            activities=[cookbook.recipes, Guests().guests, speaker.call_model, *MemoryActivities(memories).all],
            contracts=[Pantry],
        ) as client,
    ):
        yield Kitchen(client, pantry, cookbook, speaker, memories)
        pantry.found.set()
