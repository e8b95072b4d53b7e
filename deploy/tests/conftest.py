"""Stacks for the tests of the command: real processes in a folder of their own, on free ports."""

from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import pytest

from callboard.stack.lifecycle import PartState, Stack, started, stop
from callboard.stack.parts import plan


class Told:
    """Remembers what a person would have been told."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.states: list[tuple[str, str]] = []

    def say(self, line: str) -> None:
        self.lines.append(line)

    def changed(self, state: PartState) -> None:
        self.states.append((state.part.name, state.state))


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
