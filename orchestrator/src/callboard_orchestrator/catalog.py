"""What the other teams offer to this one: the registry's listings, as far as their policies let this team call.

Asked for as an activity, so that what a run was offered stands in its history. The answer is kept for `LONGEST_AGE`;
when the registry does not answer then, the last good one stays in force, over a restart too.
"""

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final, Protocol

from pydantic import TypeAdapter, ValidationError
from temporalio import activity

from callboard_contracts import Message, ServiceDescription, UnavailableError
from callboard_kit.agent import MOST_OFFERED, OperationTool, ToolIndex
from callboard_kit.policy import Policy
from callboard_kit.settings import PUBLISHING
from callboard_registry_api.client import Page
from callboard_registry_api.errors import RegistryError
from callboard_registry_api.model import Listing, State
from callboard_registry_api.model import Policy as HeldPolicy

logger: Final = logging.getLogger(__name__)

LONGEST_AGE: Final = timedelta(seconds=30)
"""How old the catalog may grow before the registry is asked again."""

SHORTEST_AGE: Final = timedelta(seconds=10)
"""How often, at most, a registry that does not answer is asked."""

MOST_FOUND: Final = 8
"""Operations that one search returns."""

MOST_BYTES: Final = 512 * 1024
"""What an answer of this catalog may weigh: it is kept in the history of every run. Temporal's limit is 2 MiB."""

_OFFERED: Final = TypeAdapter(tuple[OperationTool, ...])


class Offering(Message):
    """What a run may call."""

    count: int
    """How many operations are offered."""

    services: tuple[str, ...] = ()
    """Whose they are, by wire name, sorted."""

    tools: tuple[OperationTool, ...] = ()
    """All of them; empty when they are too many to be given to a model at once. Then search."""


class Registry(Protocol):
    """The part of the registry that the catalog reads."""

    def all_listings(self, *, states: Sequence[State]) -> AsyncIterator[Listing]:
        """Yield the newest listing of every service in one of these states."""
        ...

    async def list_policies(self, *, page_token: str) -> Page[HeldPolicy]:
        """Return one page of the policies in force."""
        ...


class Catalog:
    """The operations that `team` may call when it stands at the root of a tree; register its activities.

    Args:
        connect: Returns the registry; called once, from the worker's event loop.
        cache: The file that keeps the last good answer.
        team: Who asks.
        profile: The settings' profile; where workers publish for themselves, drafts count.
    """

    def __init__(self, *, connect: Callable[[], Registry], cache: Path, team: str, profile: str) -> None:
        self._connect = connect
        self._cache = cache
        self._team = team
        self._states: tuple[State, ...] = ("approved", "deprecated")
        if profile in PUBLISHING:
            self._states = (*self._states, "draft")
        self._registry: Registry | None = None
        self._known: tuple[OperationTool, ...] | None = None
        self._index = ToolIndex[OperationTool](())
        self._fresh_until = 0.0
        self._asking = asyncio.Lock()

    @activity.defn
    async def offered_operations(self) -> Offering:
        """Return what is offered now.

        Raises:
            UnavailableError: The registry does not answer, and never has.
        """
        tools = await self._tools()
        few = len(tools) <= MOST_OFFERED and len(_OFFERED.dump_json(tools)) <= MOST_BYTES
        return Offering(
            count=len(tools),
            services=tuple(sorted({tool.service for tool in tools})),
            tools=tools if few else (),
        )

    @activity.defn
    async def find_operations(self, query: str) -> tuple[OperationTool, ...]:
        """Return the operations that fit a few words best, best first.

        Raises:
            UnavailableError: As `offered_operations`.
        """
        tools = await self._tools()
        if self._index.tools is not tools:
            self._index = ToolIndex(tools)
        found = self._index.best(query, most=MOST_FOUND)
        while len(_OFFERED.dump_json(found)) > MOST_BYTES:
            found = found[:-1]
        return found

    async def _tools(self) -> tuple[OperationTool, ...]:
        async with self._asking:
            if self._known is None:
                self._known = await asyncio.to_thread(self._load)
            if time.monotonic() >= self._fresh_until:
                await self._refresh()
            assert self._known is not None, "a refresh that finds nothing to go by raises"
            return self._known

    async def _refresh(self) -> None:
        try:
            self._registry = self._registry or self._connect()
            tools = await _offered(self._registry, team=self._team, states=self._states)
        except RegistryError as error:
            if self._known is None:
                raise UnavailableError(f"nothing is known yet of what the teams offer: {error}") from error
            logger.warning("going on with the operations last heard of: %s", error)
            self._fresh_until = time.monotonic() + SHORTEST_AGE.total_seconds()
            return
        self._fresh_until = time.monotonic() + LONGEST_AGE.total_seconds()
        if tools != self._known:
            self._known = tools
            await asyncio.to_thread(self._save, tools)

    def _load(self) -> tuple[OperationTool, ...] | None:
        try:
            return _OFFERED.validate_json(self._cache.read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError as error:
            logger.warning("the cache %s cannot be used and is ignored: %s", self._cache, error)
            return None

    def _save(self, tools: tuple[OperationTool, ...]) -> None:
        self._cache.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._cache.with_suffix(f".{os.getpid()}.new")
        fresh.write_bytes(_OFFERED.dump_json(tools))
        # In one step: a process that is killed here leaves the old file or the new one, never half of one.
        fresh.replace(self._cache)


async def _offered(registry: Registry, *, team: str, states: Sequence[State]) -> tuple[OperationTool, ...]:
    policies = await _policies(registry)
    offered: list[OperationTool] = []
    async for listing in registry.all_listings(states=states):
        try:
            service = ServiceDescription.model_validate_json(listing.document)
        except ValidationError as error:
            # One listing that this build cannot read must not take the others away.
            logger.warning("the listing of %s cannot be read and is left out: %s", listing.service, error)
            continue
        offered.extend(_offered_by(service, policies.get(listing.team, Policy()), team=team))
    return tuple(offered)


def _offered_by(service: ServiceDescription, policy: Policy, *, team: str) -> Sequence[OperationTool]:
    return [
        OperationTool.of(service, operation)
        for operation in service.operations
        if operation.promise.model_callable
        and policy.judge(
            service=service.service, operation=operation.name, effect=operation.promise.effect, chain=(team,)
        ).allowed
    ]


async def _policies(registry: Registry) -> Mapping[str, Policy]:
    policies: dict[str, Policy] = {}
    token = ""
    while True:
        page = await registry.list_policies(page_token=token)
        for held in page.items:
            try:
                policies[held.team] = Policy.model_validate_json(held.document)
            except ValidationError as error:
                # Without a policy that can be read, nothing of that team's is offered.
                logger.warning("the policy of %s cannot be read: %s", held.team, error)
        token = page.next_page_token
        if not token:
            return policies
