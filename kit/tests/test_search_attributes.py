"""Every workflow of a tree is found by its tree, and by how it ended; runs from before still go on."""

import asyncio
import uuid
from collections.abc import AsyncGenerator
from contextlib import suppress

import pytest
from temporalio import workflow
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.worker import Replayer, Worker

from callboard_contracts import MeshError, RefusedError, UnavailableError
from callboard_kit import mesh
from callboard_kit.plugin import MeshPlugin
from callboard_kit.search_attributes import CALLER, OUTCOME, ROOT
from callboard_kit.testing import LocalMesh
from callboard_kit.tokens import Origin

QUEUE = "endings"


@workflow.defn
class Ending:
    """Ends as it is told."""

    @workflow.run
    async def run(self, how: str) -> str:
        match how:
            case "refused":
                raise RefusedError("no")
            case "unavailable":
                raise UnavailableError("not now")
            case "failed":
                raise MeshError("broken")
            case "cancelled":
                await asyncio.Event().wait()
            case "once more":
                workflow.continue_as_new("ok")
            case "child":
                return await workflow.execute_child_workflow(
                    Ending.run, "refused", id=f"{workflow.info().workflow_id}-child"
                )
            case _:
                pass
        return how


@pytest.fixture(scope="module")
async def client(local_mesh: LocalMesh) -> AsyncGenerator[Client]:
    """A client whose workflows have search attributes, and a worker that ends them."""
    client = await connected(local_mesh, search_attributes=True)
    async with Worker(client, task_queue=QUEUE, workflows=[Ending]):
        yield client


async def connected(local_mesh: LocalMesh, *, search_attributes: bool) -> Client:
    plugin = MeshPlugin(local_mesh.keys["buyer"], settings=local_mesh.settings, search_attributes=search_attributes)
    return await Client.connect(local_mesh.address, namespace="buyer", plugins=[plugin])


async def ended(client: Client, how: str) -> WorkflowHandle[Ending, str]:
    handle = await client.start_workflow(Ending.run, how, id=f"ending-{uuid.uuid4().hex[:8]}", task_queue=QUEUE)
    if how == "cancelled":
        await handle.cancel()
    with suppress(WorkflowFailureError):
        await asyncio.wait_for(handle.result(), timeout=60)
    return client.get_workflow_handle_for(Ending.run, handle.id)


async def attributes(client: Client, workflow_id: str) -> dict[str, object]:
    described = await client.get_workflow_handle(workflow_id).describe()
    return {pair.key.name: pair.value for pair in described.typed_search_attributes}


@pytest.mark.parametrize("how", ["ok", "refused", "unavailable", "failed", "cancelled"])
async def test_a_workflow_is_found_by_how_it_ended(client: Client, how: str) -> None:
    handle = await ended(client, how)

    assert (await attributes(client, handle.id))[OUTCOME.name] == how


async def test_a_workflow_that_goes_on_as_new_has_no_outcome_before_its_last_run(client: Client) -> None:
    with mesh.starting(Origin(root="a-tree-of-two-runs")):
        handle = await ended(client, "once more")

    last = await attributes(client, handle.id)
    runs = [each async for each in client.list_workflows(f"WorkflowId = '{handle.id}'")]
    assert (last[ROOT.name], last[OUTCOME.name]) == ("a-tree-of-two-runs", "ok")
    assert len(runs) == 2
    assert [each.typed_search_attributes.get(OUTCOME) for each in runs].count(None) == 1


async def test_a_child_is_found_by_the_tree_it_belongs_to(client: Client) -> None:
    with mesh.starting(Origin(root="a-tree-with-a-child")):
        handle = await ended(client, "child")

    child = await attributes(client, f"{handle.id}-child")
    assert (child[ROOT.name], child[OUTCOME.name], CALLER.name in child) == ("a-tree-with-a-child", "refused", False)


async def test_a_run_that_was_started_without_search_attributes_sets_none(
    client: Client, local_mesh: LocalMesh
) -> None:
    before = await connected(local_mesh, search_attributes=False)

    handle = await ended(before, "ok")

    assert OUTCOME.name not in await attributes(client, handle.id)


@pytest.mark.parametrize("search_attributes", [True, False])
@pytest.mark.parametrize("how", ["ok", "failed", "child"])
async def test_runs_of_both_kinds_replay(
    client: Client, local_mesh: LocalMesh, how: str, search_attributes: bool
) -> None:
    starter = client if search_attributes else await connected(local_mesh, search_attributes=False)
    handle = await ended(starter, how)

    plugin = MeshPlugin(local_mesh.keys["buyer"], settings=local_mesh.settings)
    await Replayer(workflows=[Ending], plugins=[plugin]).replay_workflow(await handle.fetch_history())
