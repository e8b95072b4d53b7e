"""Among two hundred services with ten operations each, a run finds the one it needs, and carries little."""

import asyncio
import json
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from many_teams import LargeRegistry, crowd, large_registry
from temporalio.client import Client, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from two_teams import ADA, AT_ONCE, EVERYTHING, CustomersService, OrdersService
from working import Offline, orchestrating

from callboard_contracts import describe
from callboard_contracts.customers import v1 as customers
from callboard_contracts.orders import v1 as orders
from callboard_kit.testing import LocalMesh
from callboard_orchestrator.catalog import Catalog
from callboard_orchestrator.client import start_orchestrate
from callboard_orchestrator.messages import Settled
from callboard_registry_api.client import RegistryClient

TEAMS = 200
MOST_OF_A_REQUEST = 24_000
"""Bytes that one request to the model may have, some 6,000 tokens; all schemas together have more than a million."""


@dataclass(frozen=True)
class Stage:
    """A mesh with a crowd of services, two of which are really there."""

    client: Client
    offline: Offline
    catalog: Catalog
    orders: OrdersService
    registry: LargeRegistry


@pytest.fixture(scope="module")
async def registry(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[LargeRegistry]:
    services = [describe(customers.Customers), describe(orders.Orders), *crowd(TEAMS)]
    async with large_registry(tmp_path_factory.mktemp("registry"), services) as registry:
        yield registry


@pytest.fixture
async def stage(
    local_mesh: LocalMesh, offline: Offline, registry: LargeRegistry, tmp_path: Path
) -> AsyncIterator[Stage]:
    served = OrdersService()
    async with (
        RegistryClient(registry.address) as reading,
        local_mesh.member("customers", services=[CustomersService()], policy=EVERYTHING, ordered_by_store=AT_ONCE),
        local_mesh.member("orders", services=[served], policy=EVERYTHING, ordered_by_store=AT_ONCE),
        orchestrating(local_mesh, offline, reading.discovery, tmp_path / "catalog", profile="dev") as (client, catalog),
    ):
        yield Stage(client, offline, catalog, served, registry)


async def request_sizes(handle: WorkflowHandle[object, Settled]) -> list[int]:
    """How many bytes each request to the model had."""
    converter = pydantic_data_converter.payload_converter
    sizes: list[int] = []
    for event in (await handle.fetch_history()).events:
        scheduled = event.activity_task_scheduled_event_attributes
        if scheduled.activity_type.name == "callboard.call_model":
            [request] = converter.from_payloads(scheduled.input.payloads)
            sizes.append(len(json.dumps(request)))
    return sizes


async def test_the_right_operation_of_two_thousand_is_found_and_prompts_stay_small(stage):
    words = f"Cancel my order #W2. {uuid.uuid4().hex}"
    await stage.offline.play(
        words,
        {"tool_calls": [{"name": "search_tools", "arguments": {"query": "cancel a customer's pending order"}}]},
        {
            "tool_calls": [
                {
                    "name": "orders_v1__cancel_pending_order",
                    "arguments": {"order_id": "#W2", "reason": "no longer needed"},
                }
            ]
        },
        {"content": "Cancelled."},
    )

    offering = await stage.catalog.offered_operations()
    handle = await start_orchestrate(stage.client, words)
    settled = await handle.result()
    sizes = await request_sizes(handle)

    assert (offering.count > 10 * TEAMS, offering.service_count, offering.tools) == (True, TEAMS + 2, ())
    assert [(call.operation, call.outcome) for call in settled.calls] == [("cancel_pending_order", "ok")]
    assert stage.orders.cancelled == ["#W2"]
    assert max(sizes) < MOST_OF_A_REQUEST, sizes
    assert len((await handle.fetch_history()).to_json()) < 5 * MOST_OF_A_REQUEST


async def test_a_planner_that_only_knows_what_operations_are_called_gets_there(stage):
    """The offline model plans by itself: it searches for each operation and opens what is not open."""
    handle = await start_orchestrate(stage.client, f"I am {ADA.email}. Please cancel order #W2.")
    settled = await handle.result()

    assert ("orders.v1", "cancel_pending_order", "ok") in {
        (call.service, call.operation, call.outcome) for call in settled.calls
    }
    assert max(await request_sizes(handle)) < 2 * MOST_OF_A_REQUEST


async def test_what_was_copied_goes_on_being_searched_when_the_registry_is_gone(stage):
    async with stage.catalog:
        assert stage.catalog._copying is not None
        await asyncio.wait_for(asyncio.shield(stage.catalog._copying), 30)
    await stage.registry.kill()

    found = await stage.catalog.find_operations("cancel a pending order")
    opened = await stage.catalog.open_operations(found.listed)

    assert "cancel_pending_order" in [tool.operation for tool in opened]
