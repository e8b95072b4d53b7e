"""Publishing on PostgreSQL, beside the least that keeps the same bytes: one row and one commit."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Final, Self

import psycopg

from bench.registry.place import RunningRegistry, revisions
from callboard_kit.identity import SigningKey
from callboard_registry_api.client import RegistryClient

AT_ONCE: Final = 8
"""Teams that publish at the same time."""


class Publishers:
    """Teams that publish one revision after another, each of its own service."""

    def __init__(self, where: RunningRegistry, keys: Sequence[SigningKey]) -> None:
        self._keys = keys
        self._clients = [where.member(key) for key in keys]
        self._published = 0

    @classmethod
    async def enrolled(cls, where: RunningRegistry) -> Self:
        """Return publishers that the registry knows."""
        return cls(where, [await where.enrol(f"publisher{number}") for number in range(AT_ONCE)])

    async def __aenter__(self) -> Self:
        await self.publish(1)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in self._clients:
            await client.close()

    async def publish(self, times: int) -> Sequence[float]:
        """Return the seconds per revision when all teams publish `times` revisions each, as one number."""
        documents = [revisions(key.team, self._published, times) for key in self._keys]
        self._published += times

        async def one(client: RegistryClient, mine: Sequence[bytes]) -> None:
            for document in mine:
                await client.publish_listing(document)

        began = perf_counter()
        await asyncio.gather(*(one(*each) for each in zip(self._clients, documents, strict=True)))
        return [(perf_counter() - began) / (times * AT_ONCE)]


class Commits:
    """One connection that keeps documents of the same size, each in a transaction of its own."""

    def __init__(self, folder: Path) -> None:
        self._connection = psycopg.connect(host=str(folder), user="postgres", dbname="postgres", autocommit=True)
        self._connection.execute("CREATE TABLE kept (document bytea NOT NULL)")
        [self._document] = revisions("publisher0", 0, 1)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    async def keep(self, times: int) -> Sequence[float]:
        """Return the seconds per commit of `times` commits, as one number."""

        def work() -> float:
            began = perf_counter()
            for _ in range(times):
                self._connection.execute("INSERT INTO kept VALUES (%s)", (self._document,))
            return (perf_counter() - began) / times

        return [await asyncio.to_thread(work)]
