"""What a worker does for its agents at MCP servers: list their tools once per run, and call one of them."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, Final, Self, TypeVar, cast

from temporalio import activity
from temporalio.exceptions import ApplicationError

from callboard_contracts import MeshError, RefusedError, UnavailableError
from callboard_kit.beating import beating
from callboard_kit.failing import to_failure
from callboard_kit.mcp_tools.messages import CALL_TOOL, LIST_TOOLS, NOT_CALLED, Answer, Called, Listed, Listing
from callboard_kit.mcp_tools.pinning import digest_of, pinned, visible
from callboard_kit.mcp_tools.servers import McpConfigurationError, McpServer
from callboard_kit.publishing import ServeError

try:
    from mcp import Client

    from callboard_kit.mcp_tools.answers import answer_from, without
    from callboard_kit.mcp_tools.connecting import Secrets, connected, tools_of
    from callboard_kit.mcp_tools.keeping import Connections
except ModuleNotFoundError as missing:
    raise ModuleNotFoundError(
        f"MCP servers need the package {missing.name!r}; install `callboard-kit[mcp]`", name=missing.name
    ) from missing

logger: Final = logging.getLogger(__name__)

MOST_FAULT: Final = 300
"""Characters that are kept of why a connection failed."""

SOON: Final = 5.0
"""Seconds within which a call that came to nothing is tried again over another connection."""

ResultT = TypeVar("ResultT")


class McpConnections:
    """The MCP servers of a worker.

        connections = McpConnections(AGENT.mcp)
        serve(package, …, activities=[*connections.activities], alongside=[connections])

    As a block it says, before the worker serves, what the servers need and the worker lacks; and closes in the end what
    was kept open.

    Args:
        servers: All servers that agents of this worker use.
        environment: Where the variables are that servers need; the process's own, unless said otherwise.
    """

    def __init__(self, servers: Sequence[McpServer], *, environment: Mapping[str, str] | None = None) -> None:
        self._environment = os.environ if environment is None else environment
        self._connections = Connections()
        self._servers: dict[str, McpServer] = {}
        for server in servers:
            if self._servers.setdefault(server.name, server) != server:
                raise McpConfigurationError(f"two MCP servers are called {server.name!r}; rename one of them")

    @property
    def activities(self) -> tuple[Callable[..., Any], ...]:  # Any: activities take and return anything
        """What the worker registers."""
        return (self.list_tools, self.call_tool)

    async def __aenter__(self) -> Self:
        """Look whether all that the servers need is there.

        Raises:
            ServeError: It is not.
        """
        for server in self._servers.values():
            if missing := Secrets(server, self._environment).missing:
                raise ServeError(
                    f"MCP server {server.name!r} needs {', '.join(missing)} in the worker's environment; set it there"
                )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections that were kept."""
        await self._connections.close()

    @activity.defn(name=LIST_TOOLS)
    async def list_tools(self, wanted: Listed) -> Listing:
        """Take down the tools of a server, for one run.

        Raises:
            ApplicationError: It cannot be reached, or not by this worker.
        """

        async def look(client: Client, server: McpServer, _secrets: Secrets) -> Listing:
            listing = pinned(server, await tools_of(client))
            for tool, fault in listing.left_out.items():
                logger.warning("tool %r of MCP server %r is left out: %s", tool, server.name, fault)
            return listing

        return await self._at(wanted.server, look)

    @activity.defn(name=CALL_TOOL)
    async def call_tool(self, call: Called) -> Answer:
        """Call a tool, if it still is what it was when the run started.

        Raises:
            ApplicationError: It may not be called any more, is another one by now, or the server cannot be reached.
        """
        called = tried = False

        async def use(client: Client, server: McpServer, secrets: Secrets) -> Answer:
            nonlocal called
            tool = next((each for each in await tools_of(client) if each.name == call.tool), None)
            if tool is None:
                raise RefusedError(f"MCP server {call.server!r} has no tool {call.tool!r} any more")
            if digest_of(tool) != call.digest:
                raise RefusedError(
                    f"tool {call.tool!r} of MCP server {call.server!r} is not what it was when this run started, "
                    "so it is not called"
                )
            called = True
            result = await client.call_tool(call.tool, dict(call.arguments))
            return answer_from(result, server, secrets.values)

        # What is allowed may have become less since the run started.
        if (server := self._servers.get(call.server)) and not server.allows(call.tool):
            raise to_failure(RefusedError(f"tool {call.tool!r} of MCP server {call.server!r} may not be called"))
        clock = asyncio.get_running_loop().time
        started = clock()
        while True:
            try:
                return await self._at(call.server, use)
            except ApplicationError as error:
                if called or error.type != UnavailableError.__name__:
                    raise
                # A connection that was kept may be broken, which is found out before anything is called: once more.
                if tried or clock() - started > SOON:
                    raise to_failure(UnavailableError(f"{error.message}; {NOT_CALLED}")) from None
                tried = True

    def _reach(self, server: McpServer, secrets: Secrets) -> AbstractAsyncContextManager[Client]:
        return self._connections.use(server.name, lambda: connected(server, secrets), keep=server.keep)

    async def _at(self, name: str, do: Callable[[Client, McpServer, Secrets], Awaitable[ResultT]]) -> ResultT:
        """Do something at a server; nothing leaves but what it came to, or an error of the vocabulary."""
        server = self._servers.get(name)
        if server is None:
            raise to_failure(
                RefusedError(f"this worker knows no MCP server {name!r}; give it to `McpConnections` where it starts")
            )
        secrets = Secrets(server, self._environment)
        try:
            async with (
                beating(),
                asyncio.timeout(server.timeout.total_seconds()),
                self._reach(server, secrets) as client,
            ):
                return await do(client, server, secrets)
        except TimeoutError:
            within = f"{server.timeout.total_seconds():g} s"
            raise to_failure(UnavailableError(f"MCP server {name!r} gave no answer within {within}")) from None
        except Exception as error:  # A library and somebody's program lie between: whatever it is, it is told.
            raise to_failure(_fault(name, error, secrets)) from None


def _fault(name: str, error: BaseException, secrets: Secrets) -> MeshError:
    causes = list(_leaves(error))
    if ours := next((each for each in causes if isinstance(each, MeshError)), None):
        return ours
    cause = causes[0]
    said = visible(without(str(cause), secrets.values)).strip()[:MOST_FAULT]
    return UnavailableError(f"MCP server {name!r} cannot be used: {type(cause).__name__}{f': {said}' if said else ''}")


def _leaves(error: BaseException) -> Iterator[BaseException]:
    """Take apart what several tasks failed with."""
    if isinstance(error, BaseExceptionGroup):
        for each in cast("BaseExceptionGroup[BaseException]", error).exceptions:
            yield from _leaves(each)
    else:
        yield error
