"""A team appends to event streams and uses its own history; it can neither read, take back nor look at another's."""

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError, RedisError

from callboard.stack.redis_users import READER, write_users
from callboard_contracts import UnavailableError
from callboard_kit.conversations.history import Bounds, RedisHistory
from callboard_kit.conversations.kept import Exchange, Heard
from callboard_kit.events.sweeping import sweep
from callboard_kit.events.writing import open_redis
from callboard_kit.processing.dead import bury_once, dead_letters, redrive
from callboard_kit.processing.lag import lag_of
from callboard_kit.processing.turns import Turn
from callboard_kit.settings import Settings
from callboard_kit.testing.valkey import Valkey

STREAM = "events:a-tree"


@pytest.fixture(scope="module")
async def settings(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Settings]:
    home = tmp_path_factory.mktemp("home")
    async with Valkey.running(aclfile=write_users(home, ["orders", "billing"])) as server:
        yield Settings(home=home, redis_url=server.url)


@pytest.fixture
async def as_user(settings: Settings) -> AsyncIterator[dict[str, Redis]]:
    clients = {user: open_redis(settings.redis_for(user) or "") for user in ("orders", "billing", READER)}
    nobody = replace(settings, home=Path("nowhere"))
    clients["nobody"] = open_redis(nobody.redis_for("orders") or "")
    yield clients
    for client in clients.values():
        await client.aclose()


async def test_a_team_appends_and_the_gateway_reads(as_user: dict[str, Redis]) -> None:
    await as_user["orders"].xadd(STREAM, {"a": "b"}, maxlen=10_000)

    assert [fields for _, fields in await as_user[READER].xrange(STREAM)][-1] == {"a": "b"}
    assert await as_user[READER].xread({STREAM: "0"}, block=10)
    assert await sweep(as_user[READER]) == 0


async def test_a_team_uses_its_own_history(as_user: dict[str, Redis]) -> None:
    orders = as_user["orders"]
    await orders.rpush("history:orders:1", "hello")
    await orders.expire("history:orders:1", 60)

    assert await orders.lrange("history:orders:1", 0, -1) == ["hello"]
    assert await orders.delete("history:orders:1") == 1


async def test_what_is_said_in_conversations_is_kept_within_its_bounds_by_its_team_alone(
    as_user: dict[str, Redis],
) -> None:
    bounds = Bounds(age=timedelta(seconds=60), exchanges=3, size=1_000)
    history = RedisHistory(as_user["orders"], "orders", bounds=bounds)
    await history.keep("talk", [exchange(number) for number in range(1, 6)])
    await history.keep("talk", [exchange(5)])
    await history.keep("large", [exchange(1, "x" * 600), exchange(2, "y" * 600)])

    assert [each.number for each in await history.read("talk")] == [3, 4, 5]
    assert [each.number for each in await history.read("talk", after=3, last=1)] == [5]
    assert [each.number for each in await history.read("large")] == [2]
    await history.forget("talk")
    assert await history.read("talk") == ()
    with pytest.raises(UnavailableError, match="out of reach"):
        await RedisHistory(as_user["billing"], "orders").read("large")


def exchange(number: int, answer: str = "Hello.") -> Exchange:
    said = Heard(message=f"m-{number}", text="Hello?")
    return Exchange(number=number, heard=(said,), answer=answer, team="orders", at=datetime.now(UTC))


async def test_a_team_publishes_to_its_followers_and_each_follower_reads_its_own_feed(
    as_user: dict[str, Redis],
) -> None:
    orders, billing = as_user["orders"], as_user["billing"]
    async with orders.pipeline(transaction=True) as pipe:
        await pipe.watch("feed-position:orders:billing")
        assert await pipe.get("feed-position:orders:billing") is None
        pipe.multi()
        pipe.xadd("feed:orders:billing", {"a": "b"})
        pipe.set("feed-position:orders:billing", "name:1")
        await pipe.execute()
    await billing.xgroup_create("feed:orders:billing", "billing", "0")
    [[_, [[entry, fields]]]] = await billing.xreadgroup("billing", "w", {"feed:orders:billing": ">"}, count=1, block=10)

    assert await orders.xlen("feed:orders:billing") == 1
    assert fields == {"a": "b"}
    await bury_once(billing, "orders", "billing", {"id": "e", "entry": entry}, reason="no", tries=1)
    assert [each.reason for each in await dead_letters(billing, "orders", "billing")] == ["no"]
    [dead] = await dead_letters(billing, "orders", "billing")
    assert await redrive(billing, "billing", dead)
    turn = Turn(billing, "turn:orders:billing", "me")
    assert await turn.take()
    await turn.give_back()
    assert (await lag_of(billing, "orders", "billing")).pending == 1


