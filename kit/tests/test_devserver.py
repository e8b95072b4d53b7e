"""The development server comes up as the mesh needs it, and says why when it cannot."""

import asyncio
import socket
from pathlib import Path

import pytest
from temporalio.api.operatorservice.v1 import ListNexusEndpointsRequest
from temporalio.client import Client

from callboard_kit.devserver import DevServer, DevServerError, running, wait_until_ready
from callboard_kit.ports import LOOPBACK, PortInUseError, free_ports, is_free
from callboard_kit.provision import SEARCH_ATTRIBUTES, EndpointPlan, Provisioned, provision

ORDERS = EndpointPlan(name="orders", namespace="orders", task_queue="orders", description="# Orders")


async def test_a_server_keeps_what_it_held_when_it_is_started_again(tmp_path: Path) -> None:
    server = DevServer(port=free_ports(1)[0], database=tmp_path / "temporal.db", namespaces=("orders",))

    async with running(server) as first:
        client = await Client.connect(first.address)
        await provision(client, namespaces=["orders"], endpoints=[ORDERS])
    async with running(server) as second:
        client = await Client.connect(second.address)
        endpoints = await client.operator_service.list_nexus_endpoints(ListNexusEndpointsRequest())

    assert [each.spec.name for each in endpoints.endpoints] == ["orders"]
    assert is_free(server.port)


async def test_provisioning_twice_changes_nothing_the_second_time() -> None:
    async with running(DevServer(port=free_ports(1)[0], namespaces=("orders",))) as server:
        client = await Client.connect(server.address)
        first = await provision(client, namespaces=["orders", "billing"], endpoints=[ORDERS])
        second = await provision(client, namespaces=["orders", "billing"], endpoints=[ORDERS])
        moved = EndpointPlan(name="orders", namespace="billing", task_queue="orders", description="# Moved")
        third = await provision(client, namespaces=[], endpoints=[moved])

    assert first.namespaces == ("billing",)
    assert first.endpoints_created == ("orders",)
    assert len(first.search_attributes) == 2 * len(SEARCH_ATTRIBUTES)
    assert second == Provisioned()
    assert third == Provisioned(endpoints_updated=("orders",))


async def test_provisioning_by_two_at_once_makes_everything_once() -> None:
    async with running() as server:
        client = await Client.connect(server.address)
        done = await asyncio.gather(
            *(provision(client, namespaces=["orders"], endpoints=[ORDERS]) for _ in range(2)),
        )

    assert sorted(len(each.endpoints_created) for each in done) == [0, 1]


async def test_a_busy_port_is_named() -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortInUseError, match=f"port {port} for temporal is in use"):
            async with running(DevServer(port=port)):
                pass


async def test_a_server_that_stops_at_once_says_what_it_said(tmp_path: Path) -> None:
    broken = tmp_path / "temporal.db"
    broken.write_text("this is no database")

    with pytest.raises(DevServerError, match="not a database"):
        async with running(DevServer(port=free_ports(1)[0], database=broken)):
            pass


async def test_waiting_ends_when_the_process_is_gone() -> None:
    with pytest.raises(DevServerError, match="stopped before it answered"):
        await wait_until_ready(f"{LOOPBACK}:{free_ports(1)[0]}", alive=lambda: False)
