"""What a worker knows of the others: their keys, where their services stand; and of its own team: policy and states.

All come from the registry and are cached, in memory and in a file, so that calls go on while the registry is down
and a worker can start without it. A cache older than `longest_age` is asked for again; when nobody answers, the last
known good one stays in force.
"""

import asyncio
import base64
import json
import logging
import os
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Final, Protocol

from pydantic import ValidationError

from callboard_kit.identity import VerifyingKey
from callboard_kit.policy import Policy
from callboard_kit.standing import Standing
from callboard_kit.tokens import key_names
from callboard_registry_api.client import RegistryClient
from callboard_registry_api.errors import RegistryError, RegistryNotFoundError

logger: Final = logging.getLogger(__name__)

LONGEST_AGE: Final = timedelta(seconds=30)
"""How old a cached key, policy or state may grow before the registry is asked again, where no setting says else."""

SHORTEST_AGE: Final = timedelta(seconds=0.25)
"""How often, at most, an unknown key makes the worker ask the registry: a stranger cannot make it ask more."""

PATIENCE: Final = timedelta(seconds=1)
"""How long a call by an unknown key waits for the registry. Less than Temporal's time for a request: calls that
time out would close the way for the caller's good ones too."""


class Directory(Protocol):
    """Whoever vouches for keys and holds the policy."""

    def find_key(self, team: str, key_id: str) -> VerifyingKey | None:
        """Return a key that is vouched for."""
        ...

    def policy(self) -> Policy:
        """Return the policy in force."""
        ...

    def standing(self, service: str, digest: str) -> Standing | None:
        """Return where a revision that is served here stands; None when nothing is known of it."""
        ...

    def outlook(self, service: str) -> Standing | None:
        """Return where a service that is called here stands as a whole; None when nothing is known of it."""
        ...

    def in_touch(self) -> bool:
        """Tell whether a key that is not found is known to nobody, rather than not heard of yet."""
        ...

    async def prepare(self, headers: Mapping[str, str]) -> None:
        """Look for the keys that these headers name, when they are not known yet."""
        ...


class StaticDirectory:
    """A directory that is told everything: for tests, and for a mesh without a registry."""

    def __init__(self, *, policy: Policy, keys: Iterable[VerifyingKey] = ()) -> None:
        self._policy = policy
        self._keys = {(key.team, key.key_id): key for key in keys}
        self._standings: dict[str, Standing] = {}

    def find_key(self, team: str, key_id: str) -> VerifyingKey | None:
        """Return a key that this directory was told."""
        return self._keys.get((team, key_id))

    def policy(self) -> Policy:
        """Return the policy that this directory was told."""
        return self._policy

    def tell(self, key: VerifyingKey) -> None:
        """Vouch for one more key."""
        self._keys[key.team, key.key_id] = key

    def tell_policy(self, policy: Policy) -> None:
        """Put another policy in force."""
        self._policy = policy

    def tell_standing(self, service: str, standing: Standing) -> None:
        """Say where every revision of a service stands."""
        self._standings[service] = standing

    def standing(self, service: str, digest: str) -> Standing | None:
        """Return what this directory was told of the service."""
        return self._standings.get(service)

    def outlook(self, service: str) -> Standing | None:
        """Return what this directory was told of the service."""
        return self._standings.get(service)

    def in_touch(self) -> bool:
        """Tell that what this directory does not know, nobody does."""
        return True

    async def prepare(self, headers: Mapping[str, str]) -> None:
        """Do nothing: there is nobody to ask."""


