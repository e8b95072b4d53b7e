"""What is wrong is told on one line at every door of a running mesh, and nothing is lost by it."""

import asyncio
import os
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import pytest

from callboard_contracts import RefusedError
from callboard_kit.ports import free_ports
from tests.playing.commands import Said
from tests.playing.commands import command as run_command
from tests.playing.stage import Stage
from tests.playing.tasks import TaskSet, own

# The first test of a run also starts the mesh; commands take a while to start on a busy machine.
pytestmark = pytest.mark.timeout(300)

ORDER = "#W2309762"
CANCEL = {"order_id": ORDER, "reason": "no longer needed"}
CALLBOARD = ("-c", "from callboard.command import main; main()")
TWO_MEGABYTES = 2 * 1024 * 1024


@pytest.fixture
async def untouched(stage: Stage) -> AsyncIterator[TaskSet]:
    """The tests' own records, which must be the same afterwards and without the trace of an effect."""
    tasks = own()
    await stage.fill(tasks)
    yield tasks
    assert stage.books.changed(tasks.records) == {}
    assert stage.books.effects() == {}


async def run(stage: Stage, *line: str, given: bytes = b"", home: Path | None = None, **variables: str) -> Said:
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("CALLBOARD_", "TEMPORAL_"))}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *line,
        env={**outside, "CALLBOARD_HOME": str(home or stage.home), **variables},
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
    )
    out, err = await process.communicate(given)
    assert process.returncode is not None
    return Said(code=process.returncode, out=out.decode(), err=err.decode())


async def command(stage: Stage, *arguments: str, given: bytes = b"", **variables: str) -> Said:
    return await run_command({"CALLBOARD_HOME": str(stage.home), **variables}, *arguments, given=given)


def is_one_line(said: Said, *words: str) -> bool:
    told = said.code == 1 and said.out == "" and said.err.startswith("callboard: ") and said.err.count("\n") == 1
    return told and all(word in said.err for word in words)


BAD_CALLS: Mapping[str, tuple[Sequence[str], bytes, Sequence[str]]] = {
    "a service that nobody serves": (["weather.v1", "ask"], b"", ["no contract for service 'weather.v1'"]),
    "an operation that the service has not": (["orders.v1", "burn"], b"", ["'orders.v1' has no operation 'burn'"]),
    "an input that breaks the schema": (
        ["orders.v1", "modify_pending_order_items", "--input", "-"],
        b'{"order_id": "#W1", "item_ids": ["1", 2], "new_item_ids": ["3", "4"], "payment_method_id": "p"}',
        ["item_ids.1"],
    ),
    "an input that is too large": (
        ["orders.v1", "get_order_details", "--input", "-"],
        b'{"order_id": "#' + b"a" * TWO_MEGABYTES + b'"}',
        ["'order_id'", "at most"],
    ),
    "a caller that policy does not list": (
        ["orders.v1", "cancel_pending_order", "--as", "inventory", "--input", "-"],
        b'{"order_id": "#W2309762", "reason": "no longer needed"}',
        ["no rule of the provider's policy lets 'inventory' call orders.v1 cancel_pending_order"],
    ),
    "a caller without a key": (
        ["orders.v1", "get_order_details", "--as", "nobody", "--input", "-"],
        b'{"order_id": "#W1"}',
        ["'nobody' has no key"],
    ),
    "an order that does not exist": (
        ["orders.v1", "get_order_details", "--input", "-"],
        b'{"order_id": "#W0"}',
        ["there is no order '#W0'"],
    ),
}


@pytest.mark.parametrize(("arguments", "given", "words"), BAD_CALLS.values(), ids=BAD_CALLS)
async def test_a_bad_call_is_one_line(
    stage: Stage, untouched: TaskSet, arguments: Sequence[str], given: bytes, words: Sequence[str]
):
    said = await command(stage, "call", *arguments, given=given)

    assert is_one_line(said, *words), said


async def test_a_good_call_after_all_of_them_is_answered(stage: Stage, untouched: TaskSet):
    said = await command(stage, "call", "orders.v1", "get_order_details", "--input", f'{{"order_id": "{ORDER}"}}')

    assert (said.code, said.err) == (0, "")
    assert f'"order_id": "{ORDER}"' in said.out


