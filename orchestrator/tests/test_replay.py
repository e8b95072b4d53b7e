"""Runs that were recorded go on under today's workflows and schedule what they scheduled. Renew: `make histories`."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowHistory

from callboard_kit.replaying import Gate, scheduled_events
from callboard_kit.testing.replay import assert_replays, histories
from callboard_orchestrator.watch.workflows import ApplyRemedy, Wake
from callboard_orchestrator.workflows import Orchestrate, Relocate

RECORDED = Path(__file__).parent / "histories"
WORKFLOWS = (Orchestrate, Relocate, Wake, ApplyRemedy)

Change = Callable[[dict[str, Any]], None]


async def test_recorded_runs_go_on_and_schedule_the_same():
    await assert_replays(RECORDED, team="orchestrator", workflows=WORKFLOWS)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    return shutil.copytree(RECORDED, tmp_path / "histories")


def changed(folder: Path, name: str, kind: str, change: Change) -> Path:
    """Change the first event of a kind in a copied history, and what is on file to go with it."""
    path = folder / name
    document = json.loads(path.read_text())
    change(next(event[kind] for event in document["events"] if kind in event))
    path.write_text(json.dumps(document))
    told = scheduled_events(WorkflowHistory.from_json("copy", path.read_text()))
    path.with_name(f"{path.stem}.scheduled.json").write_text(json.dumps(told))
    return path


OPERATION = "nexusOperationScheduledEventAttributes"
ACTIVITY = "activityTaskScheduledEventAttributes"
OTHER_INPUT = "eyJlbWFpbCI6ICJzb21lYm9keUBlbHNlLmV4YW1wbGUifQ=="


@pytest.mark.parametrize(
    ("name", "kind", "change", "told"),
    [
        pytest.param(
            "Relocate.json",
            OPERATION,
            lambda event: event.update(endpoint="elsewhere"),
            "operation customers.v1 find_user_id_by_name_zip: endpoint was 'elsewhere', is 'customers'",
            id="another endpoint",
        ),
        pytest.param(
            "Relocate.json",
            OPERATION,
            lambda event: event.update(scheduleToCloseTimeout="31s"),
            "schedule_to_close was 31.0, is 30.0",
            id="another time limit of an operation",
        ),
        pytest.param(
            "Relocate.json",
            OPERATION,
            lambda event: event["input"].update(data=OTHER_INPUT),
            "find_user_id_by_name_zip: input was",
            id="another input of an operation",
        ),
        pytest.param(
            "Relocate.json",
            OPERATION,
            lambda event: event["nexusHeader"].pop("callboard-token"),
            "headers was [], is ['callboard-token']",
            id="a call without a token",
        ),
        pytest.param(
            "Orchestrate.json",
            ACTIVITY,
            lambda event: event.update(startToCloseTimeout="21s"),
            "activity offered_operations: start_to_close was 21.0, is 20.0",
            id="another time limit of an activity",
        ),
        pytest.param(
            "Orchestrate.json",
            ACTIVITY,
            lambda event: event["retryPolicy"].update(maximumAttempts=3),
            "activity offered_operations: retries was",
            id="another number of attempts",
        ),
        pytest.param(
            "Orchestrate.json",
            "workflowExecutionCompletedEventAttributes",
            lambda event: event["result"]["payloads"][0].update(data=OTHER_INPUT),
            "result: output was",
            id="another result",
        ),
    ],
)
async def test_what_the_replayer_alone_does_not_notice_is_noticed(copied, name, kind, change, told):
    path = changed(copied, name, kind, change)

    # Going on is not the matter: Temporal's own check has nothing to say.
    history = WorkflowHistory.from_json("copy", path.read_text())
    assert (await Gate("orchestrator", WORKFLOWS).judge(history)).verdict == "changed"

    with pytest.raises(AssertionError, match="scheduled when it was recorded") as caught:
        await assert_replays(copied, team="orchestrator", workflows=WORKFLOWS)

    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("name", "kind", "change"),
    [
        pytest.param(
            "Relocate.json", OPERATION, lambda event: event.update(operation="find_user"), id="another operation"
        ),
        pytest.param(
            "Orchestrate.json", ACTIVITY, lambda event: event["activityType"].update(name="ask"), id="another activity"
        ),
    ],
)
async def test_a_run_that_took_another_turn_is_noticed(copied, name, kind, change):
    changed(copied, name, kind, change)

    with pytest.raises(AssertionError, match="today's code takes another turn"):
        await assert_replays(copied, team="orchestrator", workflows=WORKFLOWS)


async def test_what_is_on_file_counts_too(copied):
    path = copied / "Relocate.scheduled.json"
    path.write_text(path.read_text().replace('"schedule_to_close": 300.0', '"schedule_to_close": 3.0'))

    with pytest.raises(AssertionError, match=r"on file in Relocate\.scheduled\.json"):
        await assert_replays(copied, team="orchestrator", workflows=WORKFLOWS)


async def test_a_workflow_without_a_history_is_noticed(copied):
    for path in histories(copied):
        if path.stem == "Relocate":
            path.unlink()

    with pytest.raises(AssertionError, match="histories are needed of"):
        await assert_replays(copied, team="orchestrator", workflows=WORKFLOWS)