class RegistryDirectory:
    """A directory that follows the registry. Run `follow` beside the worker."""

    def __init__(
        self,
        *,
        team: str,
        client: RegistryClient,
        cache: Path,
        calls: Iterable[str] = (),
        longest_age: timedelta = LONGEST_AGE,
    ) -> None:
        self._longest_age = longest_age.total_seconds()
        self._team = team
        self._called = set(calls)
        self._outlooks: dict[str, Standing] = {}
        self._client = client
        self._cache = cache
        self._keys: dict[tuple[str, str], VerifyingKey] = {}
        self._policy = Policy()
        self._standings: dict[tuple[str, str], Standing] = {}
        self._known = False
        self._in_touch = False
        self._asked = float("-inf")
        self._asking = asyncio.Lock()

    @property
    def known(self) -> bool:
        """Whether there is anything to go by, from the registry or from the cache."""
        return self._known

    def find_key(self, team: str, key_id: str) -> VerifyingKey | None:
        """Return a key that the registry vouched for when it was last heard."""
        return self._keys.get((team, key_id))

    def policy(self) -> Policy:
        """Return the last policy the registry is known to have had."""
        return self._policy

    def standing(self, service: str, digest: str) -> Standing | None:
        """Return what the registry said of a revision when it was last heard."""
        return self._standings.get((service, digest))

    def outlook(self, service: str) -> Standing | None:
        """Return where a service stood when the registry was last heard; once asked for, it is asked for again."""
        self._called.add(service)
        return self._outlooks.get(service)

    def in_touch(self) -> bool:
        """Tell whether the registry answered when it was last asked."""
        return self._in_touch

    async def prepare(self, headers: Mapping[str, str]) -> None:
        """Ask the registry when a key is named that is not known, at most once in `SHORTEST_AGE`."""
        if all(name in self._keys for name in key_names(headers)):
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE.total_seconds()):
                await self._refresh_after(time.monotonic())

    async def refresh(self) -> bool:
        """Ask the registry for keys, policy and states and keep the answer; False when it does not answer."""
        async with self._asking:
            answered = await self._ask()
        if answered:
            await self._look_ahead()
        return answered

    async def _look_ahead(self) -> None:
        for service in sorted(self._called):
            try:
                self._outlooks[service] = await self._outlook_of(service)
            except RegistryNotFoundError:
                self._outlooks.pop(service, None)
            except RegistryError as error:
                logger.warning("it is not known where %s stands: %s", service, error)
                return

    async def _outlook_of(self, service: str) -> Standing:
        # As long as any revision is approved, the service as a whole is not about to go.
        try:
            return Standing.of(await self._client.get_listing(service, states=("approved",)))
        except RegistryNotFoundError:
            return Standing.of(await self._client.get_listing(service, states=("deprecated",)))

    async def _refresh_after(self, moment: float) -> None:
        async with self._asking:
            # Whoever waited here while another asked has the answer to their own question.
            if self._asked <= moment:
                await asyncio.sleep(max(0.0, self._asked + SHORTEST_AGE.total_seconds() - time.monotonic()))
                await self._ask()

    async def _ask(self) -> bool:
        self._asked = time.monotonic()
        self._in_touch = False
        try:
            keys = await self._client.list_public_keys()
            document = await self._own_policy()
            policy = Policy.model_validate_json(document)
            listings = self._client.all_listings(team=self._team, all_revisions=True, summary=True)
            standings = {(each.service, each.digest): Standing.of(each) async for each in listings}
        except (RegistryError, ValidationError) as error:
            logger.warning("going on with the keys and the policy last heard of: %s", error)
            return False
        self._keys = {
            (key.team, key.key_id): VerifyingKey(team=key.team, key_id=key.key_id, public_bytes=key.public_bytes)
            for key in keys
        }
        self._policy, self._standings = policy, standings
        self._known = self._in_touch = True
        try:
            await asyncio.to_thread(self._save, document)
        except OSError as error:
            logger.warning("the keys and the policy cannot be kept in %s: %s", self._cache, error)
        return True

    async def _own_policy(self) -> bytes:
        try:
            return (await self._client.get_policy(self._team)).document
        except RegistryNotFoundError:
            return b"{}"

    def load(self) -> bool:
        """Take what an earlier process kept in the file; False when there is nothing usable."""
        try:
            document = json.loads(self._cache.read_bytes())
            keys = [
                VerifyingKey(team=team, key_id=key_id, public_bytes=base64.b64decode(public))
                for team, key_id, public in document["keys"]
            ]
            policy = Policy.model_validate(document["policy"])
            # A file of an earlier build says nothing of states.
            standings = {
                (service, digest): Standing.kept(written) for service, digest, written in document.get("standings", [])
            }
        except FileNotFoundError:
            return False
        except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
            logger.warning("the cache %s cannot be used and is ignored: %s", self._cache, error)
            return False
        self._keys = {(key.team, key.key_id): key for key in keys}
        self._policy, self._standings = policy, standings
        self._known = True
        return True

    async def follow(self) -> None:
        """Ask the registry again and again until cancelled; sooner while it does not answer."""
        while True:
            await asyncio.sleep(self._longest_age / (2 if self._known else 10))
            await self.refresh()

    def _save(self, policy: bytes) -> None:
        self._cache.parent.mkdir(parents=True, exist_ok=True)
        keys = [[key.team, key.key_id, base64.b64encode(key.public_bytes).decode()] for key in self._keys.values()]
        fresh = self._cache.with_suffix(f".{os.getpid()}.new")
        standings = [[*revision, standing.to_keep()] for revision, standing in self._standings.items()]
        fresh.write_text(json.dumps({"keys": keys, "policy": json.loads(policy), "standings": standings}))
        # In one step: a process that is killed here leaves the old file or the new one, never half of one.
        fresh.replace(self._cache)
