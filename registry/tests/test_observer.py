"""The observer's process: its jobs do not stop each other, it waits for nothing, and it ends when told to."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from callboard_kit.settings import SettingsError
from callboard_registry.database import Database
from callboard_registry.observations import Note, Observations
from callboard_registry.observer.jobs import Job, keep_doing
from callboard_registry.observer.settings import Settings
from callboard_registry.seen import SeenJob

SOON = timedelta(milliseconds=10)


@pytest.fixture
def notes(any_database: Callable[[], str]) -> Iterator[Observations]:
    database = Database.open(any_database.migrated())
    yield Observations(database)
    database.close()


@asynccontextmanager
async def doing(notes: Observations, *jobs: Job) -> AsyncIterator[None]:
    stop = asyncio.Event()
    working = asyncio.create_task(keep_doing(jobs, notes=notes, stop=stop))
    try:
        async with asyncio.timeout(60):
            yield
    finally:
        stop.set()
        await working


async def until(notes: Observations, condition: Callable[[dict[str, Note[SeenJob]]], bool]) -> dict[str, SeenJob]:
    while not condition(found := notes.all(SeenJob)):  # noqa: ASYNC110 - no event tells of what is in a database
        await asyncio.sleep(0.01)
    return {name: note.seen for name, note in found.items()}


async def test_a_job_that_fails_hangs_or_is_slow_stops_no_other(notes: Observations) -> None:
    rounds = 0

    async def good() -> None:
        nonlocal rounds
        rounds += 1

    async def bad() -> None:
        raise ValueError("of no\nuse")

    async def endless() -> None:
        await asyncio.Event().wait()

    async with doing(
        notes,
        Job(name="bad", every=SOON, work=bad),
        Job(name="endless", every=SOON, work=endless),
        Job(name="late", every=SOON, work=endless, longest=SOON),
        Job(name="good", every=SOON, work=good),
    ):
        seen = await until(notes, lambda held: {"bad", "late", "good"} <= held.keys() and rounds > 3)

    assert seen["good"].error == ""
    assert seen["good"].succeeded is not None
    assert seen["good"].process.startswith(f"{os.getpid()}@")
    assert (seen["bad"].error, seen["bad"].succeeded) == ("ValueError: of no use", None)
    assert seen["late"].error == "it took longer than 0.01 s"
    assert "endless" not in seen


async def test_a_job_that_works_again_says_so(notes: Observations) -> None:
    rounds = iter([False, True])

    async def uncertain() -> None:
        if not next(rounds, True):
            raise ValueError("not yet")

    async with doing(notes, Job(name="uncertain", every=SOON, work=uncertain)):
        seen = await until(notes, lambda held: "uncertain" in held and held["uncertain"].seen.error == "")

    assert seen["uncertain"].succeeded is not None


async def test_a_job_goes_on_when_its_diary_cannot_be_written(tmp_path: Path) -> None:
    rounds = asyncio.Semaphore(0)
    # No tables: nothing can be written.
    database = Database(create_engine(f"sqlite:///{tmp_path / 'empty.db'}"))

    async def good() -> None:
        rounds.release()

    async with doing(Observations(database), Job(name="good", every=SOON, work=good)):
        for _ in range(3):
            await rounds.acquire()
    database.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_process_starts_without_temporal_says_what_is_wrong_and_ends_when_told(
    tmp_path: Path, number: signal.Signals
) -> None:
    variables = {
        "CALLBOARD_HOME": str(tmp_path),
        "CALLBOARD_OBSERVER_INTERVAL": "0.1",
        "TEMPORAL_ADDRESS": "127.0.0.1:1",
        "TEMPORAL_CONFIG_FILE": str(tmp_path / "none.toml"),
    }
    (tmp_path / "none.toml").touch()
    async with observer(variables) as process:
        assert process.stderr is not None
        async with asyncio.timeout(60):
            async for line in process.stderr:
                if b"WARNING callboard_registry.observer.jobs: look: " in line:
                    break
        process.send_signal(number)
        async with asyncio.timeout(60):
            rest = await process.stderr.read()
            code = await process.wait()

    database = Database.open(f"sqlite:///{tmp_path / 'registry.db'}")
    look = Observations(database).all(SeenJob)["look"].seen
    database.close()
    assert code == 0
    assert rest.decode().splitlines()[-1].endswith("stopped")
    assert (look.process, look.succeeded) == (f"{process.pid}@{os.uname().nodename}", None)
    assert look.error


@pytest.mark.parametrize(
    ("variables", "line"),
    [
        ({"CALLBOARD_OBSERVER_INTERVAL": "often"}, "CALLBOARD_OBSERVER_INTERVAL is 'often'; it must be a number"),
        ({"CALLBOARD_REGISTRY_DATABASE": "sqlite:////nowhere/x.db"}, "cannot be opened for writing"),
        ({"TEMPORAL_PROFILE": "nobody-made-it"}, "Temporal's own configuration cannot be used"),
    ],
)
async def test_what_keeps_it_from_starting_is_one_line(tmp_path: Path, variables: dict[str, str], line: str) -> None:
    (tmp_path / "none.toml").touch()
    told = {"CALLBOARD_HOME": str(tmp_path), "TEMPORAL_CONFIG_FILE": str(tmp_path / "none.toml"), **variables}
    async with observer(told) as process:
        async with asyncio.timeout(60):
            _, said = await process.communicate()

    assert process.returncode == 1
    assert said.decode().startswith("observer: ")
    assert line in said.decode()
    assert len(said.decode().splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CALLBOARD_OBSERVER_INTERVAL", "0"),
        ("CALLBOARD_OBSERVER_BACKLOG", "-1"),
        ("CALLBOARD_OBSERVER_BACKLOG", "nan"),
        ("CALLBOARD_OBSERVER_DESCRIPTIONS", "perhaps"),
        ("CALLBOARD_REGISTRY_KEEP_CALLS", "0"),
        ("CALLBOARD_REGISTRY_KEEP_CALLS", "for ever"),
        ("CALLBOARD_AUDIT_REQUESTS", "0"),
        ("CALLBOARD_AUDIT_REQUESTS", "inf"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} is {value!r}"):
        Settings.from_environment({"CALLBOARD_HOME": str(tmp_path), name: value})


@asynccontextmanager
async def observer(variables: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CALLBOARD_", "TEMPORAL_"))}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "callboard_registry.observer", env={**kept, **variables}, stderr=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
