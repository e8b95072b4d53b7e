"""A run that was recorded goes on under today's loop, and today's loop still schedules what it scheduled then.

The replayer compares kinds and names of what is scheduled; it does not look at
endpoints, inputs and time limits, so those are compared with what was recorded.
After a change that is meant to change them: `CALLBOARD_RECORD=1 pytest kit/tests/agent/test_replay.py`.
"""

import json
import os
from pathlib import Path

import pytest
from agent_flows import SANDBOX, Assistant, Case, agent_worker
from google.protobuf.json_format import MessageToDict
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from callboard_kit.testing.models import ScriptedModel, calling

RECORDED = Path(__file__).parent / "histories"
HISTORY = RECORDED / "assistant.json"
SCHEDULED = RECORDED / "assistant.scheduled.json"
SHOP = "shop-of-the-recording"


async def run(stage) -> WorkflowHistory:
    """Do what was recorded: calls side by side, one refused, one malformed, an activity."""
    model = ScriptedModel(
        [calling("shop_v1__price", {"name": "tea"}), calling("shop_v1__refuse", {"name": "cup"})],
        [calling("shop_v1__price", {}), calling("look_up", {"name": "tea"})],
        "Done.",
    )
    async with agent_worker(stage.client, stage.task_queue, model.call_model):
        handle = await stage.client.start_workflow(
            Assistant.run,
            Case(goal="Look around.", endpoint=stage.endpoint),
            id=f"recorded-{stage.endpoint}",
            task_queue=stage.task_queue,
        )
        await handle.result()
    return await handle.fetch_history()


def scheduled(history: WorkflowHistory, endpoint: str) -> object:
    """Take from a history all that was scheduled, without what differs from run to run."""
    found = []
    for event in history.events:
        for kind in ("activity_task_scheduled_event_attributes", "nexus_operation_scheduled_event_attributes"):
            if event.HasField(kind):
                attributes = MessageToDict(getattr(event, kind))
                for changing in ("workflowTaskCompletedEventId", "requestId", "endpointId", "taskQueue", "header"):
                    attributes.pop(changing, None)
                found.append(attributes)
    return json.loads(json.dumps(found).replace(endpoint, SHOP))


async def test_a_recorded_run_goes_on_under_the_loop_of_today(stage):
    if os.environ.get("CALLBOARD_RECORD"):
        HISTORY.parent.mkdir(exist_ok=True)
        HISTORY.write_text((await run(stage)).to_json() + "\n")
    history = WorkflowHistory.from_json("recorded", HISTORY.read_text())

    replayer = Replayer(workflows=[Assistant], data_converter=pydantic_data_converter, workflow_runner=SANDBOX)
    replayed = await replayer.replay_workflow(history, raise_on_replay_failure=False)

    assert replayed.replay_failure is None


async def test_the_loop_schedules_what_it_scheduled_when_it_was_recorded(stage):
    history = await run(stage)
    if os.environ.get("CALLBOARD_RECORD"):
        SCHEDULED.write_text(json.dumps(scheduled(history, stage.endpoint), indent=1) + "\n")

    assert scheduled(history, stage.endpoint) == json.loads(SCHEDULED.read_text())


async def test_a_run_that_took_another_turn_than_the_loop_of_today_is_noticed(stage):
    told = (await run(stage)).to_json().replace("callboard.call_model", "callboard.ask_model")

    replayer = Replayer(workflows=[Assistant], data_converter=pydantic_data_converter, workflow_runner=SANDBOX)

    with pytest.raises(Exception, match=r"\[TMPRL1100\]"):
        await replayer.replay_workflow(WorkflowHistory.from_json("changed", told))
