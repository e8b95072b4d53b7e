"""What the other teams offer to this one: the operations that their policies let this team call.

The registry is asked in activities, so that what a run was offered stands in its history. Few operations are given with
their schemas, and that answer is kept for `LONGEST_AGE`. Of many, a run gets only how many there are; it searches them,
gets names with one line each, and the schemas of those it chooses. When the registry does not answer, what was last
heard stays in force, over a restart too.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self, TypeVar

from pydantic import TypeAdapter, ValidationError
from temporalio import activity

from callboard_contracts import Message, OperationDescription, UnavailableError
from callboard_kit.agent import (
    MOST_FOUND,
    MOST_OFFERED,
    MOST_OPENED,
    ListedTool,
    OperationTool,
    ToolIndex,
    listed,
    operation_tool_name,
)
from callboard_kit.settings import PUBLISHING
from callboard_orchestrator.last_known import LastKnown
from callboard_registry_api.discovery import DescribedOperation, Discovered, OperationName
from callboard_registry_api.errors import RegistryError
from callboard_registry_api.model import FoundOperation, State

logger: Final = logging.getLogger(__name__)

LONGEST_AGE: Final = timedelta(seconds=30)
"""How old an answer may grow before the registry is asked again."""

SHORTEST_AGE: Final = timedelta(seconds=10)
"""How often, at most, a registry that does not answer is asked."""

COPIED_EVERY: Final = timedelta(minutes=5)
"""How often, at most, operations that are many are copied for the time when the registry is away."""

MOST_BYTES: Final = 512 * 1024
"""What an answer of this catalog may weigh: it is kept in the history of every run. Temporal's limit is 2 MiB."""

_PAGE: Final = 100
_MOST_NAMED: Final = 100
_TOOLS: Final = TypeAdapter(tuple[OperationTool, ...])

Answer = TypeVar("Answer")


class Offering(Message):
    """What a run may call."""

    count: int
    """How many operations are offered."""

    services: tuple[str, ...] = ()
    """Whose they are, by wire name, sorted; the first of them when they are many."""

    service_count: int = 0
    """How many services that are."""

    tools: tuple[OperationTool, ...] = ()
    """All of them; empty when they are too many to be given to a model at once. Then search."""


class Matches(Message):
    """What a search came to."""

    listed: tuple[ListedTool, ...] = ()
    """All that was found, best first."""

    opened: tuple[OperationTool, ...] = ()
    """The best of it, with schemas."""


class Registry(Protocol):
    """The part of the registry that is asked."""

    async def discover(
        self, caller: str, words: str = "", *, states: Sequence[State], page_size: int, page_token: str = ""
    ) -> Discovered:
        """Return one page of what `caller` may have a model call."""
        ...

    async def describe(
        self, operations: Sequence[OperationName], *, caller: str, states: Sequence[State]
    ) -> Sequence[DescribedOperation]:
        """Return what is in force of these operations and may be called by `caller`."""
        ...


