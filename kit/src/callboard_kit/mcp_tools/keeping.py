"""Connections to MCP servers that are kept for the next call: to start a program for each would take a second each."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import Context
from datetime import timedelta
from typing import Final

from mcp import Client

from callboard_contracts import MeshError

logger: Final = logging.getLogger(__name__)

Connect = Callable[[], AbstractAsyncContextManager[Client]]


class _BrokenError(Exception):
    """Closes a connection that does not work any more, so that whoever made it knows."""


class _Connection:
    """One connection, held open by a task of its own: it must be closed by the task that opened it."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._opened: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
        self._closing = asyncio.Event()
        self._broken = False
        self.users = 0
        # An empty context: it outlives the activity that happens to be the first to need it.
        self._holding = asyncio.create_task(self._hold(), context=Context())

    @property
    def usable(self) -> bool:
        """Whether further calls may be made over it."""
        return not self._broken and not self._closing.is_set() and not self._holding.done()

    async def client(self) -> Client:
        """Return the client, as soon as it is connected.

        Raises:
            Exception: Whatever connecting failed with.
        """
        return await asyncio.shield(self._opened)

    def broke(self) -> None:
        """Have no further call made over it; those that are under way go on."""
        self._broken = True

    def close(self) -> "asyncio.Task[None]":
        """Close it, which may take a while; also where it has not come to be open."""
        self._closing.set()
        if not self._opened.done():
            self._holding.cancel()
        return self._holding

    async def _hold(self) -> None:
        try:
            async with self._connect() as client:
                self._opened.set_result(client)
                await self._closing.wait()
                if self._broken:
                    raise _BrokenError
        except asyncio.CancelledError:
            self._opened.cancel()
        except (
            Exception,
            BaseExceptionGroup,
        ) as error:  # Whoever waits for the connection hears of it; nobody else can do anything.
            if not self._opened.done():
                self._opened.set_exception(error)
                self._opened.exception()  # Whoever waited may be gone.
            elif not self._closing.is_set():
                logger.warning("a connection to an MCP server broke off: %s", type(error).__name__)


class Connections:
    """At most one connection to each server, closed when nobody has used it for a while."""

    def __init__(self) -> None:
        self._open: dict[str, _Connection] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._closing: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def use(self, name: str, connect: Connect, *, keep: timedelta) -> AsyncGenerator[Client]:
        """Use the connection to a server; one over which something failed is not used again.

        Args:
            name: The server.
            connect: Makes a connection.
            keep: For how long to keep it for the next call. Zero: this call has one of its own.
        """
        if timer := self._timers.pop(name, None):
            timer.cancel()
        connection = self._open.get(name)
        if connection is None or not connection.usable or not keep:
            connection = _Connection(connect)
            if keep:
                self._open[name] = connection
        connection.users += 1
        try:
            yield await connection.client()
        except MeshError:
            raise  # Said over a connection that works.
        except BaseException:
            connection.broke()
            raise
        finally:
            connection.users -= 1
            if not connection.users:
                self._after(name, connection, keep)

    async def close(self) -> None:
        """Close all."""
        for timer in self._timers.values():
            timer.cancel()
        self._closing.update(connection.close() for connection in self._open.values())
        self._open.clear()
        if self._closing:
            await asyncio.wait(self._closing)

    def _after(self, name: str, connection: _Connection, keep: timedelta) -> None:
        if self._open.get(name) is connection and connection.usable:
            later = asyncio.get_running_loop().call_later(keep.total_seconds(), self._let_go, connection)
            self._timers[name] = later
        else:
            self._let_go(connection)

    def _let_go(self, connection: _Connection) -> None:
        task = connection.close()
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
