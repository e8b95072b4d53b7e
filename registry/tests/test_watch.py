"""Whoever watches sees every change once and in order, also when cut off in between."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from datetime import timedelta

import grpc
import httpx
import pytest

from callboard_kit.identity import SigningKey
from callboard_registry.database import Database
from callboard_registry.keyring import Keyring
from callboard_registry.refusals import Refusal
from callboard_registry.threads import Threads
from callboard_registry.watching import Retention, Watching
from callboard_registry_api.client import RegistryClient
from callboard_registry_api.errors import RegistryRefusedError, RegistryUnavailableError
from callboard_registry_api.v1 import registry_pb2 as pb
from callboard_registry_api.v1.registry_pb2_grpc import RegistryServiceStub


async def seen(client, number: int, **how: object) -> list:
    """The next changes, as many as asked for."""
    changes = []
    async with asyncio.timeout(60), contextlib.aclosing(client.watch(**how)) as watching:
        async for change in watching:
            changes.append(change)
            if len(changes) == number:
                return changes
    raise AssertionError("the stream ended")


async def test_everything_that_happens_is_told_in_order(client, document):
    first = await client.publish_listing(document())
    await client.publish_listing(document(summary="Sells everything."))
    await client.set_state("shop.v1", first.digest, "approved", reason="reviewed")
    await client.publish_policy("shop", b'{"rules":[]}')

    changes = await seen(client, 5)

    told = [(each.kind, each.subject, each.detail, each.state, each.author) for each in changes]
    assert told[1:] == [
        ("listing_published", "shop.v1", first.digest, None, "shop"),
        ("listing_reworded", "shop.v1", first.digest, None, "shop"),
        ("listing_moved", "shop.v1", first.digest, "approved", "administrator"),
        ("policy_published", "shop", "1", None, "shop"),
    ]
    assert (changes[0].kind, changes[0].team, changes[3].reason) == ("key_enrolled", "shop", "reviewed")
    assert len({each.cursor for each in changes}) == 5


async def test_what_changes_nothing_is_not_told(client, document):
    for _ in range(2):
        listing = await client.publish_listing(document())
        await client.set_state("shop.v1", listing.digest, "approved")
        await client.publish_policy("shop", b'{"rules":[]}')
    await client.publish_listing(document(longest=90))

    kinds = [each.kind for each in await seen(client, 5)]

    assert kinds == ["key_enrolled", "listing_published", "listing_moved", "policy_published", "listing_published"]


async def test_a_change_is_told_while_it_is_watched_for(client, document):
    watching = asyncio.ensure_future(seen(client, 1, only_new=True))
    # Publish until told: the stream may not have begun when the first change happens.
    for longest in range(1, 100):
        await client.publish_listing(document(longest=longest))
        if watching.done():
            break

    assert (await watching)[0].kind == "listing_published"


async def test_a_watcher_cut_off_again_and_again_misses_nothing_and_sees_nothing_twice(running, client, shop, document):
    async def publish() -> list[str]:
        return [(await client.publish_listing(document(longest=1 + number))).digest for number in range(60)]

    publishing = asyncio.ensure_future(publish())
    told, cursor, cuts = [], "", 0
    while len(told) < 60:
        # A connection of its own each time, cut off after one, two, three … changes.
        async with RegistryClient(str(running.grpc)) as watcher:
            wanted = min(1 + cuts % 7, 60 - len(told))
            changes = await seen(watcher, wanted, after=cursor)
        cursor, cuts = changes[-1].cursor, cuts + 1
        told += [each.detail for each in changes if each.kind == "listing_published"]

    assert told == await publishing
    assert cuts > 10


async def test_a_watcher_goes_on_where_it_was_after_the_registry_was_killed(launch, document, any_database):
    database = any_database()
    told: list[str] = []
    published: list[str] = []
    cursor = ""
    async with launch(CALLBOARD_REGISTRY_DATABASE=database) as first:
        shop = await first.running.enrol("shop")
        async with first.running.client(shop) as client, RegistryClient(str(first.running.grpc)) as watcher:
            with pytest.raises(RegistryUnavailableError):
                async with contextlib.aclosing(watcher.watch()) as watching:
                    number = 0
                    async for change in watching:
                        cursor = change.cursor
                        told.append(change.detail)
                        number += 1
                        if number == 10:
                            first.process.kill()
                        elif number < 10:
                            published.append((await client.publish_listing(document(longest=number))).digest)
    async with launch(CALLBOARD_REGISTRY_DATABASE=database) as second, second.running.client(shop) as client:
        published += [(await client.publish_listing(document(longest=n))).digest for n in range(100, 105)]
        told += [each.detail for each in await seen(client, len(published) + 1 - len(told), after=cursor)]

    assert told == ["", *published]


async def test_one_teams_changes_are_told_to_who_wants_no_others(running, client, bank, document):
    await client.publish_listing(document())
    async with running.client(bank) as other:
        await other.publish_listing(document(service="bank.v1"))

    mine = await seen(client, 2, team="bank")

    assert [each.subject for each in mine] == [bank.key.key_id, "bank.v1"]
    with pytest.raises(RegistryRefusedError) as refused:
        await seen(client, 1, after=mine[0].cursor)
    assert refused.value.field == "after"


@pytest.mark.parametrize(
    ("how", "field"), [({"after": "nonsense"}, "after"), ({"after": "x", "only_new": True}, "only_new")]
)
async def test_a_place_that_is_none_is_refused(client, how, field):
    with pytest.raises(RegistryRefusedError) as refused:
        await seen(client, 1, **how)

    assert refused.value.field == field


async def test_watchers_do_not_keep_a_registry_from_stopping(launch):
    async with launch() as registry, RegistryClient(str(registry.running.grpc)) as watcher:
        watching = asyncio.ensure_future(seen(watcher, 2))
        await registry.running.enrol("shop")
        registry.process.terminate()
        code, _ = await asyncio.wait_for(registry.ended(), timeout=4)

        with pytest.raises(RegistryUnavailableError):
            await watching
    assert code == 0


async def test_so_many_watch_and_no_more_until_one_leaves(serve_with):
    async with serve_with(watchers=20) as running, RegistryClient(str(running.grpc)) as client:
        await running.enrol("shop")
        # One address may have a tenth of the places.
        first, second = client.watch(), client.watch()
        await anext(first)
        await anext(second)
        with pytest.raises(RegistryUnavailableError, match=r"'127.0.0.1' watches 2 times already.*try again in"):
            await anext(client.watch())

        await first.aclose()

        # The registry hears of it a moment later.
        async with asyncio.timeout(60):
            while (third := await first_or_none(client.watch())) is None:
                continue
        await second.aclose()
    assert third.kind == "key_enrolled"


async def first_or_none(watching: AsyncGenerator) -> object:
    async with contextlib.aclosing(watching):
        with contextlib.suppress(RegistryUnavailableError):
            return await anext(watching)


async def test_a_stream_that_the_registry_ends_says_that_it_is_going(launch):
    async with launch() as registry, grpc.aio.insecure_channel(str(registry.running.grpc)) as channel:
        stream = RegistryServiceStub(channel).WatchChanges(pb.WatchChangesRequest())
        first = await stream.read()
        registry.process.terminate()
        with pytest.raises(grpc.aio.AioRpcError) as ended:
            await stream.read()

    assert first.cursor
    assert ended.value.code() is grpc.StatusCode.UNAVAILABLE
    assert "watch on behind the last cursor" in ended.value.details()


async def test_what_happened_long_ago_is_forgotten_and_whoever_was_there_last_is_told_the_way_out(
    any_database,
):
    database, threads = Database.open(any_database.migrated()), Threads()
    keyring = Keyring(database)
    for team in ("shop", "bank", "desk", "crew", "yard"):
        key = SigningKey.generate(team)
        keyring.add(team=team, key_id=key.key_id, public_bytes=key.public_key.public_bytes)
    everything = Watching(database, threads)
    before, _ = await everything.page()

    forgotten = await Watching(database, threads, retention=Retention(number=2)).prune()
    again = await Watching(database, threads, retention=Retention(number=2)).prune()
    kept, _ = await everything.page()

    assert (forgotten, again) == (3, 0)
    assert kept == before[3:]
    assert await everything.page(after=before[2].cursor) == (kept, before[4].cursor)
    for cursor in (before[0].cursor, before[1].cursor):
        with pytest.raises(Refusal, match="list what there is now") as refused:
            await everything.page(after=cursor)
        assert (refused.value.kind, refused.value.field) == ("gone", "after")
    threads.close()
    database.close()


async def test_a_cursor_of_an_empty_registry_is_not_mistaken_for_one_that_has_seen_what_is_gone(any_database):
    database, threads = Database.open(any_database.migrated()), Threads()
    watching = Watching(database, threads, retention=Retention(age=timedelta(0)))
    _, cursor = await watching.page()
    key = SigningKey.generate("shop")
    Keyring(database).add(team="shop", key_id=key.key_id, public_bytes=key.public_key.public_bytes)

    assert await watching.prune() == 1
    with pytest.raises(Refusal):
        await watching.page(after=cursor)
    assert (await watching.page())[0] == []
    threads.close()
    database.close()


async def test_a_place_that_is_not_kept_any_more_is_out_of_range_or_gone(serve_with, tmp_path, document):
    told = {"retention": Retention(number=1), "database": f"sqlite:///{tmp_path / 'registry.db'}"}
    async with serve_with(**told) as running:
        shop = await running.enrol("shop")
        async with running.client(shop) as client:
            await client.publish_listing(document())
            cursor = (await seen(client, 1))[0].cursor
            await client.publish_listing(document(longest=5))
    async with serve_with(**told) as running, running.client(shop) as client:
        # The second process forgets as soon as it has started.
        async with asyncio.timeout(60):
            while len(await all_now(running)) != 1:
                continue
        with pytest.raises(RegistryRefusedError) as refused:
            await seen(client, 1, after=cursor)
        async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
            answer = await http.get(f"http://{running.http}/v1/changes", params={"after": cursor})

    assert refused.value.field == "after"
    assert (answer.status_code, answer.json()["error"]["code"]) == (410, "gone")


async def all_now(running) -> list:
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        return (await http.get(f"http://{running.http}/v1/changes")).json()["changes"]
