"""One connection to an MCP server, made where it is used and closed after it."""

import logging
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final, TextIO, cast

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import Tool

from callboard_contracts import RefusedError
from callboard_kit.mcp_tools.answers import without
from callboard_kit.mcp_tools.servers import Http, McpServer, Stdio, address_fault

logger: Final = logging.getLogger(__name__)

MOST_BYTES: Final = 8 * 1024 * 1024
"""Bytes of one answer over HTTP; a longer one breaks off."""

MOST_PAGES: Final = 20
"""Pages of a server's list of tools that are read."""

_LAST_WORDS: Final = 2_000


class Secrets:
    """The values of the environment variables that a server needs, by name. Never shown, compared or written down."""

    def __init__(self, server: McpServer, environment: Mapping[str, str]) -> None:
        self._values = {name: environment.get(name, "") for name in server.reached.variables}
        self._server = server

    @property
    def missing(self) -> tuple[str, ...]:
        """Names of variables that are not set."""
        return tuple(sorted(name for name, value in self._values.items() if not value))

    @property
    def values(self) -> tuple[str, ...]:
        """What must not be seen anywhere."""
        return tuple(self._values.values())

    def required(self) -> Mapping[str, str]:
        """Return the values by name.

        Raises:
            RefusedError: One is not set.
        """
        if self.missing:
            raise RefusedError(
                f"MCP server {self._server.name!r} cannot be used by this worker: set {', '.join(self.missing)}"
                " in its environment"
            )
        return self._values


@asynccontextmanager
async def connected(server: McpServer, secrets: Secrets) -> AsyncGenerator[Client]:
    """Reach a server for as long as this block takes. It gets no way to ask our model or our people anything.

    Raises:
        RefusedError: The worker lacks what the server needs.
    """
    values = secrets.required()
    match server.reached:
        case Stdio() as stdio:
            reached = _process(server, stdio, secrets, values)
        case Http() as http:
            reached = _address(server, http, values)
    async with reached as client:
        yield client


async def tools_of(client: Client) -> list[Tool]:
    """Read the list of a server's tools, as far as it is of a length that makes sense."""
    tools: list[Tool] = []
    cursor: str | None = None
    for _ in range(MOST_PAGES):
        page = await client.list_tools(cursor=cursor)
        tools.extend(page.tools)
        cursor = page.next_cursor
        if cursor is None:
            break
    return tools


@asynccontextmanager
async def _process(
    server: McpServer, stdio: Stdio, secrets: Secrets, values: Mapping[str, str]
) -> AsyncGenerator[Client]:
    parameters = StdioServerParameters(
        command=stdio.command, args=list(stdio.arguments), env=dict(values), cwd=stdio.folder
    )
    # What a server says of its troubles may hold what it was given, so it is looked through before it is logged.
    with tempfile.TemporaryFile("w+", errors="replace") as said:
        errors = cast("TextIO", said)
        try:
            async with Client(stdio_client(parameters, errlog=errors), cache=None) as client:
                yield client
        except BaseException:
            if words := _last_words(errors):
                logger.warning("MCP server %r said: %s", server.name, without(words, secrets.values))
            raise


def _last_words(said: TextIO) -> str:
    said.seek(0)
    return said.read()[-_LAST_WORDS:].strip()


@asynccontextmanager
async def _address(server: McpServer, http: Http, values: Mapping[str, str]) -> AsyncGenerator[Client]:
    url = http.url or values[http.url_from]
    if fault := address_fault(url):
        raise RefusedError(f"MCP server {server.name!r} {fault} (variable {http.url_from})")
    headers = {name: values[variable] for name, variable in http.headers.items()}
    if http.bearer:
        headers["Authorization"] = f"Bearer {values[http.bearer]}"
    async with (
        httpx2.AsyncClient(
            headers=headers, timeout=server.timeout.total_seconds(), transport=_Bounded(httpx2.AsyncHTTPTransport())
        ) as connection,
        Client(streamable_http_client(url, http_client=connection), cache=None) as client,
    ):
        yield client


class _Bounded(httpx2.AsyncBaseTransport):
    """Breaks off answers that are too long to be read."""

    def __init__(self, inner: httpx2.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await self._inner.handle_async_request(request)
        response.stream = _BoundedStream(cast("httpx2.AsyncByteStream", response.stream))
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


class _BoundedStream(httpx2.AsyncByteStream):
    def __init__(self, inner: httpx2.AsyncByteStream) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for piece in self._inner:
            size += len(piece)
            if size > MOST_BYTES:
                raise httpx2.ReadError(f"the answer has more than {MOST_BYTES} bytes")
            yield piece

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Wordless(logging.Filter):
    """Takes the exceptions out of records: those of the `mcp` package quote what a server sent."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.exc_info = None
        record.exc_text = None
        return True


for _name in ("client", "mcp.client.stdio", "mcp.client.streamable_http"):
    logging.getLogger(_name).addFilter(_Wordless())
