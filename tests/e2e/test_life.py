"""The end of a revision's life, on a mesh that runs: callers are warned, then refused, and soon everywhere."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from callboard.stack.parts import plan
from callboard_contracts import RefusedError, ServiceDescription, describe, service_named
from callboard_kit.client import load_key
from callboard_kit.publishing import registry_signature
from callboard_registry_api.client import RegistryClient
from tests.playing.stage import Stage, standing
from tests.playing.waiting import until

pytestmark = pytest.mark.timeout(300)

INVENTORY = describe(service_named("inventory.v1"))
QUICK = {"CALLBOARD_LONGEST_AGE": "1"}
"""What would take half a minute: for callers to hear of what the registry decided."""


@pytest.fixture
async def mesh(tmp_path: Path) -> AsyncIterator[Stage]:
    """A mesh of its own with one team, because what was revoked never comes back."""
    others = [team for team in plan(tmp_path).teams if team != "inventory"]
    async with standing(tmp_path, without=others, environment=QUICK) as mesh:
        yield mesh


@pytest.fixture
async def registry(mesh: Stage) -> AsyncIterator[RegistryClient]:
    address = mesh.environment["CALLBOARD_REGISTRY"]
    secret = (mesh.home / "registry-admin-token").read_text().strip()
    sign = registry_signature(load_key("inventory", mesh.settings))
    async with RegistryClient(address, sign=sign, administrator_token=secret) as client:
        yield client


async def look(mesh: Stage) -> str:
    """Call the inventory, and return what was refused; nothing when it answered."""
    try:
        await mesh.call("orchestrator", "inventory.v1", "list_all_product_types", {})
    except RefusedError as error:
        return str(error)
    return ""


async def refused(mesh: Stage, words: str) -> None:
    """Wait until calls are refused with these words."""

    async def said() -> bool:
        return await look(mesh) == words

    await until(said, within=60)


async def test_callers_are_warned_and_then_refused_within_the_age_of_a_cache(mesh: Stage, registry: RegistryClient):
    document = json.loads(INVENTORY.model_dump_json())
    document["service"] = "inventory.v2"
    document["digest"] = ServiceDescription.model_validate(document).observable_digest()
    await registry.publish_listing(json.dumps(document).encode())
    move = registry.set_state

    await move("inventory.v1", INVENTORY.digest, "approved")
    assert await look(mesh) == ""

    await move("inventory.v1", INVENTORY.digest, "deprecated", successor="inventory.v2")

    async def warned() -> bool:
        assert await look(mesh) == ""
        records = (await registry.list_calls(page_size=1000)).records
        return any(
            each.outcome == "ok" and "inventory.v1 is deprecated; call inventory.v2" in each.reason for each in records
        )

    await until(warned, within=60)

    await move("inventory.v1", INVENTORY.digest, "retired", force=True)
    await refused(mesh, "inventory.v1 was retired and does not answer any more; call inventory.v2 instead")
    await move("inventory.v1", INVENTORY.digest, "revoked", reason="prices were wrong")
    await refused(mesh, "inventory.v1 was revoked and does not answer any more; call inventory.v2 instead")
