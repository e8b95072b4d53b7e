"""An ordeal for a registry: teams publish and somebody watches while it and its database are killed again and again."""

import asyncio
import contextlib
import itertools
import json
import os
import random
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from postgresql_server import PostgresServer
from publishing_shop import ADMINISTRATOR, Member, free_port, shop_document

from callboard_kit.identity import SigningKey
from callboard_registry_api.client import RegistryClient
from callboard_registry_api.errors import RegistryUnavailableError
from callboard_registry_api.model import Change, Listing

WRITERS = 4
KILLS = 4


@dataclass
class Record:
    """What happened during an ordeal, and what there was after it."""

    acknowledged: dict[str, int] = field(default_factory=dict)
    """The numbers of the revisions whose publishing was acknowledged, by digest."""

    attempted: set[str] = field(default_factory=set)
    killed: list[str] = field(default_factory=list)
    cuts: int = 0
    """How often the watcher was cut off."""

    told: list[Change] = field(default_factory=list)
    """What the watcher was told, all its lives together."""

    held: list[Listing] = field(default_factory=list)
    """Every revision that the registry holds in the end."""

    happened: list[Change] = field(default_factory=list)
    """Every change that the registry tells of in the end."""

    found: int = 0
    """How many operations the search finds of the newest revision in the end."""


class Ordeal:
    """Runs one, on one database."""

    def __init__(self, home: Path, database: str, server: PostgresServer | None, *, seed: int) -> None:
        self._environment = {
            "CALLBOARD_HOME": str(home),
            "CALLBOARD_REGISTRY_ADMIN_TOKEN": ADMINISTRATOR,
            "CALLBOARD_REGISTRY_DATABASE": database,
            "CALLBOARD_REGISTRY_HTTP": f"127.0.0.1:{free_port()}",
        }
        self._address = f"127.0.0.1:{free_port()}"
        self._server = server
        self._dice = random.Random(seed)
        self._shop = Member(SigningKey.generate("shop"))
        self._numbers = itertools.count(60)
        self._acknowledging = asyncio.Condition()
        self._enough = False
        self._last = shop_document(longest=1)
        self.record = Record()

    async def run(self) -> Record:
        """Run it to its end."""
        victims = ["registry", "database"] if self._server else ["registry"]
        async with contextlib.AsyncExitStack() as stack:
            process = await stack.enter_async_context(self._registry())
            async with self._client() as client:
                await client.register_key("shop", self._shop.key.key_id, self._shop.key.public_key.public_bytes)
            tasks = [asyncio.create_task(self._publish()) for _ in range(WRITERS)]
            watching = asyncio.create_task(self._watch())
            for victim in (victims * KILLS)[:KILLS]:
                await self._some_more()
                self.record.killed.append(victim)
                if victim == "registry":
                    process.kill()
                    await process.wait()
                    process = await stack.enter_async_context(self._registry())
                else:
                    assert self._server is not None
                    self._server.kill()
                    await asyncio.to_thread(self._server.start)
            await self._some_more()
            self._enough = True
            await asyncio.gather(*tasks)
            await self._look()
            async with asyncio.timeout(60):
                await watching
        return self.record

    async def _some_more(self) -> None:
        """Wait until some more was acknowledged; then a moment that nobody can foresee."""
        wanted = len(self.record.acknowledged) + self._dice.randint(5, 15)
        async with asyncio.timeout(60), self._acknowledging:
            await self._acknowledging.wait_for(lambda: len(self.record.acknowledged) >= wanted)
        await asyncio.sleep(self._dice.random() / 20)

    async def _publish(self) -> None:
        async with self._client() as client:
            while not self._enough:
                document = shop_document(longest=next(self._numbers))
                try:
                    listing = await client.publish_listing(document)
                except RegistryUnavailableError:
                    # Whether it was kept is not known; the next one is another.
                    await asyncio.sleep(0.05)
                    continue
                async with self._acknowledging:
                    self.record.acknowledged[listing.digest] = listing.number
                    self._acknowledging.notify_all()

    async def _watch(self) -> None:
        """Follow the changes to the last, coming back whenever cut off, and now and then going away by itself."""
        cursor = ""
        last = json.loads(self._last)["digest"]
        while not (self.record.told and self.record.told[-1].detail == last):
            stay = self._dice.randint(1, 20)
            with contextlib.suppress(RegistryUnavailableError):
                async with self._client() as client, aclosing(client.watch(after=cursor)) as changes:
                    async for change in changes:
                        self.record.told.append(change)
                        cursor, stay = change.cursor, stay - 1
                        if not stay or change.detail == last:
                            break
            self.record.cuts += 1
            await asyncio.sleep(0.02)

    async def _look(self) -> None:
        async with self._client() as client:
            last = await client.publish_listing(self._last)
            self.record.acknowledged[last.digest] = last.number
            self.record.held = [each async for each in client.all_listings(all_revisions=True)]
            self.record.found = len((await client.search("sell")).items)
            happened: list[Change] = []
            async with asyncio.timeout(60), aclosing(client.watch()) as changes:
                async for change in changes:
                    happened.append(change)
                    # One key, and one change for each revision.
                    if len(happened) == len(self.record.held) + 1:
                        break
            self.record.happened = happened

    def _client(self) -> RegistryClient:
        return RegistryClient(self._address, sign=self._shop.sign, administrator_token=ADMINISTRATOR)

    @asynccontextmanager
    async def _registry(self) -> AsyncGenerator[asyncio.subprocess.Process]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CALLBOARD_")}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "callboard_registry",
            env={**kept, **self._environment, "CALLBOARD_REGISTRY_GRPC": self._address},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(60), self._client() as client:
                while True:
                    with contextlib.suppress(RegistryUnavailableError):
                        await client.list_listings(page_size=1)
                        break
                    await asyncio.sleep(0.05)
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