FROM_BEHIND: Mapping[str, tuple[str, str, object, str]] = {
    "a service that nobody serves": ("orders", "orders.v9", CANCEL, "orders.v9"),
    "an operation that the service has not": ("orders", "burn", CANCEL, "burn"),
    "an endpoint that does not exist": (
        "weather",
        "cancel_pending_order",
        CANCEL,
        "no Nexus endpoint 'weather' exists",
    ),
    "a field of the wrong type": ("orders", "cancel_pending_order", {**CANCEL, "order_id": 7}, "order_id"),
    "a field that is missing": ("orders", "cancel_pending_order", {"order_id": ORDER}, "reason"),
    "a value that is not one of those": ("orders", "cancel_pending_order", {**CANCEL, "reason": "dull"}, "reason"),
    "no object at all": ("orders", "cancel_pending_order", "everything", "orders.v1 cancel_pending_order"),
    "an input that is too large": (
        "orders",
        "cancel_pending_order",
        {**CANCEL, "reason": "a" * TWO_MEGABYTES},
        "bytes",
    ),
}


@pytest.mark.parametrize(("endpoint", "what", "sent", "word"), FROM_BEHIND.values(), ids=FROM_BEHIND)
async def test_who_leaves_out_the_contract_is_refused_by_the_mesh(
    stage: Stage, untouched: TaskSet, endpoint: str, what: str, sent: object, word: str
):
    service, operation = (what, "cancel_pending_order") if "." in what else ("orders.v1", what)

    with pytest.raises(RefusedError) as refused:
        await stage.call("orchestrator", service, operation, sent, endpoint=endpoint)

    assert word in str(refused.value)
    assert "\n" not in str(refused.value)


async def test_a_temporal_that_is_not_there_is_named(stage: Stage, untouched: TaskSet):
    [port] = free_ports(1)

    said = await command(
        stage,
        "call",
        "orders.v1",
        "get_order_details",
        "--input",
        '{"order_id": "#W1"}',
        TEMPORAL_ADDRESS=f"127.0.0.1:{port}",
    )

    assert is_one_line(said, f"no Temporal answers at '127.0.0.1:{port}'", "TEMPORAL_ADDRESS"), said


async def test_a_port_in_use_is_named_and_the_mesh_that_runs_goes_on(stage: Stage, untouched: TaskSet, tmp_path: Path):
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]

        said = await run(stage, *CALLBOARD, "up", "--port-base", str(port), home=tmp_path)

    assert is_one_line(said, f"port {port} for temporal is in use by "), said


async def test_a_mesh_is_not_started_twice_in_one_home(stage: Stage, untouched: TaskSet):
    said = await run(stage, *CALLBOARD, "up")

    assert is_one_line(said, "a mesh is already running", "callboard down"), said


async def test_a_team_file_with_an_unknown_key_is_named_and_the_worker_does_not_start(stage: Stage, tmp_path: Path):
    room = tmp_path / "callboard_team_paint"
    room.mkdir()
    (room / "__init__.py").touch()
    (room / "team.toml").write_text('owner = "Paint"\ncontact = "paint@example.com"\ncolour = "red"\n')
    (room / "__main__.py").write_text('from callboard_kit import serve\n\nserve("callboard_team_paint")\n')
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))

    said = await run(stage, "-m", "callboard_team_paint", **{**stage.environment, "PYTHONPATH": path})

    assert said.code == 1
    assert said.err == (
        "paint: callboard_team_paint/team.toml: unknown key 'colour';"
        " take it out, or see docs/add-a-team.md for the keys there are\n"
    )


async def test_a_worker_whose_temporal_is_not_there_says_so_and_waits_for_it(stage: Stage):
    [port] = free_ports(1)
    address = f"127.0.0.1:{port}"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "callboard_team_inventory",
        env={**os.environ, **stage.environment, "TEMPORAL_ADDRESS": address},
        stdout=DEVNULL,
        stderr=PIPE,
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(60):
            line = await process.stderr.readline()
        assert f"no Temporal answers at {address!r}" in line.decode()
    finally:
        process.terminate()
        await process.communicate()
    assert process.returncode == 0
