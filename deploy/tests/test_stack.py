"""A stack comes up, heals, is found again and goes away, whatever happened to the one before."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import psutil
import pytest

from callboard.failures import CommandError
from callboard.stack import leftovers, record
from callboard.stack.lifecycle import PartState, Stack, running, started, states, stop
from callboard.stack.parts import PORTS, plan, prepare_home, process_environment
from callboard.stack.supervision import socket_path, write_configuration
from callboard_kit.ports import LOOPBACK, free_ports, is_free

from .conftest import Told


async def test_a_process_that_is_killed_comes_back_and_is_told_of(servers: Stack, told: Told) -> None:
    before = servers.states["valkey"].pid
    assert before is not None
    back = asyncio.Event()

    def changed(state: PartState) -> None:
        told.changed(state)
        if state.restarts and state.state == "ready":
            back.set()

    watching = asyncio.create_task(servers.watch(changed=changed))
    os.kill(before, signal.SIGKILL)
    try:
        async with asyncio.timeout(60):
            await back.wait()
    finally:
        watching.cancel()

    assert servers.states["valkey"].pid != before
    assert [part.state for part in servers.states.values()] == ["ready"] * 6
    assert told.states[-1] == ("valkey", "ready")


async def test_a_running_stack_is_found_by_others_and_not_started_twice(
    servers: Stack, told: Told, every_team: list[str]
) -> None:
    home = servers.plan.home
    found = running(home)
    assert found is not None
    assert {state.state for state in states(found).values()} <= {"running", "starting"}
    assert found.addresses == {part.name: part.address for part in servers.plan.parts}

    with pytest.raises(CommandError, match="already running"):
        async with started(home, say=told.say, changed=told.changed, without=every_team):
            pass

    assert running(home) is not None


async def test_what_a_crashed_stack_left_running_is_ended_and_stopping_leaves_nothing(
    home: Path, told: Told, every_team: list[str]
) -> None:
    async with started(home, say=told.say, changed=told.changed, without=every_team, keep=lambda: True) as first:
        assert first.record.supervisor is not None
        os.kill(first.record.supervisor, signal.SIGKILL)
        psutil.Process(first.record.supervisor).wait(5)
    orphans = leftovers.marked(first.record.id)
    assert len(orphans) == 6

    async with started(home, say=told.say, changed=told.changed, without=every_team) as second:
        assert leftovers.marked(first.record.id) == []
        assert second.plan.ports == first.plan.ports

    assert leftovers.marked(second.record.id) == []
    assert [name for name, port in second.plan.ports.items() if not is_free(port)] == []
    assert not stop(home)
    [line] = [line for line in told.lines if line.startswith("an earlier mesh ended")]
    assert "callboard_registry (" in line
    assert "temporal (" in line


async def test_ctrl_c_stops_all_of_it(home: Path, every_team: list[str]) -> None:
    without = [word for team in every_team for word in ("--without", team)]
    command = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from callboard.command import main; main()",
        "up",
        *without,
        stderr=subprocess.PIPE,
    )
    assert command.stderr is not None
    async with asyncio.timeout(60):
        said = [line async for line in _until_line(command.stderr, "the mesh is up")]
        command.send_signal(signal.SIGINT)
        rest = (await command.stderr.read()).decode()
        code = await command.wait()

    assert "valkey: ready at" in "\n".join(said)
    assert "stopping the mesh" in rest
    assert code == 0
    found = record.load(home)
    assert found is not None
    assert leftovers.marked(found.id) == []


def test_a_busy_port_of_a_range_is_named_with_who_listens(home: Path) -> None:
    base = next(
        base
        for [base] in iter(lambda: free_ports(1), ())
        if all(is_free(base + offset) for offset in range(len(PORTS)))
    )
    with socket.create_server((LOOPBACK, base + 2)), pytest.raises(CommandError) as refused:
        plan(home, port_base=base)

    assert f"port {base + 2} for registry is in use by" in str(refused.value)
    assert f"({os.getpid()})" in str(refused.value)


def test_a_remembered_port_that_is_busy_is_replaced_and_told_of(home: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        before = taken.getsockname()[1]
        planned = plan(home, remembered={"valkey": before})

    assert planned.ports["valkey"] != before
    assert [note for note in planned.notes if f"port {before}, which valkey had before" in note] == list(planned.notes)


def test_remembered_ports_are_taken_again(home: Path) -> None:
    remembered: dict[str, int] = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))

    assert plan(home, remembered=remembered).ports == remembered


def test_secrets_are_in_no_file_but_their_own(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "a-secret-of-mine")
    planned = plan(home)
    prepare_home(home)
    configuration = write_configuration(home, planned.parts)

    assert process_environment(planned, stack="1")["OPENAI_API_KEY"] == "a-secret-of-mine"
    assert "offline-model" not in {part.name for part in planned.parts}
    assert "a-secret-of-mine" not in configuration.read_text()
    assert "a-secret-of-mine" not in repr(planned)
    assert configuration.stat().st_mode & 0o777 == 0o600
    assert (home / "registry-admin-token").stat().st_mode & 0o777 == 0o600


def test_a_real_key_is_not_given_to_the_offline_model(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", "a-secret-of-mine")

    assert process_environment(plan(home), stack="1")["OPENAI_API_KEY"] == "offline"


def test_a_home_whose_path_is_too_long_for_a_socket_gets_one_elsewhere(home: Path) -> None:
    deep = home / ("a" * 100)

    assert socket_path(home).name == "supervisor.sock"
    assert len(os.fsencode(socket_path(deep))) < 100


def test_a_record_that_no_stack_wrote_is_named(tmp_path: Path) -> None:
    (tmp_path / "stack.json").write_text("{")

    with pytest.raises(CommandError, match="delete it"):
        record.load(tmp_path)


async def _until_line(stream: asyncio.StreamReader, beginning: str) -> AsyncGenerator[str]:
    async for line in stream:
        text = line.decode().rstrip()
        yield text
        if text.startswith(beginning):
            return
