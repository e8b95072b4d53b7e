"""A lock that is at work goes on under today's code: `make histories` records one that several came to."""

import json
from pathlib import Path

from temporalio.client import WorkflowHistory

from callboard_kit.entities.lock import EntityLock
from callboard_kit.replaying import Gate

HISTORY = Path(__file__).parent / "histories" / "EntityLock.json"


async def test_a_recorded_lock_goes_on_and_schedules_the_same():
    text = HISTORY.read_text(encoding="utf-8")

    judged = await Gate("orders", [EntityLock]).judge(WorkflowHistory.from_json("lock", text))

    assert (judged.verdict, list(judged.why)) == ("same", [])


def test_the_recorded_lock_was_waited_for():
    events = json.loads(HISTORY.read_text(encoding="utf-8"))["events"]
    granted = [each for each in events if "signalExternalWorkflowExecutionInitiatedEventAttributes" in each]

    assert len(granted) >= 2
