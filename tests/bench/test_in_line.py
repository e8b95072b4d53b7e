"""What the benchmark of locks reads in a lock's history."""

import json
from collections.abc import Iterable

import pytest
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from bench.in_line import read


def take(holder: str) -> HistoryEvent:
    event = HistoryEvent(event_type=EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED)
    asked = event.workflow_execution_update_accepted_event_attributes.accepted_request.input
    asked.name = "take"
    asked.args.CopyFrom(written({"holder": holder}))
    return event


def grant(holder: str) -> HistoryEvent:
    event = HistoryEvent(event_type=EventType.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED)
    given = event.signal_external_workflow_execution_initiated_event_attributes
    given.input.CopyFrom(written({"holder": holder}))
    return event


def release(holder: str) -> HistoryEvent:
    event = HistoryEvent(event_type=EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED)
    event.workflow_execution_signaled_event_attributes.signal_name = "release"
    event.workflow_execution_signaled_event_attributes.input.CopyFrom(written(holder))
    return event


def written(document: object) -> Payloads:
    return Payloads(payloads=[Payload(data=json.dumps(document).encode())])


def history(taken: Iterable[str], *turns: str) -> list[HistoryEvent]:
    first, *others = turns
    return [*map(take, taken), release(first), *(event for each in others for event in (grant(each), release(each)))]


def test_whoever_asks_again_keeps_their_place_and_is_in_turn() -> None:
    assert read(history("abcb", "a", "b", "c")).out_of_turn == 0


@pytest.mark.parametrize(
    ("turns", "wrong"), [("acb", 2), ("ab", 1), ("abcd", 1)], ids=["overtaken", "never served", "served unasked"]
)
def test_whoever_is_not_served_in_turn_counts(turns: str, wrong: int) -> None:
    assert read(history("abc", *turns)).out_of_turn == wrong


def test_whoever_gives_back_what_another_was_given_counts() -> None:
    events = [take("a"), take("b"), take("c"), release("a"), grant("b"), grant("c"), release("c"), release("b")]

    assert read(events).out_of_turn == 2
