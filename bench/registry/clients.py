"""Many clients at once, each with a connection of its own, that ask one thing again and again.

Requests and answers stay bytes: what is measured is the server, as far as a client can stay out of the way.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from contextlib import AsyncExitStack
from statistics import quantiles
from time import perf_counter
from types import TracebackType
from typing import Final, Protocol, Self, cast

import grpc.aio

GET_LISTING: Final = "/callboard.registry.v1.RegistryService/GetListing"


class _Call(Protocol):
    def __call__(self, request: bytes, *, timeout: float) -> Awaitable[bytes]: ...


class Clients:
    """Connections to one server."""

    def __init__(self, address: str, *, method: str, request: bytes, count: int) -> None:
        self._address = address
        self._method = method
        self._request = request
        self._count = count
        self._calls: list[_Call] = []
        self._channels = AsyncExitStack()

    async def __aenter__(self) -> Self:
        for number in range(self._count):
            # Clients are different processes in earnest: one channel must not stand for all of them.
            options = [("grpc.use_local_subchannel_pool", 1), ("callboard.client", number)]
            channel = grpc.aio.insecure_channel(self._address, options=options)
            await self._channels.enter_async_context(channel)
            async with asyncio.timeout(30):
                await channel.channel_ready()
            # The published types of grpc.aio leave both messages open.
            self._calls.append(cast(_Call, channel.unary_unary(self._method)))  # pyright: ignore[reportUnknownMemberType] - see above
        await self.ask(1)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._channels.aclose()

    async def ask(self, times: int) -> list[float]:
        """Have every client ask `times` times; returns the seconds of every answer."""
        taken: list[float] = []

        async def one(call: _Call) -> None:
            for _ in range(times):
                began = perf_counter()
                await call(self._request, timeout=30)
                taken.append(perf_counter() - began)

        await asyncio.gather(*(one(call) for call in self._calls))
        return taken

    async def per_answer(self, times: int) -> Sequence[float]:
        """Return the seconds per answer when all clients ask at once, as one number."""
        began = perf_counter()
        await self.ask(times)
        return [(perf_counter() - began) / (times * self._count)]

    async def slowest(self, times: int) -> Sequence[float]:
        """Return how long all but one of a hundred answers take at most, as one number."""
        return [quantiles(await self.ask(times), n=100)[98]]
