"""`callboard locks` shows who works on which record, and says so when nobody answers."""

import asyncio
import json
from pathlib import Path

import pytest
from temporalio.client import WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy

from callboard.command import run_command
from callboard_kit.entities.lock import EntityLock
from callboard_kit.entities.messages import Claim, LockState
from callboard_kit.entities.naming import Entity, lock_id
from callboard_kit.testing import LocalMesh

ORDER = Entity("order_id", "#W1")


async def command(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = await asyncio.to_thread(run_command, arguments)
    return code, *capsys.readouterr()


async def test_who_holds_and_who_waits_is_shown_in_the_order_of_their_turns(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    async with LocalMesh.running(teams=("orders",)) as mesh:
        monkeypatch.setenv("TEMPORAL_ADDRESS", mesh.address)
        async with mesh.member("orders") as client:
            for number in range(3):
                await client.execute_update_with_start_workflow(
                    EntityLock.take,
                    Claim(holder=f"w{number}/r{number}", operation="orders.v1 change", caller="support", root="tree"),
                    start_workflow_operation=WithStartWorkflowOperation(
                        EntityLock.run,
                        LockState(team="orders", name=ORDER.name, shown=ORDER.shown),
                        id=lock_id("orders", ORDER.name),
                        task_queue="orders",
                        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                    ),
                )

            async with asyncio.timeout(60):
                listed: list[dict[str, object]] = []
                while not listed:  # What has just begun is listed a moment later.
                    _, out, _ = await command(capsys, "locks", "list", "orders", "--json")
                    listed = json.loads(out)
            shown = await command(capsys, "locks", "show", "orders", "order_id", "#W1", "--json")
            table = await command(capsys, "locks", "list", "orders")
            nobody = await command(capsys, "locks", "show", "orders", "order_id", "#W2")

        silent = await command(capsys, "locks", "list", "orders")

    assert [each["record"] for each in listed] == ["order_id '#W1'"]
    [held] = listed[0]["holding"]
    assert (held["operation"], held["caller"], held["workflow_id"], held["run_id"]) == (
        "orders.v1 change",
        "support",
        "w0",
        "r0",
    )
    assert [each["workflow_id"] for each in listed[0]["waiting"]] == ["w1", "w2"]
    assert json.loads(shown[1]) == listed[0]
    assert "order_id '#W1'" in table[1]
    assert nobody == (0, "nobody works on order_id '#W2' of orders\n", "")
    assert silent[0] == 1
    assert "no worker of team 'orders' answers for its locks" in silent[2]


async def test_a_team_that_is_not_there_is_one_line(home: Path, capsys: pytest.CaptureFixture[str]):
    code, out, err = await command(capsys, "locks", "show", "nobody", "order_id", "#W1")

    assert (code, out) == (1, "")
    assert err.startswith("callboard: there is no team 'nobody' here; the teams are ")
