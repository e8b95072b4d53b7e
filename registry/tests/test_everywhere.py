"""An operation is offered once every build that is there serves it."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from callboard_contracts import ServiceDescription
from callboard_registry_api.health import Heartbeat, ServedRevision


def with_operations(document: bytes, *names: str) -> bytes:
    changed = json.loads(document)
    [first] = changed["operations"]
    changed["operations"] = [{**first, "name": name} for name in names]
    digest = ServiceDescription.model_validate(changed).observable_digest()
    return json.dumps({**changed, "digest": digest}).encode()


def heartbeat(worker: str, listing: bytes, **more: object) -> Heartbeat:
    now = datetime.now(UTC)
    digest = json.loads(listing)["digest"]
    said = Heartbeat(
        worker=worker,
        namespace="shop",
        task_queue="shop",
        identity=worker,
        build=worker,
        kit_version="0",
        sdk_version="0",
        serves=(ServedRevision("shop.v1", digest),),
        started=now,
        sent=now,
        every=timedelta(seconds=60),
    )
    return replace(said, **more)


@pytest.fixture
async def revisions(client, document) -> tuple[bytes, bytes]:
    """A service with one operation, and its next revision with two."""
    old, new = with_operations(document(), "sell"), with_operations(document(), "sell", "lend")
    rule = {"name": "open", "callers": ["bank"], "services": ["shop.v1"], "operations": ["*"]}
    await client.publish_listing(old)
    await client.publish_listing(new)
    await client.publish_policy("shop", json.dumps({"rules": [rule]}).encode())
    return old, new


async def offered(client) -> list[str]:
    return [each.operation for each in (await client.discovery.discover("bank")).operations]


async def test_where_no_worker_is_there_the_newest_revision_is_offered_whole(client, revisions):
    assert await offered(client) == ["sell", "lend"]


async def test_an_operation_is_offered_once_every_build_serves_it(client, revisions):
    old, new = revisions
    await client.health.beat(heartbeat("one", old))
    alone = await offered(client)
    await client.health.beat(heartbeat("two", new))
    both = await offered(client)
    await client.health.beat(heartbeat("one", old, stopping=True, sent=datetime.now(UTC) + timedelta(seconds=1)))

    assert (alone, both, await offered(client)) == (["sell"], ["sell"], ["sell", "lend"])


async def test_a_canary_and_a_worker_that_is_lost_hold_nothing_back(client, revisions):
    old, new = revisions
    await client.health.beat(heartbeat("canary", old, task_queue="shop-canary"))
    await client.health.beat(heartbeat("lost", old, every=timedelta(milliseconds=100)))
    await client.health.beat(heartbeat("two", new))

    async with asyncio.timeout(60):
        while await offered(client) != ["sell", "lend"]:  # noqa: ASYNC110 - time itself is what it waits for
            await asyncio.sleep(0.05)
