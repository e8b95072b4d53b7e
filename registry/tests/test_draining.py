"""A registry that is told to stop lets nobody down who has already asked."""

import asyncio
import json
from datetime import timedelta

import grpc
import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from callboard_registry.registry import Registry
from callboard_registry.server import serving
from callboard_registry.settings import Address, Settings
from callboard_registry_api.client import RegistryClient
from callboard_registry_api.errors import RegistryUnavailableError


async def event(lines) -> dict[str, str]:
    """The next event of a stream, or a comment."""
    found: dict[str, str] = {}
    async for line in lines:
        if not line and found:
            return found
        name, _, value = line.partition(": ")
        found[name] = value
    return found


async def test_health_says_first_that_it_stops_and_what_was_asked_is_answered(tmp_path, monkeypatch):
    anywhere = Address("127.0.0.1", 0)
    settings = Settings(
        database=f"sqlite:///{tmp_path / 'registry.db'}", grpc=anywhere, http=anywhere, administrator_token="a"
    )
    going_on = asyncio.Event()
    serving_now = serving(settings)
    addresses = await serving_now.__aenter__()
    async with (
        grpc.aio.insecure_channel(str(addresses.grpc)) as channel,
        RegistryClient(str(addresses.grpc), administrator_token="a", timeout=timedelta(seconds=20)) as client,
    ):
        told = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        assert (await told.read()).status == health_pb2.HealthCheckResponse.SERVING
        slow = hold_back(monkeypatch, going_on)
        asking = asyncio.ensure_future(client.list_policies())
        await slow.wait()

        stopping = asyncio.ensure_future(serving_now.__aexit__(None, None, None))

        assert (await told.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
        assert not stopping.done()
        going_on.set()
        assert (await asking).items == ()
        await asyncio.wait_for(stopping, 10)
        with pytest.raises(RegistryUnavailableError):
            await client.list_policies()


def hold_back(monkeypatch, going_on: asyncio.Event) -> asyncio.Event:
    """Have the registry take its time to list policies until it may go on; the event says that it has begun."""
    begun, list_policies = asyncio.Event(), Registry.list_policies

    async def slowly(self, **how):
        begun.set()
        await going_on.wait()
        return await list_policies(self, **how)

    monkeypatch.setattr(Registry, "list_policies", slowly)
    return begun


async def test_a_stream_of_events_tells_what_happens_and_goes_on_where_it_was(serve_with, document):
    async with serve_with() as running, httpx.AsyncClient(trust_env=False, timeout=60) as http:
        shop = await running.enrol("shop")
        url = f"http://{running.http}/v1/changes/stream"
        async with http.stream("GET", url) as answer:
            lines = answer.aiter_lines()
            opening, enrolled = await event(lines), await event(lines)
            async with running.client(shop) as client:
                await client.publish_listing(document())
            published = await event(lines)
        async with http.stream("GET", url, headers={"last-event-id": enrolled["id"]}) as answer:
            lines = answer.aiter_lines()
            await event(lines)
            again = await event(lines)
        listed = (await http.get(f"http://{running.http}/v1/changes")).json()["changes"]

    assert answer.headers["content-type"].startswith("text/event-stream")
    assert "event" not in opening
    assert (enrolled["event"], published["event"]) == ("change", "change")
    assert [json.loads(each["data"]) for each in (enrolled, published)] == listed
    assert again == published


@pytest.mark.parametrize(("query", "field"), [("after=nonsense", "after"), ("after=x&only_new=true", "only_new")])
async def test_a_stream_from_a_place_that_is_none_does_not_begin(serve_with, query, field):
    async with serve_with() as running, httpx.AsyncClient(trust_env=False, timeout=60) as http:
        answer = await http.get(f"http://{running.http}/v1/changes/stream?{query}")

    assert (answer.status_code, answer.json()["error"]["field"]) == (400, field)


async def test_streams_over_http_have_places_too_and_end_with_the_registry(serve_with):
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        async with serve_with(watchers=10) as running:
            url = f"http://{running.http}/v1/changes/stream"
            streaming = http.stream("GET", url)
            answer = await streaming.__aenter__()
            lines = answer.aiter_lines()
            await event(lines)
            refused = await http.get(url)
            ending = asyncio.ensure_future(event(lines))
        assert await asyncio.wait_for(ending, 4) == {}
        await streaming.__aexit__(None, None, None)

    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) == 5
