"""Builds that a team vouches for: what a worker says of its own, and whom it asks about others."""

import asyncio
import logging
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from callboard_kit.agent.endpoint import ModelSettings
from callboard_kit.fingerprint.form import FingerprintError
from callboard_kit.fingerprint.taking import Fingerprint, Named, Surroundings, differing, fingerprint
from callboard_kit.publishing import ServeError
from callboard_kit.settings import PUBLISHING, Settings
from callboard_registry_api.builds import AgentFingerprint, Build
from callboard_registry_api.client import RegistryClient
from callboard_registry_api.errors import RegistryError, RegistryRefusedError, RegistryUnavailableError

logger: Final = logging.getLogger(__name__)

LONGEST_AGE: Final = timedelta(seconds=30)
"""How long what was heard of builds is believed: a build that is withdrawn meanwhile passes for so long."""

SHORTEST_AGE: Final = timedelta(seconds=1)
"""How soon the registry is asked again about a fingerprint that it did not know."""


def surroundings_of(settings: Settings, models: ModelSettings, *, telemetry: str | None) -> Surroundings:
    """Return what agents have from a worker with these settings."""
    return Surroundings(
        model=models.model,
        model_address=models.base_url,
        store=settings.redis_url,
        telemetry=telemetry,
        profile=settings.profile,
    )


def fingerprints_of(agents: Sequence[Named], surroundings: Surroundings) -> tuple[Fingerprint, ...]:
    """Return the fingerprints of a worker's agents.

    Raises:
        ServeError: Something in one of them cannot be told apart from something else.
    """
    try:
        return tuple(fingerprint(agent, surroundings) for agent in agents)
    except FingerprintError as error:
        raise ServeError(str(error)) from error


class RegistryBuilds:
    """Knows from the registry which fingerprints a team vouches for; without an answer, by what it heard last."""

    def __init__(self, team: str, registry: RegistryClient) -> None:
        self._team = team
        self._registry = registry
        self._held: frozenset[tuple[str, str]] | None = None
        self._asked = float("-inf")
        self._asking = asyncio.Lock()

    async def vouched(self, agent: str, digest: str) -> bool | None:
        """Tell whether a build of the team has this fingerprint; None when the registry never answered."""
        async with self._asking:
            now = time.monotonic()
            known = self._held is not None and (agent, digest) in self._held
            age = LONGEST_AGE if known else SHORTEST_AGE
            if now - self._asked >= age.total_seconds():
                await self._ask()
        return None if self._held is None else (agent, digest) in self._held

    async def _ask(self) -> None:
        self._asked = time.monotonic()
        try:
            self._held = frozenset(
                [
                    (each.agent, each.digest)
                    async for build in self._registry.builds.list(self._team, summary=True)
                    for each in build.agents
                ]
            )
        except RegistryError as error:
            logger.warning("going by the builds last heard of: %s", error)


class Vouched:
    """A worker's dealings with the registry about its own build."""

    def __init__(
        self, team: str, build: str, agents: Sequence[Fingerprint], *, registry: RegistryClient, settings: Settings
    ) -> None:
        self._team = team
        self._build = build
        self._agents = agents
        self._registry = registry
        self._publishes = settings.profile in PUBLISHING
        self._done = not agents

    async def make(self) -> None:
        """Publish this build where workers do, and make sure everywhere else that somebody did.

        Raises:
            ServeError: The registry vouches for something else, or refuses.
        """
        try:
            if not self._done:
                await self._publish_or_check()
        except RegistryUnavailableError as error:
            logger.warning("the registry has not heard of build %r yet: %s", self._build, error)

    async def keep(self) -> None:
        """Make up for a registry that was down at the start; over when it was heard."""
        while not self._done:
            await asyncio.sleep(2)
            try:
                await self._publish_or_check()
            except RegistryUnavailableError:
                continue
            except ServeError as error:
                logger.error("the registry is back and does not vouch for what runs here: %s", error)
                return

    async def _publish_or_check(self) -> None:
        try:
            if self._publishes:
                await publish(self._team, self._build, self._agents, registry=self._registry)
            else:
                await self._check()
        except RegistryRefusedError as error:
            raise ServeError(f"the registry does not vouch for build {self._build!r}: {error}") from error
        self._done = True

    async def _check(self) -> None:
        vouched = [each async for each in self._registry.builds.list(self._team, summary=True)]
        held = {(each.agent, each.digest) for build in vouched for each in build.agents}
        for agent in self._agents:
            if (agent.agent, agent.digest) not in held:
                raise ServeError(await _difference(self._team, self._build, agent, self._registry))


async def publish(team: str, build: str, agents: Sequence[Fingerprint], *, registry: RegistryClient) -> bool:
    """Vouch for a build as the team; returns whether any of it is new.

    Raises:
        RegistryError: The registry refuses, or does not answer.
    """
    told = [AgentFingerprint(each.agent, each.digest, each.fields) for each in agents]
    return await registry.builds.publish(team, build, told)


def held(build: Build, agent: str) -> Sequence[Fingerprint]:
    """Return the fingerprints that an agent has in a build."""
    return [
        Fingerprint(agent=each.agent, digest=each.digest, fields=each.fields)
        for each in build.agents
        if each.agent == agent
    ]


async def _difference(team: str, build: str, agent: Fingerprint, registry: RegistryClient) -> str:
    builds = [each async for each in registry.builds.list(team)]
    nearest = min(
        ((len(differing(agent, one)), each.build, one) for each in builds for one in held(each, agent.agent)),
        key=lambda found: found[:2],
        default=None,
    )
    command = f"run `callboard agents publish {team}` where it is to run, or start a build that was published"
    if nearest is None:
        return f"the registry vouches for no build of team {team!r} that has an agent {agent.agent!r}; {command}"
    _, name, other = nearest
    paths = ", ".join(differing(agent, other)[:12])
    return (
        f"agent {agent.agent!r} of build {build!r} is {agent.digest[:19]}, for which nobody vouches; it differs from "
        f"build {name!r} in {paths}; {command}"
    )
