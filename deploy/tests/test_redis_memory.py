"""What a team remembers is kept in Redis, within bounds, where no other team gets at it, and forgotten on record."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError

from callboard.stack.redis_users import READER, write_users
from callboard_contracts import RefusedError, UnavailableError
from callboard_kit.events.writing import open_redis
from callboard_kit.memory.kept import Kind, Memory, digest_of
from callboard_kit.memory.store import Bounds, RedisMemories
from callboard_kit.settings import Settings
from callboard_kit.testing.valkey import Valkey

ADA = f"{digest_of('ada')}:orchestrator"
OTHER_ADA = f"{digest_of('ada')}:orders"
EVE = f"{digest_of('eve')}:orchestrator"


@pytest.fixture(scope="module")
async def settings(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Settings]:
    home = tmp_path_factory.mktemp("home")
    async with Valkey.running(aclfile=write_users(home, ["support", "billing"])) as server:
        yield Settings(home=home, redis_url=server.url)


@pytest.fixture
async def clients(settings: Settings) -> AsyncIterator[dict[str, Redis]]:
    held = {user: open_redis(settings.redis_for(user) or "") for user in ("support", "billing", READER)}
    yield held
    for client in held.values():
        await client.aclose()


@pytest.fixture
async def memories(clients: dict[str, Redis]) -> AsyncIterator[RedisMemories]:
    held = RedisMemories(clients["support"], "support", bounds=Bounds(entries=3, size=2_000))
    yield held
    for about in {each.about.partition(":")[0] for each in await held.read(await held.scopes())} - {""}:
        await held.forget_person(about, by="test")


def memory(
    id: str, text: str, *, about: str = ADA, scope: str = "", kind: Kind = "preference", days: float = 10
) -> Memory:
    now = datetime.now(UTC)
    return Memory(
        id=id,
        scope=scope or f"person:{about}",
        kind=kind,
        text=text,
        about=about,
        by="support/support",
        at=now,
        until=now + timedelta(days=days),
    )


async def texts(memories: RedisMemories, scope: str = f"person:{ADA}") -> list[str]:
    return [each.text for each in await memories.read([scope])]


async def test_what_is_kept_is_found_by_its_scope_the_newest_first_and_only_there(memories: RedisMemories) -> None:
    await memories.keep(memory("a1", "likes blue"))
    await memories.keep(memory("a2", "has a dog"))
    await memories.keep(memory("e1", "likes red", about=EVE))

    assert await texts(memories) == ["has a dog", "likes blue"]
    assert await texts(memories, f"person:{EVE}") == ["likes red"]
    assert await texts(memories, f"person:{OTHER_ADA}") == []


async def test_the_same_words_take_the_place_of_what_was_there(memories: RedisMemories) -> None:
    await memories.keep(memory("b1", "likes blue"))
    await memories.keep(memory("b2", "Likes  BLUE"))

    assert [each.id for each in await memories.read([f"person:{ADA}"])] == ["b2"]


async def test_a_scope_holds_no_more_than_it_may_and_what_ends_first_goes_first(memories: RedisMemories) -> None:
    for number in range(5):
        await memories.keep(memory(f"c{number}", f"text {number}", days=20 - number))
    assert sorted(await texts(memories)) == ["text 0", "text 1", "text 4"]

    await memories.keep(memory("c9", "x" * 1_000, days=30))
    await memories.keep(memory("c10", "y" * 900, days=40))
    assert [text[:1] for text in await texts(memories)] == ["y"]


async def test_what_is_over_is_gone_and_its_key_ends_with_the_last_of_it(
    memories: RedisMemories, clients: dict[str, Redis]
) -> None:
    bob = f"{digest_of('bob')}:orchestrator"
    await memories.keep(memory("d1", "soon over", about=bob, days=-1))
    await memories.keep(memory("d2", "stays", about=bob))

    assert await texts(memories, f"person:{bob}") == ["stays"]
    assert "d1" not in await clients["support"].hgetall(f"memory:support:person:{bob}")
    assert 10 * 86_400 < await clients["support"].ttl(f"memory:support:person:{bob}") <= 11 * 86_400


async def test_what_was_forgotten_is_on_record_without_its_words_and_a_late_attempt_does_not_bring_it_back(
    memories: RedisMemories, clients: dict[str, Redis]
) -> None:
    kept = await memories.keep(memory("f1", "a sad story"))
    done = await memories.forget(kept.scope, ["f1", "unknown"], by="support/support for ada", why="asked for")

    [record, *_] = await memories.forgotten()
    assert (record.ids, record.scope, record.by, record.why) == (
        ("f1",),
        kept.scope,
        "support/support for ada",
        "asked for",
    )
    assert record == done
    assert "sad" not in str(await clients["support"].xrange("forgotten:support"))
    assert "sad" not in str(await clients["support"].hgetall(f"memory:support:{kept.scope}"))
    with pytest.raises(RefusedError, match="forgotten meanwhile"):
        await memories.keep(memory("f1", "a sad story"))
    assert await texts(memories) == []
    assert await memories.forget(kept.scope, ["f1"], by="again") != record
    assert (await memories.forgotten())[0] == record


async def test_all_that_is_remembered_about_somebody_is_forgotten_in_every_scope(memories: RedisMemories) -> None:
    await memories.keep(memory("g1", "one"))
    await memories.keep(memory("g2", "two", scope="team"))
    await memories.keep(memory("g3", "three", scope="agent:support"))
    await memories.keep(memory("g4", "of others", about=EVE, scope="team"))
    await memories.keep(memory("g5", "vouched for by others", about=OTHER_ADA))

    # Whom one team vouches for may be somebody else than whom another one names so.
    of_one = await memories.forget_person(ADA, by="support/support for ada")
    left = await texts(memories, f"person:{OTHER_ADA}")
    of_all = await memories.forget_person(digest_of("ada"), by="operator root")

    assert sorted(id for each in of_one for id in each.ids) == ["g1", "g2", "g3"]
    assert left == ["vouched for by others"]
    assert [each.ids for each in of_all] == [("g5",)]
    assert await texts(memories, "team") == ["of others"]


async def test_attempts_at_the_same_time_remember_it_once(memories: RedisMemories) -> None:
    await asyncio.gather(*(memories.keep(memory("h1", "once")) for _ in range(10)))

    assert await texts(memories) == ["once"]


FORBIDDEN = {
    "read another's memory": ("HGETALL", f"memory:support:person:{ADA}"),
    "write another's memory": ("HSET", "memory:support:team", "x", "y"),
    "delete another's memory": ("UNLINK", "memory:support:team"),
    "list another's scopes": ("SMEMBERS", "memory:support:index"),
    "read what another forgot": ("XRANGE", "forgotten:support", "-", "+"),
    "write what another forgot": ("XADD", "forgotten:support", "*", "a", "b"),
    "take back what it forgot itself": ("XDEL", "forgotten:billing", "0-1"),
    "cut what it forgot": ("XTRIM", "forgotten:billing", "MAXLEN", "0"),
    "delete what it forgot": ("DEL", "forgotten:billing"),
    "let what it forgot end": ("EXPIRE", "forgotten:billing", "1"),
}


@pytest.mark.parametrize("command", FORBIDDEN.values(), ids=FORBIDDEN)
async def test_a_team_may_not(clients: dict[str, Redis], command: tuple[str, ...]) -> None:
    with pytest.raises(NoPermissionError):
        await clients["billing"].execute_command(*command)


@pytest.mark.parametrize("key", [f"memory:support:person:{ADA}", "memory:support:index"])
async def test_the_gateway_reads_no_memory(clients: dict[str, Redis], key: str) -> None:
    with pytest.raises(NoPermissionError):
        await clients[READER].execute_command("HGETALL", key)


async def test_a_team_with_the_name_of_another_in_front_gets_at_nothing(clients: dict[str, Redis]) -> None:
    with pytest.raises(UnavailableError, match="out of reach"):
        await RedisMemories(clients["billing"], "support").read(["team"])


async def test_without_redis_it_is_out_of_reach_and_a_worker_is_told_why() -> None:
    nowhere = RedisMemories.of(Settings(), "support")

    assert "set CALLBOARD_REDIS_URL" in (nowhere.fault or "")
    with pytest.raises(UnavailableError, match="the memory is out of reach"):
        await nowhere.keep(memory("i1", "lost"))
    await nowhere.close()
