"""What a worker and the registry agree on before it serves, and what it makes up for when the registry was away."""

import asyncio
import base64
import json
import logging
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from parts import Shop
from waiting import until

from callboard_contracts import ServiceDescription, describe
from callboard_kit import publishing
from callboard_kit.directory import RegistryDirectory
from callboard_kit.identity import SigningKey, verify
from callboard_kit.policy import Policy, Rule
from callboard_kit.publishing import Introduction, ServeError, registry_signature
from callboard_kit.settings import Settings
from callboard_kit.teams import Team
from callboard_registry_api.errors import RegistryNotFoundError, RegistryRefusedError, RegistryUnavailableError
from callboard_registry_api.verdicts import Finding, Verdict

LISTING = describe(Shop)
POLICY = Policy(rules=(Rule(name="r", callers=("buyer",), services=("shop.v1",)),))
TEAM = Team(name="shop", owner="o", contact="c", policy=POLICY)


class ScriptedRegistry:
    """Holds what it is told, or is away, or refuses."""

    def __init__(self, *, fault: Exception | None = None) -> None:
        self.fault = fault
        self.held: dict[str, bytes] = {}
        self.policy = b"{}"
        self.asked = 0
        self.audit = self
        self.declared: tuple[str, tuple[str, ...]] | None = None
        self.verdict: Verdict | None = None
        self.warnings: tuple[Finding, ...] = ()

    def _answer(self) -> None:
        self.asked += 1
        if self.fault is not None:
            raise self.fault

    async def publish_listing(self, document: bytes, *, validate_only: bool = False) -> Any:
        self._answer()
        assert not validate_only
        description = ServiceDescription.model_validate_json(document)
        self.held[description.digest] = document
        return SimpleNamespace(service=description.service, verdict=self.verdict)

    async def publish_policy(self, team: str, document: bytes, *, validate_only: bool = False) -> Any:
        self._answer()
        assert not validate_only
        self.policy = document
        return SimpleNamespace(warnings=self.warnings)

    async def declare(self, team: str, services: Sequence[str]) -> bool:
        self._answer()
        self.declared = (team, tuple(services))
        return True

    async def get_listing(self, service: str, *, digest: str = "", states: Sequence[str] = ()) -> Any:
        self._answer()
        assert tuple(states) == ("approved", "deprecated")
        found = [each for each in self.held if digest in ("", each)]
        if not found:
            raise RegistryNotFoundError(field="", message="none")
        return SimpleNamespace(digest=found[-1], document=self.held[found[-1]])

    async def all_listings(self, **_: object) -> AsyncIterator[Any]:
        self._answer()
        for listing in ():
            yield listing

    async def list_public_keys(self) -> tuple[()]:
        self._answer()
        return ()

    async def get_policy(self, team: str) -> Any:
        self._answer()
        return SimpleNamespace(document=self.policy)


def introduction(
    registry: ScriptedRegistry, folder: Path, *, profile: str = "dev", listing: ServiceDescription = LISTING
) -> tuple[Introduction, RegistryDirectory]:
    client: Any = registry  # Any: stands for a whole client
    directory = RegistryDirectory(team="shop", client=client, cache=folder / "shop.json")
    settings = Settings(profile=profile, patience=timedelta(0))
    made = Introduction(team=TEAM, listings=[listing], registry=client, directory=directory, settings=settings)
    return made, directory


async def test_on_a_laptop_listing_and_policy_are_published_and_heard_back(tmp_path: Path) -> None:
    registry = ScriptedRegistry()
    made, directory = introduction(registry, tmp_path)

    await made.make()

    assert list(registry.held) == [LISTING.digest]
    assert directory.policy() == POLICY


async def test_what_callers_may_miss_is_in_the_worker_s_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    registry = ScriptedRegistry()
    gone = Finding(operation="look", part="input", rule="dropped", sentence="/size is not looked at any more")
    registry.verdict = Verdict(answer="compatible", warnings=(gone,))
    registry.warnings = (Finding(part="policy", rule="callers", sentence="'bank' may no longer call shop.v1 look"),)

    await introduction(registry, tmp_path)[0].make()

    assert [record.message for record in caplog.records] == [
        "callers of shop.v1 may miss something: look, input: /size is not looked at any more",
        "the new policy takes something from callers: 'bank' may no longer call shop.v1 look",
    ]


async def test_elsewhere_nothing_is_published_and_what_is_held_is_enough(tmp_path: Path) -> None:
    registry = ScriptedRegistry()
    registry.held[LISTING.digest] = LISTING.model_dump_json().encode()
    made, directory = introduction(registry, tmp_path, profile="production")

    await made.make()

    assert registry.policy == b"{}"
    assert directory.policy() == Policy()


