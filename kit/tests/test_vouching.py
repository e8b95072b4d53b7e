"""A worker vouches for its build where workers do, and starts nowhere else unless somebody vouched for it."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from callboard_kit.agent import Agent, ModelSettings
from callboard_kit.fingerprint import Surroundings, fingerprint
from callboard_kit.fingerprint import builds as builds_module
from callboard_kit.fingerprint.builds import RegistryBuilds, Vouched, fingerprints_of, surroundings_of
from callboard_kit.publishing import ServeError
from callboard_kit.settings import Settings
from callboard_registry_api.builds import AgentFingerprint, Build
from callboard_registry_api.client import RegistryClient
from callboard_registry_api.errors import RegistryUnavailableError

DESK: Agent[Any] = Agent(name="desk", instructions="Look after the desk.")
OTHER = replace(DESK, instructions="Look away.")
HERE = Surroundings(model="m")
DEV, PRODUCTION = Settings(profile="dev"), Settings(profile="production")


@dataclass
class ScriptedBuilds:
    """The builds of a registry that remembers, and is away when told so."""

    held: dict[str, tuple[AgentFingerprint, ...]] = field(default_factory=dict[str, tuple[AgentFingerprint, ...]])
    away: bool = False
    asked: int = 0

    async def publish(self, team: str, build: str, agents: Sequence[AgentFingerprint]) -> bool:
        self._be_there()
        self.held[build] = tuple(agents)
        return True

    async def list(self, team: str, *, summary: bool = False) -> AsyncIterator[Build]:
        self._be_there()
        self.asked += 1
        for build, agents in self.held.items():
            yield Build(team=team, build=build, agents=agents, published=datetime.now(UTC))

    def _be_there(self) -> None:
        if self.away:
            raise RegistryUnavailableError("registry", "the registry is away")


@dataclass
class Registry:
    builds: ScriptedBuilds = field(default_factory=ScriptedBuilds)

    @property
    def client(self) -> RegistryClient:
        return cast("RegistryClient", self)


@pytest.fixture
def registry() -> Registry:
    return Registry()


def kept(agent: Agent[Any]) -> AgentFingerprint:
    taken = fingerprint(agent, HERE)
    return AgentFingerprint(taken.agent, taken.digest, taken.fields)


def vouched(registry: Registry, settings: Settings, *agents: Agent[Any]) -> Vouched:
    return Vouched("shop", "build-2", fingerprints_of(agents, HERE), registry=registry.client, settings=settings)


async def test_on_a_laptop_a_worker_vouches_for_its_own_build(registry: Registry):
    await vouched(registry, DEV, DESK).make()

    assert registry.builds.held == {"build-2": (kept(DESK),)}


async def test_elsewhere_a_worker_starts_with_what_some_build_has_and_publishes_nothing(registry: Registry):
    registry.builds.held = {"build-1": (kept(DESK),)}

    await vouched(registry, PRODUCTION, DESK).make()

    assert list(registry.builds.held) == ["build-1"]


async def test_elsewhere_a_worker_with_another_agent_does_not_start_and_says_what_differs(registry: Registry):
    registry.builds.held = {"build-1": (kept(DESK),)}

    with pytest.raises(ServeError) as refused:
        await vouched(registry, PRODUCTION, OTHER).make()

    assert "agent 'desk' of build 'build-2' is sha256:" in str(refused.value)
    assert "it differs from build 'build-1' in instructions; run `callboard agents publish shop`" in str(refused.value)


async def test_elsewhere_a_worker_for_which_nobody_ever_vouched_does_not_start(registry: Registry):
    with pytest.raises(ServeError, match="the registry vouches for no build of team 'shop' that has an agent 'desk'"):
        await vouched(registry, PRODUCTION, DESK).make()


async def test_a_worker_without_agents_needs_nobody(registry: Registry):
    await vouched(registry, PRODUCTION).make()

    assert registry.builds.asked == 0


async def test_a_registry_that_is_away_keeps_nobody_from_starting_and_hears_of_it_later(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
):
    async def at_once(_seconds: float) -> None:
        registry.builds.away = False

    registry.builds.away = True
    worker = vouched(registry, DEV, DESK)
    await worker.make()
    before = dict(registry.builds.held)
    monkeypatch.setattr(builds_module.asyncio, "sleep", at_once)

    await worker.keep()

    assert before == {}
    assert list(registry.builds.held) == ["build-2"]


async def test_what_was_heard_of_builds_is_believed_for_a_while_and_longer_when_nobody_answers(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
):
    now = 1000.0
    monkeypatch.setattr(builds_module.time, "monotonic", lambda: now)
    registry.builds.away = True
    known = RegistryBuilds("shop", registry.client)
    digest = kept(DESK).digest

    nobody = await known.vouched("desk", digest)
    registry.builds.away, now = False, now + 2
    unknown = await known.vouched("desk", digest)
    registry.builds.held, now = {"build-1": (kept(DESK),)}, now + 2
    found = await known.vouched("desk", digest)
    registry.builds.held, now = {}, now + 29
    believed = await known.vouched("desk", digest)
    registry.builds.away, now = True, now + 2
    still = await known.vouched("desk", digest)
    registry.builds.away, now = False, now + 31
    withdrawn = await known.vouched("desk", digest)

    assert (nobody, unknown, found, believed, still, withdrawn) == (None, False, True, True, True, False)


def test_what_agents_have_from_their_worker_is_read_from_its_settings():
    settings = Settings(profile="strict", redis_url="redis://there:1")
    models = ModelSettings(model="m", base_url="http://models/v1", api_key="secret")

    here = surroundings_of(settings, models, telemetry="http://collector:4317")

    assert here == Surroundings(
        model="m",
        model_address="http://models/v1",
        store="redis://there:1",
        telemetry="http://collector:4317",
        profile="strict",
    )
