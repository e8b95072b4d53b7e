"""The orchestrator's worker and its model, as tests run them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from temporalio.client import Client

from callboard_kit.agent import ModelEndpoint, ModelSettings
from callboard_kit.testing import LocalMesh
from callboard_orchestrator.catalog import Catalog, Registry
from callboard_orchestrator.workflows import Orchestrate, Relocate


@dataclass(frozen=True)
class Offline:
    """The offline model of the tests, in a process of its own."""

    address: str
    http: httpx2.AsyncClient

    async def play(self, words: str, *steps: dict[str, object]) -> None:
        """Register a script for exactly these words."""
        script = {"id": words, "match": words, "equals": True, "steps": list(steps)}
        (await self.http.post("/offline/scripts", json=script)).raise_for_status()


@asynccontextmanager
async def orchestrating(
    local_mesh: LocalMesh, offline: Offline, registry: Registry, cache: Path, profile: str = "production"
) -> AsyncIterator[tuple[Client, Catalog]]:
    """Run the orchestrator's worker."""
    settings = ModelSettings(model="offline-script-player", base_url=f"{offline.address}/v1", api_key="any")
    model = ModelEndpoint(settings)
    catalog = Catalog(connect=lambda: registry, cache=cache, team="orchestrator", profile=profile)
    activities: list[Any] = [
        model.call_model,
        catalog.offered_operations,
        catalog.find_operations,
        catalog.open_operations,
    ]
    async with local_mesh.member("orchestrator", workflows=[Orchestrate, Relocate], activities=activities) as client:
        yield client, catalog
    await model.close()