def changed(**operations: object) -> ServiceDescription:
    """A revision of the shop with other operations."""
    kept = [each for each in LISTING.operations if each.name not in operations]
    added = [each for each in operations.values() if each is not None]
    return LISTING.model_copy(update={"operations": (*kept, *added), "digest": "sha256:" + "0" * 64})


@pytest.mark.parametrize(
    ("held", "differs"),
    [
        (changed(look=None), "look"),
        (changed(look=None, buy=None), "buy, look"),
        (
            changed(look=LISTING.operation("look").model_copy(update={"promise": LISTING.operation("buy").promise})),
            "look",
        ),
        (changed(look=LISTING.operation("look").model_copy(update={"input": {"type": "string"}})), "look"),
        (changed(), "the endpoint"),
    ],
)
async def test_another_revision_is_refused_with_what_differs(
    tmp_path: Path, held: ServiceDescription, differs: str
) -> None:
    registry = ScriptedRegistry()
    registry.held[held.digest] = held.model_dump_json().encode()
    made, _ = introduction(registry, tmp_path, profile="production")

    with pytest.raises(ServeError, match=f"they differ in {differs}; run `callboard contracts publish shop`"):
        await made.make()


@pytest.mark.parametrize(
    ("profile", "words"),
    [
        ("dev", "the registry does not take what team 'shop' publishes: document: too old"),
        ("production", r"the registry does not say what it holds of shop\.v1: document: too old"),
    ],
)
async def test_a_registry_that_refuses_is_believed(tmp_path: Path, profile: str, words: str) -> None:
    registry = ScriptedRegistry(fault=RegistryRefusedError(field="document", message="too old"))
    made, _ = introduction(registry, tmp_path, profile=profile)

    with pytest.raises(ServeError, match=words):
        await made.make()


async def test_a_registry_that_is_away_is_waited_for_only_so_long(tmp_path: Path) -> None:
    made, _ = introduction(ScriptedRegistry(fault=RegistryUnavailableError("no answer")), tmp_path)

    with pytest.raises(ServeError, match="no answer; start it with `callboard up`, or set CALLBOARD_REGISTRY"):
        await made.make()


async def test_with_a_cache_a_worker_serves_without_the_registry_and_makes_up_for_it_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(publishing.asyncio, "sleep", _hurry(asyncio.sleep))
    await introduction(ScriptedRegistry(), tmp_path)[0].make()
    registry = ScriptedRegistry(fault=RegistryUnavailableError("no answer"))
    made, directory = introduction(registry, tmp_path)

    with caplog.at_level(logging.INFO, logger="callboard_kit.publishing"):
        await made.make()
        assert directory.policy() == POLICY
        assert "serving with the keys and the policy last heard of: no answer" in caplog.text
        keeping = asyncio.create_task(made.keep())
        try:
            await until(lambda: registry.asked > 3)
            assert registry.held == {}
            registry.fault = None
            await until(lambda: "the registry is back and holds what is served here" in caplog.text)
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)

    assert list(registry.held) == [LISTING.digest]


async def test_a_registry_that_comes_back_with_something_else_is_reported_and_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(publishing.asyncio, "sleep", _hurry(asyncio.sleep))
    await introduction(ScriptedRegistry(), tmp_path)[0].make()
    registry = ScriptedRegistry(fault=RegistryUnavailableError("no answer"))
    made, _ = introduction(registry, tmp_path, profile="production")
    await made.make()
    keeping = asyncio.create_task(made.keep())
    try:
        registry.fault = None
        await until(lambda: "does not hold what is served here" in caplog.text)
        asked = registry.asked
        await until(lambda: registry.asked > asked + 2)
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


def _hurry(sleep: Any) -> Any:
    async def hurried(seconds: float) -> None:
        await sleep(min(seconds, 0.01))

    return hurried


def test_what_the_registry_is_told_is_signed_for_one_method_one_document_and_a_minute() -> None:
    key = SigningKey.generate("shop")

    token = registry_signature(key)("PublishListing", "digest")

    claims = verify(token, lambda *_: key.public_key)
    assert {name: claims[name] for name in ("iss", "aud", "mth", "dig")} == {
        "iss": "shop",
        "aud": "callboard-registry",
        "mth": "PublishListing",
        "dig": "digest",
    }
    assert claims["exp"] - claims["iat"] == 60
    assert json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))["alg"] == "Ed25519"
