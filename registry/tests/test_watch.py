"""Whoever watches sees every change once and in order, also when cut off in between."""

import asyncio
import contextlib

import pytest

from callboard_registry_api.client import RegistryClient
from callboard_registry_api.errors import RegistryRefusedError, RegistryUnavailableError


async def seen(client, number: int, **how: object) -> list:
    """The next changes, as many as asked for."""
    changes = []
    async with asyncio.timeout(10), contextlib.aclosing(client.watch(**how)) as watching:
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
