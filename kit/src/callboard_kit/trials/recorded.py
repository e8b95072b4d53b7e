"""What a run asked of activities and of other teams, and what it was answered: read from its history."""

import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import temporalio.api.common.v1
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowHistory

Kind = Literal["activity", "operation"]

KEPT: Final = 32
"""Runs whose answers a worker remembers."""

Payload = temporalio.api.common.v1.Payload


@dataclass
class Asked:
    """One thing that a run asked for."""

    kind: Kind
    name: str
    """The activity's, or `<service>.<operation>`."""

    input: Sequence[Payload]
    headers: Mapping[str, Payload]
    answer: Payload | None = None
    failure: tuple[str, str] | None = None
    """The type of the error it was answered with, and its message."""


class Answers:
    """The answers that runs of one namespace were given."""

    def __init__(self) -> None:
        self._of: OrderedDict[str, Sequence[Asked]] = OrderedDict()

    async def of(self, client: Client, copied: str) -> Sequence[Asked]:
        """Return what a run that has ended asked for. `copied` names it, as `Call.copies` does."""
        known = self._of.get(copied)
        if known is None:
            workflow_id, _, run_id = copied.rpartition("\n")
            history = await client.get_workflow_handle(workflow_id, run_id=run_id).fetch_history()
            known = self._of[copied] = await asked_in(client, history)
        self._of.move_to_end(copied)
        while len(self._of) > KEPT:
            self._of.popitem(last=False)
        return known

    async def find(
        self, client: Client, copied: str, kind: Kind, name: str, input: Sequence[Payload], nth: int
    ) -> Asked | None:
        """Return what was answered when the same was asked for the `nth` time, from 0 on, or else for the last time."""
        wanted = content_of(input)
        same = [
            each
            for each in await self.of(client, copied)
            if (each.kind, each.name) == (kind, name)
            and content_of(each.input) == wanted
            and (each.answer is not None or each.failure is not None)
        ]
        return same[min(nth, len(same) - 1)] if same else None


async def asked_in(client: Client, history: WorkflowHistory) -> Sequence[Asked]:
    """Return what a history says was asked for, in order."""
    found: dict[int, Asked] = {}
    for event in history.events:
        if event.HasField("activity_task_scheduled_event_attributes"):
            activity = event.activity_task_scheduled_event_attributes
            found[event.event_id] = Asked(
                "activity",
                activity.activity_type.name,
                await decoded(client, activity.input.payloads),
                dict(activity.header.fields),
            )
        elif event.HasField("nexus_operation_scheduled_event_attributes"):
            operation = event.nexus_operation_scheduled_event_attributes
            found[event.event_id] = Asked(
                "operation",
                f"{operation.service}.{operation.operation}",
                await decoded(client, [operation.input]),
                {},
            )
        elif (answered := _answered(event)) is not None:
            number, payload, failure = answered
            asked = found[number]
            asked.answer = None if payload is None else (await decoded(client, [payload]))[0]
            asked.failure = None if failure is None else _told(failure)
    return list(found.values())


async def decoded(client: Client, payloads: Sequence[Payload]) -> Sequence[Payload]:
    """Return payloads as they were before the team's codec had them, if it has one."""
    codec = client.data_converter.payload_codec
    return list(payloads) if codec is None else await codec.decode(list(payloads))


def content_of(payloads: Sequence[Payload]) -> object:
    """Return what payloads hold: the same for the same JSON, however it is written."""
    held = [_content(each) for each in payloads]
    return held[0] if len(held) == 1 else held


def _content(payload: Payload) -> object:
    try:
        content: object = json.loads(payload.data) if payload.data else None
    except ValueError:
        return payload.data.hex()
    return content


def _answered(event: HistoryEvent) -> tuple[int, Payload | None, Failure | None] | None:
    if event.HasField("activity_task_completed_event_attributes"):
        done = event.activity_task_completed_event_attributes
        return done.scheduled_event_id, (done.result.payloads[0] if done.result.payloads else Payload()), None
    if event.HasField("activity_task_failed_event_attributes"):
        failed = event.activity_task_failed_event_attributes
        return failed.scheduled_event_id, None, failed.failure
    if event.HasField("nexus_operation_completed_event_attributes"):
        answer = event.nexus_operation_completed_event_attributes
        return answer.scheduled_event_id, answer.result, None
    if event.HasField("nexus_operation_failed_event_attributes"):
        refusal = event.nexus_operation_failed_event_attributes
        return refusal.scheduled_event_id, None, refusal.failure
    return None


def _told(failure: Failure) -> tuple[str, str]:
    link = failure
    while not link.HasField("application_failure_info") and link.HasField("cause"):
        link = link.cause
    handler = failure.cause.nexus_handler_failure_info if failure.HasField("cause") else None
    kind = link.application_failure_info.type or ("RefusedError" if handler is not None and handler.type else "")
    return kind or "MeshError", link.message
