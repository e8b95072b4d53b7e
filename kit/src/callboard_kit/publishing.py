"""How a worker and the registry agree on what is served: published on a laptop, checked everywhere else."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from callboard_contracts import ServiceDescription
from callboard_kit import settings as profiles
from callboard_kit.directory import RegistryDirectory
from callboard_kit.identity import SigningKey
from callboard_kit.settings import Settings
from callboard_kit.teams import Team
from callboard_registry_api.client import RegistryClient
from callboard_registry_api.errors import RegistryNotFoundError, RegistryRefusedError, RegistryUnavailableError
from callboard_registry_api.model import Listing
from callboard_registry_api.verdicts import Finding

logger: Final = logging.getLogger(__name__)


class ServeError(Exception):
    """A worker that must not serve as it is; the message says what to do."""


class Introduction:
    """A worker's dealings with the registry before and while it serves."""

    def __init__(
        self,
        *,
        team: Team,
        listings: Sequence[ServiceDescription],
        registry: RegistryClient,
        directory: RegistryDirectory,
        settings: Settings,
    ) -> None:
        self._team = team
        self._listings = listings
        self._registry = registry
        self._directory = directory
        self._settings = settings
        self._done = False

    async def make(self) -> None:
        """Make sure that the registry holds what is served here, and hear keys and policy from it.

        When the registry does not answer, what an earlier process heard will do; without even that, wait for it.

        Raises:
            ServeError: The registry holds something else, refuses, or did not answer in time.
        """
        deadline = time.monotonic() + self._settings.patience.total_seconds()
        while True:
            try:
                await self._publish_or_check()
            except RegistryUnavailableError as error:
                if self._directory.load():
                    logger.warning("serving with the keys and the policy last heard of: %s", error)
                    return
                if time.monotonic() > deadline:
                    raise ServeError(f"{error}; start it with `callboard up`, or set CALLBOARD_REGISTRY") from error
                logger.warning("waiting for the registry: %s", error)
                await asyncio.sleep(0.5)
            else:
                await self._directory.refresh()
                return

    async def keep(self) -> None:
        """Follow the registry until cancelled, and make up for a registry that was down at the start."""
        while not self._done:
            await asyncio.sleep(2)
            try:
                await self._publish_or_check()
            except RegistryUnavailableError:
                continue
            except ServeError as error:
                logger.error("the registry is back and does not hold what is served here: %s", error)
                break
            await self._directory.refresh()
            logger.info("the registry is back and holds what is served here")
        await self._directory.follow()

    async def _publish_or_check(self) -> None:
        if self._settings.profile in profiles.PUBLISHING:
            published = await publish(self._team, self._listings, self._registry)
            _warn(published)
        else:
            for listing in self._listings:
                await self._check(listing)
        self._done = True

    async def _check(self, listing: ServiceDescription) -> None:
        try:
            await self._registry.get_listing(listing.service, digest=listing.digest, states=("approved", "deprecated"))
        except RegistryNotFoundError as error:
            raise ServeError(await self._difference(listing)) from error
        except RegistryRefusedError as error:
            raise ServeError(f"the registry does not say what it holds of {listing.service}: {error}") from error

    async def _difference(self, listing: ServiceDescription) -> str:
        command = f"run `callboard contracts publish {self._team.name}` and have it approved"
        try:
            held = await self._registry.get_listing(listing.service, states=("approved", "deprecated"))
        except RegistryNotFoundError:
            return f"the registry holds no approved revision of {listing.service}; {command}"
        theirs = {each.name: each for each in ServiceDescription.model_validate_json(held.document).operations}
        ours = {each.name: each for each in listing.operations}
        differ = [
            name
            for name in sorted(theirs.keys() | ours.keys())
            if name not in theirs
            or name not in ours
            or (ours[name].input, ours[name].output, ours[name].promise)
            != (theirs[name].input, theirs[name].output, theirs[name].promise)
        ]
        return (
            f"this build serves {listing.service} as {listing.digest[:19]}, the registry holds {held.digest[:19]}, and "
            f"they differ in {', '.join(differ) or 'the endpoint'}; {command}, or start the build that was approved"
        )


@dataclass(frozen=True)
class Published:
    """What the registry said to what a team published."""

    listings: tuple[Listing, ...]
    """Each with the verdict on it."""

    warnings: tuple[Finding, ...]
    """What callers may do no more by the policy."""


async def publish(
    team: Team, listings: Sequence[ServiceDescription], registry: RegistryClient, *, validate_only: bool = False
) -> Published:
    """Publish a team's listings, its policy and what it calls, signed with the key that `registry` signs with.

    With `validate_only` the registry says what it would say, and keeps nothing.

    Raises:
        ServeError: The registry refuses one of them.
        RegistryUnavailableError: The registry does not answer.
    """
    try:
        published = [
            await registry.publish_listing(listing.model_dump_json().encode(), validate_only=validate_only)
            for listing in listings
        ]
        document = team.policy.model_dump_json().encode()
        policy = await registry.publish_policy(team.name, document, validate_only=validate_only)
        if not validate_only:
            await registry.audit.declare(team.name, team.calls)
        return Published(tuple(published), policy.warnings)
    except RegistryRefusedError as error:
        raise ServeError(f"the registry does not take what team {team.name!r} publishes: {error}") from error


def _warn(published: Published) -> None:
    """Write into the log what callers of this team may miss."""
    for listing in published.listings:
        for finding in listing.verdict.warnings if listing.verdict else ():
            logger.warning("callers of %s may miss something: %s", listing.service, finding)
    for warning in published.warnings:
        logger.warning("the new policy takes something from callers: %s", warning.sentence)


def registry_signature(key: SigningKey) -> Callable[[str, str], str]:
    """Return what `RegistryClient` signs with."""

    def sign(method: str, digest: str) -> str:
        now = time.time()
        return key.sign(
            {"aud": "callboard-registry", "mth": method, "dig": digest, "iat": round(now), "exp": round(now) + 60}
        )

    return sign
