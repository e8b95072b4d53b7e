"""How a worker takes part in rollouts: it says which build it is, and on a laptop it gives itself the work."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import WorkerDeploymentConfig

from callboard_kit.rollouts.deployment import Deployment, DeploymentError, Routing
from callboard_kit.rollouts.moving import pin, pinned_to
from callboard_kit.settings import Settings
from callboard_registry_api.client import RegistryClient
from callboard_registry_api.errors import RegistryError

logger: Final = logging.getLogger(__name__)

BuildsAlive = Callable[[], Awaitable[frozenset[str]]]
"""Tells which builds of the team have a worker now; may raise `RegistryError`."""

_OFTEN: Final = 0.2
_SELDOM: Final = timedelta(seconds=2).total_seconds()


def deployment_of(team: str, settings: Settings) -> str:
    """Return the name of a team's deployment."""
    return settings.deployment(team)


def deployment_config(team: str, build: str, settings: Settings) -> WorkerDeploymentConfig | None:
    """Return how a worker says which build it is; None where builds are not told apart.

    A run stays with the build that began it, unless its workflow declares otherwise.
    """
    if not settings.versioned:
        return None
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion(deployment_of(team, settings), build),
        use_worker_versioning=True,
        default_versioning_behavior=VersioningBehavior.PINNED,
    )


async def taking_part(client: Client, team: str, build: str, settings: Settings, registry: RegistryClient) -> None:
    """Do what a worker does about rollouts while it serves: take over, or wait to be given work."""

    async def alive() -> frozenset[str]:
        return frozenset([each.build async for each in registry.health.workers(team=team) if each.state == "alive"])

    deployment = deployment_of(team, settings)
    if settings.takes_over_at_once():
        await TakingOver(client, deployment, build, alive=alive).run()
    else:
        await waiting(client, deployment, build)


class TakingOver:
    """Gives one worker's build all new work, and the runs of builds that nobody runs any more.

    For a machine on which a restarted worker is the release. It never touches a ramp, nor a build that somebody else
    made current and that still has a worker.

    Args:
        client: Of the team's namespace.
        deployment: The deployment's name.
        build: The worker's own build.
        alive: Tells which builds have a worker.
    """

    def __init__(self, client: Client, deployment: str, build: str, *, alive: BuildsAlive) -> None:
        self._client = client
        self._deployment = Deployment(client, deployment)
        self._build = build
        self._alive = alive
        self._told = ""

    async def run(self) -> None:
        """Go on until there is nothing left to take over."""
        pause = _OFTEN
        while True:
            try:
                if await self._taken_over():
                    return
                known = True
            except (DeploymentError, RegistryError) as error:
                # Until Temporal has seen the first question for work, it does not know the build.
                logger.debug("build %s has not taken over yet: %s", self._build, error)
                known = False
            pause = _OFTEN if not known else min(pause * 2, _SELDOM)
            await asyncio.sleep(pause)

    async def _taken_over(self) -> bool:
        seen = await self._deployment.look()
        mine = None if seen is None else seen.build(self._build)
        if seen is None or mine is None:
            raise DeploymentError("no worker has asked for work yet")
        if seen.current != self._build:
            if not await self._may_take_over(seen):
                return False
            await self._deployment.make_current(self._build, seen)
            logger.info("build %s gets all new work", self._build)
        return await self._moved_here(seen)

    async def _may_take_over(self, seen: Routing) -> bool:
        mine = seen.build(self._build)
        if seen.ramping:
            self._tell(f"a rollout of {seen.ramping} is under way: build {self._build} gets no work by itself")
            return False
        if not seen.current or (mine is not None and mine.state == "new"):
            return True
        if seen.current in await self._alive():
            self._tell(f"build {seen.current} is current and has a worker: {self._build} only ends what it began")
            return False
        return True

    async def _moved_here(self, seen: Routing) -> bool:
        """Move the runs that are pinned to builds without a worker, and return whether none is left elsewhere."""
        left = False
        others = [
            each.name for each in seen.builds if each.name != self._build and each.state not in ("new", "drained")
        ]
        alive = await self._alive() if others else frozenset[str]()
        for build in others:
            pinned = pinned_to(self._deployment.name, build)
            if build in alive:
                left = left or (await self._client.count_workflows(pinned)).count > 0
                continue
            moved = 0
            async for run in self._client.list_workflows(pinned):
                moved += await pin(self._client, run, self._deployment.name, self._build)
            if moved:
                logger.info("%d runs of build %s, which has no worker, go on with build %s", moved, build, self._build)
        return not left

    def _tell(self, words: str) -> None:
        if words != self._told:
            logger.warning("%s; 'callboard rollout' gives it some", words)
        self._told = words


async def waiting(client: Client, deployment: str, build: str) -> None:
    """Say that a worker serves nothing while nobody gives its build work; returns when somebody does."""
    told = False
    while True:
        try:
            seen = await Deployment(client, deployment).look()
        except DeploymentError as error:
            logger.debug("it cannot be told whether build %s has work: %s", build, error)
            seen = None
        if seen is not None and (mine := seen.build(build)) is not None:
            if mine.state != "new":
                return
            if not told:
                logger.warning(
                    "build %s is there but gets no work; 'callboard rollout start %s' gives it some", build, deployment
                )
                told = True
        await asyncio.sleep(_SELDOM)