FORBIDDEN = {
    "read a stream": ("XRANGE", STREAM, "-", "+"),
    "follow a stream": ("XREAD", "STREAMS", STREAM, "0"),
    "take an event back": ("XDEL", STREAM, "0-1"),
    "cut a stream": ("XTRIM", STREAM, "MAXLEN", "0"),
    "delete a stream": ("DEL", STREAM),
    "unlink a stream": ("UNLINK", STREAM),
    "let a stream end": ("EXPIRE", STREAM, "1"),
    "move a stream": ("RENAME", STREAM, "history:orders:x"),
    "copy a stream": ("COPY", STREAM, "history:orders:x"),
    "read another's history": ("LRANGE", "history:billing:1", "0", "-1"),
    "write another's history": ("SET", "history:billing:1", "x"),
    "append elsewhere": ("XADD", "history:orders:x", "*", "a", "b"),
    "read the feed of one that follows it": ("XRANGE", "feed:orders:billing", "-", "+"),
    "be another's group": ("XREADGROUP", "GROUP", "billing", "w", "STREAMS", "feed:orders:billing", ">"),
    "take events back from a follower": ("XDEL", "feed:orders:billing", "0-1"),
    "read the feed of another": ("XRANGE", "feed:support:billing", "-", "+"),
    "write in another's name": ("XADD", "feed:support:billing", "*", "a", "b"),
    "move another's position": ("SET", "feed-position:support:billing", "x"),
    "read another's dead letters": ("XRANGE", "dead:orders:billing", "-", "+"),
    "bury for another": ("XADD", "dead:orders:billing", "*", "a", "b"),
    "take another's turn": ("SET", "turn:orders:billing", "x"),
    "delete its own feed": ("DEL", "feed:billing:orders"),
    "end its own group": ("XGROUP", "DESTROY", "feed:billing:orders", "orders"),
    "use a key of no kind": ("SET", "anything", "x"),
    "list the keys": ("KEYS", "*"),
    "scan the keys": ("SCAN", "0"),
    "watch everybody": ("MONITOR",),
    "listen to channels": ("SUBSCRIBE", "x"),
    "run a script": ("EVAL", "return 1", "0"),
    "empty the server": ("FLUSHALL",),
    "see the settings": ("CONFIG", "GET", "*"),
    "see the users": ("ACL", "LIST"),
    "stop the server": ("SHUTDOWN",),
}


@pytest.mark.parametrize("command", FORBIDDEN.values(), ids=FORBIDDEN)
async def test_a_team_may_not(as_user: dict[str, Redis], command: tuple[str, ...]) -> None:
    with pytest.raises(NoPermissionError):
        await as_user["orders"].execute_command(*command)


@pytest.mark.parametrize("command", [("XADD", STREAM, "*", "a", "b"), ("SET", "x", "y"), ("FLUSHALL",)])
async def test_the_gateway_writes_nothing(as_user: dict[str, Redis], command: tuple[str, ...]) -> None:
    with pytest.raises(NoPermissionError):
        await as_user[READER].execute_command(*command)


async def test_who_shows_no_secret_may_ask_whether_it_is_there(as_user: dict[str, Redis], settings: Settings) -> None:
    assert await as_user["nobody"].ping()
    with pytest.raises(RedisError):
        await as_user["nobody"].xadd(STREAM, {"a": "b"})
    with pytest.raises(RedisError):
        async with open_redis(f"redis://orders:guessed@{settings.redis_url.partition('//')[2]}") as redis:
            await redis.ping()


def test_secrets_are_kept_and_readable_by_their_owner_only(tmp_path: Path) -> None:
    users = write_users(tmp_path, ["orders"])
    secret = (tmp_path / "redis" / "orders.secret").read_text()
    first = users.read_text()

    assert write_users(tmp_path, ["orders", "billing"]) == users
    assert (tmp_path / "redis" / "orders.secret").read_text() == secret
    assert users.read_text().startswith(first)
    assert secret not in users.read_text()
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "redis").iterdir()} == {0o600}
