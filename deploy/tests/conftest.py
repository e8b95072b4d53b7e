"""Stacks for the tests of the command: real processes in a folder of their own, on free ports."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import pytest

from callboard.stack.lifecycle import PartState, Stack, started, stop
from callboard.stack.parts import plan
from callboard_registry.server import serving
from callboard_registry.settings import Address, Settings

ADMINISTRATOR = "administrator-for-tests"


class Told:
    """Remembers what a person would have been told."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.states: list[tuple[str, str]] = []

    def say(self, line: str) -> None:
        self.lines.append(line)

    def changed(self, state: PartState) -> None:
        self.states.append((state.part.name, state.state))


class Registry:
    """A registry on a thread of its own, because each command brings its own event loop."""

    def __init__(self, home: Path, *, reading_needs_token: bool = False) -> None:
        anywhere = Address("127.0.0.1", 0)
        self._settings = Settings(
            database=f"sqlite:///{home / 'registry.db'}",
            grpc=anywhere,
            http=anywhere,
            administrator_token=ADMINISTRATOR,
            reading_needs_token=reading_needs_token,
        )
        self._started = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))
        self.address = ""
        self.console = ""

    async def _serve(self) -> None:
        async with serving(self._settings) as addresses:
            self.address = str(addresses.grpc)
            self.console = f"http://{addresses.http}"
            self._started.set()
            await self._stop.wait()

    def __enter__(self) -> "Registry":
        self._thread.start()
        assert self._started.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        self._loop.close()


@pytest.fixture
def make_registry() -> type[Registry]:
    """Makes registries that run for as long as a block does; their administrator's token is `ADMINISTRATOR`."""
    return Registry


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Path]:
    """A home that no stack has used, also for the command; nothing is left running in it."""
    for name in ("TEMPORAL_ADDRESS", "TEMPORAL_PROFILE", "TEMPORAL_CONFIG_FILE", "CALLBOARD_REGISTRY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CALLBOARD_HOME", str(tmp_path))
    yield tmp_path
    stop(tmp_path)


@pytest.fixture
def every_team(tmp_path: Path) -> list[str]:
    return list(plan(tmp_path).teams)


@pytest.fixture(scope="module")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Stack]:
    """A stack without workers, which is quicker: Temporal, Valkey, the registry, the offline model, the observer."""
    home, told = tmp_path_factory.mktemp("stack"), Told()
    async with started(home, say=told.say, changed=told.changed, without=list(plan(home).teams)) as stack:
        yield stack
