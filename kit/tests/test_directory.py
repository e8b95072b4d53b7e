"""Keys and policy come from the registry, and from the last time it was heard when it is away."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from chains import KEYS, root, sign
from waiting import until

from callboard_kit import directory
from callboard_kit.directory import RegistryDirectory, StaticDirectory
from callboard_kit.identity import SigningKey
from callboard_kit.policy import Policy, Rule
from callboard_kit.standing import Standing
from callboard_registry_api import model
from callboard_registry_api.errors import RegistryNotFoundError, RegistryUnavailableError

POLICY = Policy(rules=(Rule(name="r", callers=("orders",), services=("shop.v1",)),))
HEADERS = sign(root(), "orders")
NAME = ("orchestrator", KEYS["orchestrator"].key_id)


class ScriptedRegistry:
    """Holds keys and one policy, and remembers how often it was asked for keys."""

    def __init__(self, *keys: SigningKey, policy: bytes | None = POLICY.model_dump_json().encode()) -> None:
        self.keys = list(keys)
        self.document = policy
        self.listings: list[model.Listing] = []
        self.others: list[model.Listing] = []
        self.away = False
        self.hangs = False
        self.asked = 0

    async def list_public_keys(self) -> tuple[model.PublicKey, ...]:
        self.asked += 1
        await asyncio.sleep(60 if self.hangs else 0)
        if self.away:
            raise RegistryUnavailableError("no answer")
        return tuple(
            model.PublicKey(
                team=key.team, key_id=key.key_id, public_bytes=key.public_key.public_bytes, created=datetime.now(UTC)
            )
            for key in self.keys
        )

    async def all_listings(self, **asked: object) -> AsyncIterator[model.Listing]:
        assert asked == {"team": "shop", "all_revisions": True, "summary": True}
        for listing in self.listings:
            yield listing

    async def get_listing(self, service: str, *, states: tuple[str, ...]) -> model.Listing:
        for listing in self.others:
            if listing.service == service and listing.state in states:
                return listing
        raise RegistryNotFoundError(field="", message="none")

    async def get_policy(self, team: str) -> model.Policy:
        if self.document is None:
            raise RegistryNotFoundError(field="", message="none")
        return model.Policy(team=team, version=1, digest="", document=self.document, created=datetime.now(UTC))


def following(
    registry: ScriptedRegistry,
    cache: Path,
    *,
    calls: tuple[str, ...] = (),
    longest_age: timedelta = directory.LONGEST_AGE,
) -> RegistryDirectory:
    client: Any = registry  # Any: stands for a whole client
    return RegistryDirectory(team="shop", client=client, cache=cache, calls=calls, longest_age=longest_age)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "shop.json"


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "SHORTEST_AGE", timedelta(seconds=0.05))
    monkeypatch.setattr(directory, "PATIENCE", timedelta(seconds=0.3))


async def test_what_the_registry_says_is_known_and_kept(cache: Path) -> None:
    registry = ScriptedRegistry(KEYS["orchestrator"])
    first = following(registry, cache)
    assert (first.known, first.find_key(*NAME), first.policy()) == (False, None, Policy())

    assert await first.refresh()
    later = following(ScriptedRegistry(), cache)

    assert first.find_key(*NAME) == KEYS["orchestrator"].public_key
    assert later.load()
    assert (later.known, later.find_key(*NAME), later.policy()) == (True, KEYS["orchestrator"].public_key, POLICY)
    assert [path.name for path in cache.parent.iterdir()] == ["shop.json"]


async def test_where_a_listing_stands_is_known_and_kept(cache: Path) -> None:
    moment = datetime(2026, 12, 31, tzinfo=UTC)
    registry = ScriptedRegistry()
    registry.listings = [
        model.Listing(service="shop.v1", digest="a", number=1, team="shop", state="retired", created=moment),
        model.Listing(
            service="shop.v1",
            digest="b",
            number=2,
            team="shop",
            state="deprecated",
            created=moment,
            sunset=moment,
            successor="shop.v2",
        ),
    ]
    known = following(registry, cache)
    await known.refresh()
    later = following(ScriptedRegistry(), cache)

    assert later.load()
    for each in (known, later):
        assert each.standing("shop.v1", "a") == Standing("retired")
        assert each.standing("shop.v1", "b") == Standing("deprecated", sunset=moment, successor="shop.v2")
        assert each.standing("shop.v1", "c") is None


def of_bank(digest: str, state: model.State, **more: Any) -> model.Listing:
    return model.Listing(
        service="bank.v1", digest=digest, number=1, team="bank", state=state, created=datetime.now(UTC), **more
    )


async def test_where_the_services_stand_that_a_team_calls_is_known(cache: Path) -> None:
    registry = ScriptedRegistry()
    registry.others = [of_bank("a", "deprecated", successor="bank.v2")]
    known = following(registry, cache, calls=("bank.v1", "nowhere.v1"))

    await known.refresh()
    assert known.outlook("bank.v1") == Standing("deprecated", successor="bank.v2")
    assert known.outlook("nowhere.v1") is None

    # One revision goes, another takes its place: whoever calls the service need do nothing.
    registry.others.append(of_bank("b", "approved"))
    await known.refresh()
    assert known.outlook("bank.v1") == Standing("approved")

    registry.others.clear()
    await known.refresh()
    assert known.outlook("bank.v1") is None


async def test_a_service_that_is_called_without_a_word_before_is_heard_of_soon(cache: Path) -> None:
    registry = ScriptedRegistry()
    registry.others = [of_bank("a", "deprecated")]
    known = following(registry, cache)
    await known.refresh()

    assert known.outlook("bank.v1") is None
    await known.refresh()

    assert known.outlook("bank.v1") == Standing("deprecated")


async def test_a_registry_that_is_away_leaves_everything_as_it_was(cache: Path) -> None:
    registry = ScriptedRegistry(KEYS["orchestrator"])
    known = following(registry, cache)
    await known.refresh()
    registry.away = True

    assert not await known.refresh()

    assert known.find_key(*NAME) == KEYS["orchestrator"].public_key
    assert known.policy() == POLICY
    assert not known.in_touch()


@pytest.mark.parametrize("document", [b"{", b'{"rules": 1}', b'{"invented": 1}', b"[]"])
async def test_a_policy_that_cannot_be_read_leaves_the_last_good_one_in_force(cache: Path, document: bytes) -> None:
    registry = ScriptedRegistry(KEYS["orchestrator"])
    known = following(registry, cache)
    await known.refresh()
    registry.document = document

    assert not await known.refresh()

    assert known.policy() == POLICY


async def test_a_team_without_a_policy_in_the_registry_lets_nobody_in(cache: Path) -> None:
    known = following(ScriptedRegistry(policy=None), cache)

    assert await known.refresh()

    assert known.policy() == Policy()


async def test_a_key_that_the_registry_dropped_is_known_no_more(cache: Path) -> None:
    registry = ScriptedRegistry(KEYS["orchestrator"])
    known = following(registry, cache)
    await known.refresh()
    registry.keys.clear()

    await known.refresh()

    assert known.find_key(*NAME) is None


async def test_a_key_that_is_not_known_yet_is_asked_for_even_a_moment_after_the_last_question(cache: Path) -> None:
    registry = ScriptedRegistry()
    known = following(registry, cache)
    await known.refresh()
    registry.keys.append(KEYS["orchestrator"])

    await known.prepare(HEADERS)

    assert known.find_key(*NAME) is not None
    asked = registry.asked
    await known.prepare(HEADERS)
    assert registry.asked == asked


async def test_many_strangers_at_once_make_the_registry_be_asked_once_or_twice(cache: Path) -> None:
    registry = ScriptedRegistry()
    known = following(registry, cache)

    await asyncio.gather(*(known.prepare(HEADERS) for _ in range(50)))

    assert registry.asked <= 2
    assert known.in_touch()


async def test_a_registry_that_hangs_holds_a_call_up_for_a_moment_only(cache: Path) -> None:
    registry = ScriptedRegistry()
    known = following(registry, cache)
    registry.hangs = True
    began = time.monotonic()

    await asyncio.gather(*(known.prepare(HEADERS) for _ in range(20)))

    assert time.monotonic() - began < 3  # Each of them alone would have waited for a minute.
    assert not known.in_touch()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"keys": 1, "policy": {}}',
        '{"keys": [["a"]], "policy": {}}',
        '{"keys": [["a", "b", "not base64!"]], "policy": {}}',
        '{"keys": [["a", "b", 7]], "policy": {}}',
        '{"keys": [], "policy": {"invented": 1}}',
        '{"keys": [], "policy": null}',
        "\udcff",
    ],
)
def test_a_cache_that_cannot_be_used_is_ignored(cache: Path, content: str) -> None:
    cache.parent.mkdir()
    cache.write_bytes(content.encode(errors="surrogateescape"))
    known = following(ScriptedRegistry(), cache)

    assert not known.load()
    assert not known.known


def test_a_cache_that_is_not_there_or_no_file_is_ignored(cache: Path) -> None:
    known = following(ScriptedRegistry(), cache)

    assert not known.load()
    cache.mkdir(parents=True)
    assert not known.load()


async def test_a_cache_that_cannot_be_written_keeps_nobody_from_hearing(cache: Path) -> None:
    cache.parent.write_text("a file where the folder should be")
    known = following(ScriptedRegistry(KEYS["orchestrator"]), cache)

    assert await known.refresh()

    assert known.find_key(*NAME) is not None


async def test_a_reader_never_meets_half_a_cache(cache: Path) -> None:
    registry = ScriptedRegistry(*KEYS.values())
    known = following(registry, cache)
    await known.refresh()
    done = asyncio.Event()

    async def write() -> None:
        for _ in range(40):
            await asyncio.gather(known.refresh(), known.refresh())
        done.set()

    writing = asyncio.create_task(write())
    while not done.is_set():
        assert len(json.loads(await asyncio.to_thread(cache.read_bytes))["keys"]) == len(KEYS)
    await writing


async def test_following_goes_on_after_a_bad_answer(cache: Path) -> None:
    registry = ScriptedRegistry(policy=b"{")
    known = following(registry, cache, longest_age=timedelta(seconds=0.02))
    task = asyncio.create_task(known.follow())
    try:
        await until(lambda: registry.asked >= 2)
        registry.document = POLICY.model_dump_json().encode()
        await until(lambda: known.policy() == POLICY)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_directory_that_is_told_everything_knows_just_that() -> None:
    told = StaticDirectory(policy=POLICY)
    assert told.find_key(*NAME) is None

    told.tell(KEYS["orchestrator"].public_key)
    await told.prepare(HEADERS)

    assert told.find_key(*NAME) == KEYS["orchestrator"].public_key
    assert (told.policy(), told.in_touch()) == (POLICY, True)