class Catalog:
    """The operations that `team` may call when it stands at the root of a tree; register its activities.

    As a block (`async with`) around the worker it hears what is offered before the first run asks.

    Args:
        connect: Returns the registry; called once, from the worker's event loop.
        cache: The file that keeps what was last heard.
        team: Who asks.
        profile: The settings' profile; where workers publish for themselves, drafts count.
    """

    def __init__(self, *, connect: Callable[[], Registry], cache: Path, team: str, profile: str) -> None:
        self._connect = connect
        self._team = team
        self._states: tuple[State, ...] = ("approved", "deprecated")
        if profile in PUBLISHING:
            self._states = (*self._states, "draft")
        self._registry: Registry | None = None
        self._last_known = LastKnown(cache)
        self._offering: Offering | None = None
        self._offering_until = 0.0
        self._heard: tuple[str, Offering] | None = None
        self._away_until = 0.0
        self._copied_until = 0.0
        self._copying: asyncio.Task[None] | None = None
        self._asking = asyncio.Lock()

    async def __aenter__(self) -> Self:
        try:
            offering = await self.offered_operations()
        except UnavailableError as error:
            logger.warning("requests in words fail until the registry answers: %s", error)
        else:
            logger.info("%d operations of %d services are offered", offering.count, offering.service_count)
            # Whoever starts together with this worker has perhaps not published yet: the first run asks again.
            self._offering_until = 0.0
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._copying is not None:
            self._copying.cancel()
            with suppress(asyncio.CancelledError):
                await self._copying

    @activity.defn
    async def offered_operations(self) -> Offering:
        """Return what is offered now.

        Raises:
            UnavailableError: The registry does not answer, and never has.
        """
        async with self._asking:
            if self._offering is None or time.monotonic() >= self._offering_until:
                self._offering = await self._asked(self._offered, lambda known: _offering(known.tools))
                fresh = time.monotonic() + LONGEST_AGE.total_seconds()
                self._offering_until = min(fresh, self._away_until or fresh)
            return self._offering

    @activity.defn
    async def find_operations(self, query: str) -> Matches:
        """Return the operations that fit a few words best, best first.

        Raises:
            UnavailableError: As `offered_operations`.
        """

        async def found(registry: Registry) -> Matches:
            page = await registry.discover(self._team, query, states=self._states, page_size=MOST_FOUND)
            opened = await self._described(registry, page.operations[:MOST_OPENED])
            return Matches(listed=tuple(_listed(each) for each in page.operations), opened=_light(opened))

        def recalled(known: ToolIndex[OperationTool]) -> Matches:
            best = known.best(query, most=MOST_FOUND)
            return Matches(listed=tuple(listed(tool) for tool in best), opened=_light(best[:MOST_OPENED]))

        return await self._asked(found, recalled)

    @activity.defn
    async def open_operations(self, found: tuple[ListedTool, ...]) -> tuple[OperationTool, ...]:
        """Return operations that were found, with their schemas; without those that are not offered any more.

        Raises:
            UnavailableError: As `offered_operations`.
        """

        async def opened(registry: Registry) -> tuple[OperationTool, ...]:
            return _light(await self._described(registry, found))

        def recalled(known: ToolIndex[OperationTool]) -> tuple[OperationTool, ...]:
            return _light([tool for one in found if (tool := known.named(one.name)) is not None])

        return await self._asked(opened, recalled)

    async def _asked(
        self,
        ask: Callable[[Registry], Awaitable[Answer]],
        recall: Callable[[ToolIndex[OperationTool]], Answer],
    ) -> Answer:
        """Return what the registry answers; while it does not, what was last heard."""
        away: RegistryError | None = None
        if time.monotonic() >= self._away_until:
            try:
                self._registry = self._registry or self._connect()
                answer = await ask(self._registry)
            except RegistryError as error:
                away = error
                self._away_until = time.monotonic() + SHORTEST_AGE.total_seconds()
            else:
                self._away_until = 0.0
                self._last_known.let_go()
                return answer
        known = await asyncio.to_thread(self._last_known.index)
        if known is None:
            # Whoever asks next, asks the registry: there is nothing else to go by.
            self._away_until = 0.0
            raise UnavailableError(f"nothing is known yet of what the teams offer: {away}") from away
        if away is not None:
            logger.warning("going on with the operations last heard of: %s", away)
        return recall(known)

    async def _offered(self, registry: Registry) -> Offering:
        page = await registry.discover(self._team, states=self._states, page_size=MOST_OFFERED)
        if self._heard is not None and self._heard[0] == page.as_of:
            return self._heard[1]
        if page.total > MOST_OFFERED:
            offering = Offering(count=page.total, services=page.services, service_count=page.total_services)
            self._copy(registry, page.as_of)
        else:
            tools = await self._described(registry, page.operations)
            offering = _offering(tools)
            await asyncio.to_thread(self._keep, page.as_of, tools)
        self._heard = (page.as_of, offering)
        return offering

    async def _described(
        self, registry: Registry, found: Sequence[FoundOperation] | Sequence[ListedTool]
    ) -> Sequence[OperationTool]:
        names = [OperationName(each.service, each.operation) for each in found]
        return list(_tools(await registry.describe(names, caller=self._team, states=self._states)))

    def _keep(self, as_of: str, tools: Sequence[OperationTool]) -> None:
        if self._last_known.as_of() != as_of:
            self._last_known.keep(as_of, [tool.model_dump_json().encode() for tool in tools])

    def _copy(self, registry: Registry, as_of: str) -> None:
        """Have what is offered copied meanwhile, for the time when the registry is away."""
        now = time.monotonic()
        if now >= self._copied_until and (self._copying is None or self._copying.done()):
            self._copied_until = now + COPIED_EVERY.total_seconds()
            self._copying = asyncio.create_task(self._copy_all(registry, as_of))

    async def _copy_all(self, registry: Registry, as_of: str) -> None:
        if await asyncio.to_thread(self._last_known.as_of) == as_of:
            return
        lines: dict[str, bytes] = {}
        token = ""
        try:
            while True:
                page = await registry.discover(self._team, states=self._states, page_size=_PAGE, page_token=token)
                for tool in await self._described(registry, page.operations):
                    lines[tool.spec.name] = tool.model_dump_json().encode()
                token = page.next_page_token
                if not token:
                    break
        except RegistryError as error:
            logger.warning("what is offered could not be copied: %s", error)
            return
        await asyncio.to_thread(self._last_known.keep, as_of, lines.values())
        logger.info("copied %d operations for the time when the registry is away", len(lines))


def _offering(tools: Sequence[OperationTool]) -> Offering:
    services = sorted({tool.service for tool in tools})
    few = len(tools) <= MOST_OFFERED and _weight(tools) <= MOST_BYTES
    return Offering(
        count=len(tools),
        services=tuple(services[:_MOST_NAMED]),
        service_count=len(services),
        tools=tuple(tools) if few else (),
    )


def _light(tools: Sequence[OperationTool]) -> tuple[OperationTool, ...]:
    """Return as many of the tools as an answer can hold."""
    while _weight(tools) > MOST_BYTES:
        tools = tools[:-1]
    return tuple(tools)


def _weight(tools: Sequence[OperationTool]) -> int:
    return len(_TOOLS.dump_json(tuple(tools)))


def _listed(found: FoundOperation) -> ListedTool:
    return ListedTool(
        name=operation_tool_name(found.service, found.operation),
        service=found.service,
        operation=found.operation,
        description=found.summary,
    )


def _tools(described: Sequence[DescribedOperation]) -> Iterator[OperationTool]:
    for each in described:
        try:
            operation = OperationDescription.model_validate_json(each.document)
        except ValidationError as error:
            # One operation that this build cannot read must not take the others away.
            logger.warning("%s %s cannot be read and is left out: %s", each.service, each.operation, error)
            continue
        yield OperationTool.described(each.service, each.endpoint, operation)
