import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import grpc.aio
import pytest

# The tests share their parts by name.
sys.path.insert(0, str(Path(__file__).parent))

from postgresql_server import PostgresServer, postgresql_server
from publishing_shop import ADMINISTRATOR, Member, Running, free_port, shop_document
from sqlalchemy import Engine, create_engine

from callboard_contracts import ServiceDescription
from callboard_kit.identity import SigningKey
from callboard_registry.database import Database
from callboard_registry.server import serving
from callboard_registry.settings import Address, Settings
from callboard_registry.tables import metadata
from callboard_registry_api.client import RegistryClient


@pytest.fixture(scope="session")
def document() -> Callable[..., bytes]:
    return shop_document


@pytest.fixture
def described(document: Callable[..., bytes]) -> Callable[..., bytes]:
    """Makes the shop's description, edited as the JSON it is."""

    def make(*edits: Callable[[dict[str, Any]], object], service: str = "shop.v1") -> bytes:
        edited = json.loads(document(service=service))
        for edit in edits:
            edit(edited["operations"][0])
        edited["digest"] = ServiceDescription.model_validate(edited).observable_digest()
        return json.dumps(edited).encode()

    return make


@pytest.fixture
def stranger() -> Member:
    """A team that the registry has never heard of."""
    return Member(SigningKey.generate("shop"))


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresServer]:
    """A PostgreSQL server for the tests that ask for one."""
    with postgresql_server() as server:
        yield server


@dataclass
class Databases:
    """Makes databases of one kind; called, it makes an empty one."""

    kind: str
    make: Callable[[], str]
    copy: Callable[[str], str]
    """Makes one that holds what another holds, which nobody has open."""

    _model: str = ""

    def __call__(self) -> str:
        return self.make()

    def migrated(self) -> str:
        """Make one with today's tables and nothing in them. That they come about is what the migrations' tests show."""
        if not self._model:
            url = self.make()
            Database.open(url).close()
            self._model = url
        return self.copy(self._model)


@pytest.fixture(scope="session")
def sqlite_databases(tmp_path_factory: pytest.TempPathFactory) -> Databases:
    """Makes SQLite files."""

    def make() -> str:
        return f"sqlite:///{tmp_path_factory.mktemp('registry') / 'registry.db'}"

    def copy(model: str) -> str:
        url = make()
        shutil.copyfile(model.removeprefix("sqlite:///"), url.removeprefix("sqlite:///"))
        return url

    return Databases("sqlite", make, copy)


@pytest.fixture(scope="session")
def postgresql_databases(postgresql: PostgresServer) -> Databases:
    """Makes databases of one PostgreSQL server."""
    return Databases("postgresql", postgresql.make_database, lambda model: postgresql.make_database(like=model))


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def any_database(request: pytest.FixtureRequest, sqlite_databases: Databases) -> Databases:
    """Makes databases: every test that asks for it runs on both kinds."""
    return sqlite_databases if request.param == "sqlite" else request.getfixturevalue("postgresql_databases")


@pytest.fixture(scope="session")
async def kept() -> AsyncIterator[tuple[AsyncExitStack, dict[str, tuple[Running, Engine]]]]:
    """The registries that run, by kind of database, and what ends them when the last test is over."""
    async with AsyncExitStack() as stack:
        yield stack, {}


@pytest.fixture(scope="session")
async def served(
    any_database: Databases, kept: tuple[AsyncExitStack, dict[str, tuple[Running, Engine]]]
) -> tuple[Running, Engine]:
    """A registry in this process, and a way around it to its database."""
    stack, running = kept
    if any_database.kind not in running:
        anywhere = Address("127.0.0.1", 0)
        settings = Settings(
            database=any_database.migrated(),
            grpc=anywhere,
            http=anywhere,
            administrator_token=ADMINISTRATOR,
            approvers=("auditors",),
        )
        engine = create_engine(settings.database)
        stack.callback(engine.dispose)
        addresses = await stack.enter_async_context(serving(settings))
        running[any_database.kind] = Running(grpc=addresses.grpc, http=addresses.http), engine
    return running[any_database.kind]


@pytest.fixture(scope="module")
def serve_with(sqlite_databases: Databases):
    """Serve a registry in this process that is told something else than the one the other tests share."""

    @asynccontextmanager
    async def serve_with(**told: object) -> AsyncIterator[Running]:
        anywhere = Address("127.0.0.1", 0)
        settings = Settings(
            database=sqlite_databases.migrated(), grpc=anywhere, http=anywhere, administrator_token=ADMINISTRATOR
        )
        async with serving(replace(settings, **told)) as addresses:
            yield Running(grpc=addresses.grpc, http=addresses.http)

    return serve_with


@pytest.fixture
def running(served: tuple[Running, Engine]) -> Running:
    """The registry, with nothing in it."""
    running, engine = served
    with engine.begin() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
    return running


@pytest.fixture
async def shop(running: Running) -> Member:
    return await running.enrol("shop")


@pytest.fixture
async def bank(running: Running) -> Member:
    return await running.enrol("bank")


@pytest.fixture
async def client(running: Running, shop: Member) -> AsyncIterator[RegistryClient]:
    """A client that signs as the shop."""
    async with running.client(shop) as client:
        yield client


@dataclass
class Process:
    """`python -m callboard_registry`, started for a test."""

    running: Running
    database: str
    process: asyncio.subprocess.Process

    async def ended(self) -> tuple[int, str]:
        _, errors = await asyncio.wait_for(self.process.communicate(), timeout=60)
        assert self.process.returncode is not None
        return self.process.returncode, errors.decode()


@pytest.fixture
def launch(tmp_path: Path):
    """Start a registry process; what is left of it is killed at the end of the block."""

    @asynccontextmanager
    async def launch(*, ready: bool = True, **environment: str) -> AsyncIterator[Process]:
        grpc_address, http_address = (Address("127.0.0.1", free_port()) for _ in range(2))
        variables = {
            "CALLBOARD_HOME": str(tmp_path),
            "CALLBOARD_REGISTRY_GRPC": str(grpc_address),
            "CALLBOARD_REGISTRY_HTTP": str(http_address),
            "CALLBOARD_REGISTRY_ADMIN_TOKEN": ADMINISTRATOR,
            "CALLBOARD_REGISTRY_DATABASE": f"sqlite:///{tmp_path / 'registry.db'}",
            **environment,
        }
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CALLBOARD_")}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "callboard_registry",
            env={**kept, **variables},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            if ready:
                await _answers(grpc_address, process)
            yield Process(
                Running(grpc=grpc_address, http=http_address), variables["CALLBOARD_REGISTRY_DATABASE"], process
            )
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()

    return launch


async def _answers(address: Address, process: asyncio.subprocess.Process) -> None:
    channel = grpc.aio.insecure_channel(str(address), options=[("grpc.max_reconnect_backoff_ms", 200)])
    waiting: list[Awaitable[object]] = [
        asyncio.ensure_future(channel.channel_ready()),
        asyncio.ensure_future(process.wait()),
    ]
    try:
        done, pending = await asyncio.wait(waiting, timeout=60, return_when=asyncio.FIRST_COMPLETED)
        for each in pending:
            each.cancel()
        assert waiting[0] in done, "the registry did not come up"
    finally:
        await channel.close()
