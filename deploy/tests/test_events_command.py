"""`callboard events` shows how far followers are behind and what they could not handle, and puts it back."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from callboard.command import run_command
from callboard.stack.redis_users import write_users
from callboard_kit.events.writing import open_redis
from callboard_kit.processing.dead import bury_once
from callboard_kit.processing.model import feed_of
from callboard_kit.settings import Settings
from callboard_kit.testing.valkey import Valkey

FEED = feed_of("orders", "customers")
EVENT = {"id": "e-1", "number": "1", "key": "#W1", "kind": "order-changed.v1", "data": '{"secret": 1}'}


@pytest.fixture
async def redis(home: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Redis]:
    """What the customers team sees of a Redis that the command finds as well."""
    async with Valkey.running(aclfile=write_users(home, ["orders", "customers"])) as server:
        monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
        monkeypatch.setenv("CALLBOARD_REDIS_URL", server.url)
        async with open_redis(Settings(home=home, redis_url=server.url).redis_for("customers") or "") as redis:
            yield redis


@pytest.fixture
async def letters(redis: Redis) -> AsyncIterator[Redis]:
    await bury_once(redis, "orders", "customers", EVENT, reason="there is no customer [ada]", tries=2)
    await bury_once(redis, "orders", "customers", {"data": "{"}, reason="it is no event", tries=1)
    yield redis


async def command(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = await asyncio.to_thread(run_command, arguments)
    return code, *capsys.readouterr()


async def test_what_waits_is_counted_whether_or_not_anybody_reads(capsys: pytest.CaptureFixture[str], redis: Redis):
    for _ in range(3):
        await redis.xadd(FEED, {**EVENT})
    code, out, _ = await command(capsys, "events", "lag")
    assert code == 0
    assert "3, never read" in out

    await redis.xgroup_create(FEED, "customers", "0")
    await redis.xreadgroup("customers", "one", {FEED: ">"}, count=1)
    code, out, _ = await command(capsys, "events", "lag", "customers", "--json")
    [lag] = json.loads(out)
    assert lag.pop("oldest_seconds") >= 0
    assert lag == {
        "follower": "customers",
        "publisher": "orders",
        "lag": 2,
        "pending": 1,
        "dead": 0,
        "reading": True,
    }


async def test_dead_letters_are_shown_with_their_reason_and_without_what_they_hold(
    capsys: pytest.CaptureFixture[str], letters: Redis
):
    code, out, _ = await command(capsys, "events", "dead", "customers", "--json")
    first, second = json.loads(out)
    assert code == 0
    assert (first["event"], first["key"], first["reason"], first["tries"]) == (
        "e-1",
        "#W1",
        "there is no customer [ada]",
        2,
    )
    assert (second["event"], second["reason"]) == ("", "it is no event")

    _, table, _ = await command(capsys, "events", "dead", "customers")
    assert "[ada]" in table
    assert "secret" not in out + table


async def test_dead_letters_are_put_back_by_name_or_all(capsys: pytest.CaptureFixture[str], letters: Redis):
    code, out, _ = await command(capsys, "events", "redrive", "customers", "e-1", "--json")
    assert (code, json.loads(out)) == (0, {"redriven": ["e-1"]})
    assert await letters.xlen(FEED) == 1

    code, _, err = await command(capsys, "events", "redrive", "customers", "--all")
    assert (code, err) == (0, "put back 1 event; 'callboard events dead customers' shows what returns\n")
    assert await letters.xlen(FEED) == 2
    assert json.loads((await command(capsys, "events", "dead", "customers", "--json"))[1]) == []


MISTAKES = {
    ("redrive", "customers"): "say which events, or --all",
    ("redrive", "customers", "e-9"): "no event 'e-9' is dead; see 'callboard events dead customers'",
    ("dead", "orders"): "team 'orders' follows nobody; those who follow somebody are customers",
    ("dead", "customers", "--from", "billing"): "team 'customers' follows no team 'billing'; those who follow",
    ("lag", "orders"): "team 'orders' follows nobody; those who follow somebody are customers",
}


@pytest.mark.parametrize("arguments", MISTAKES, ids=" ".join)
async def test_what_makes_no_sense_is_said_in_one_line(
    capsys: pytest.CaptureFixture[str], redis: Redis, arguments: tuple[str, ...]
):
    code, out, err = await command(capsys, "events", *arguments)

    assert (code, out) == (1, "")
    assert err.startswith(f"callboard: {MISTAKES[arguments]}")
    assert err.count("\n") == 1


async def test_a_redis_that_is_away_or_lets_nobody_in_is_told_of_in_one_line(
    capsys: pytest.CaptureFixture[str], redis: Redis, home: Path, monkeypatch: pytest.MonkeyPatch
):
    (home / "redis" / "customers.secret").unlink()
    _, _, shut_out = await command(capsys, "events", "lag")
    monkeypatch.setenv("CALLBOARD_REDIS_URL", "redis://127.0.0.1:1/0")
    _, _, away = await command(capsys, "events", "lag")

    assert shut_out.startswith("callboard: Redis does not let this process in as 'customers'")
    assert away.startswith("callboard: Redis does not answer")
    assert (shut_out.count("\n"), away.count("\n")) == (1, 1)
