"""`python -m callboard_registry`, as a process: it starts, says why not, is killed, and comes back."""

import asyncio
import contextlib
import signal

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from callboard_registry.database import Database
from callboard_registry.server import serving
from callboard_registry.settings import Address, Settings
from callboard_registry_api.client import RegistryClient
from callboard_registry_api.errors import RegistryUnavailableError


async def test_health_and_reflection_are_served(running):
    async with grpc.aio.insecure_channel(str(running.grpc)) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        checks = [
            (await health.Check(health_pb2.HealthCheckRequest(service=name))).status
            for name in ("", "callboard.registry.v1.RegistryService")
        ]
        asked = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(
            iter([reflection_pb2.ServerReflectionRequest(list_services="")])
        )
        services = {service.name async for answer in asked for service in answer.list_services_response.service}

    assert checks == [health_pb2.HealthCheckResponse.SERVING] * 2
    assert {"callboard.registry.v1.RegistryService", "grpc.health.v1.Health"} <= services


async def test_no_acknowledged_publish_is_lost_when_the_process_is_killed(launch, document, any_database):
    acknowledged: set[str] = set()
    enough = asyncio.Event()

    async def publish_until_it_ends(client, start: int) -> None:
        for number in range(start, start + 10_000):
            try:
                listing = await client.publish_listing(document(longest=60 + number))
            except RegistryUnavailableError:
                return
            acknowledged.add(listing.digest)
            if len(acknowledged) >= 40:
                enough.set()

    async with launch(CALLBOARD_REGISTRY_DATABASE=any_database.migrated()) as first:
        shop = await first.running.enrol("shop")
        async with first.running.client(shop) as client:
            writers = [asyncio.ensure_future(publish_until_it_ends(client, n * 10_000)) for n in range(4)]
            async with asyncio.timeout(60):
                await enough.wait()
                first.process.kill()
                await asyncio.gather(*writers)
        code, _ = await first.ended()

    anywhere = Address("127.0.0.1", 0)
    settings = Settings(database=first.database, grpc=anywhere, http=anywhere, administrator_token="for-tests")
    async with serving(settings) as again, RegistryClient(str(again.grpc), sign=shop.sign) as client:
        held = {one.digest async for one in client.all_listings(all_revisions=True, summary=True)}
        afterwards = await client.publish_listing(document(longest=9))

    assert code == -signal.SIGKILL
    assert acknowledged <= held
    assert afterwards.number == len(held) + 1


async def test_a_call_in_flight_is_answered_before_the_process_ends(launch, document, any_database):
    async with (
        launch(CALLBOARD_REGISTRY_DATABASE=any_database.migrated()) as registry,
        contextlib.AsyncExitStack() as stack,
    ):
        shop = await registry.running.enrol("shop")
        # While another process holds the database's write lock, a publish waits inside the registry.
        other = Database.open(registry.database)
        stack.callback(other.close)
        lock = contextlib.ExitStack()
        lock.enter_context(other.writing())
        async with registry.running.client(shop) as client:
            publishing = asyncio.ensure_future(client.publish_listing(document()))
            # Reads go on meanwhile; once this one is answered the publish before it has been received.
            await client.list_listings()
            registry.process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(said(registry, "stopping"), timeout=30)
            assert not publishing.done()
            lock.close()
            listing = await publishing
        code, _ = await registry.ended()

    assert (listing.number, code) == (1, 0)


async def said(registry, word: str) -> None:
    assert registry.process.stderr is not None
    while word not in (await registry.process.stderr.readline()).decode():
        pass


async def test_what_keeps_it_from_starting_is_one_line_and_exit_1(running, launch):
    async with launch(ready=False, CALLBOARD_REGISTRY_GRPC=str(running.grpc)) as second:
        code, errors = await second.ended()

    told = "cannot be served on (Address already in use); stop what listens there or set CALLBOARD_REGISTRY_GRPC"
    assert (code, errors) == (1, f"registry: {running.grpc} {told}\n")
