"""What Temporal's histories say: what a model was told, and which of its calls were over when."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowExecution, WorkflowHistory

from callboard.offline_model.faults import MISFIT
from callboard_kit.agent import CALL_MODEL

_OVER: Final = frozenset(
    {
        EventType.EVENT_TYPE_NEXUS_OPERATION_COMPLETED,
        EventType.EVENT_TYPE_NEXUS_OPERATION_FAILED,
        EventType.EVENT_TYPE_NEXUS_OPERATION_TIMED_OUT,
        EventType.EVENT_TYPE_NEXUS_OPERATION_CANCELED,
    }
)


@dataclass(frozen=True)
class Told:
    """One tool call of a conversation, and what the model heard of it."""

    tool: str
    arguments: str
    """As the model wrote them."""

    content: Any
    """What it heard, parsed."""

    @property
    def readable(self) -> bool:
        """Whether the arguments are what was meant. Others were spoilt on the way, and asked for again."""
        try:
            return json.loads(self.arguments) != MISFIT
        except ValueError:
            return False

    @property
    def error_kind(self) -> str | None:
        """How the call failed; None when it worked."""
        error = self.content.get("error") if isinstance(self.content, dict) else None
        return error["kind"] if isinstance(error, dict) else None


def conversation(history: WorkflowHistory) -> Sequence[Told]:
    """Return every tool call as the model saw it, from the last question it was asked."""
    asked = [event.activity_task_scheduled_event_attributes for event in history.events if _asks_model(event)]
    if not asked:
        return ()
    messages = json.loads(asked[-1].input.payloads[0].data)["messages"]
    heard = {
        message["tool_call_id"]: json.loads(message["content"]) for message in messages if message["role"] == "tool"
    }
    return tuple(
        Told(tool=call["name"], arguments=call["arguments"], content=heard[call["id"]])
        for message in messages
        for call in message.get("tool_calls") or ()
    )


def finished_model_calls(history: WorkflowHistory) -> Mapping[str, datetime]:
    """Return when each model call that is over was over, by the name under which the model was asked."""
    ids = {
        event.event_id: event.activity_task_scheduled_event_attributes.activity_id
        for event in history.events
        if _asks_model(event)
    }
    completed = (event for event in history.events if event.HasField("activity_task_completed_event_attributes"))
    return {
        f"{history.run_id}/{ids[scheduled]}": _moment(event)
        for event in completed
        if (scheduled := event.activity_task_completed_event_attributes.scheduled_event_id) in ids
    }


def activities_tried_again(history: WorkflowHistory) -> int:
    """Return how many activities needed more than one attempt: whoever made the first was killed, or failed."""
    return sum(event.activity_task_started_event_attributes.attempt > 1 for event in history.events)


def call_durations(history: WorkflowHistory) -> Iterator[float]:
    """Yield how long each call over Nexus took, in seconds, from its scheduling to its end."""
    began = {
        event.event_id: _moment(event)
        for event in history.events
        if event.event_type == EventType.EVENT_TYPE_NEXUS_OPERATION_SCHEDULED
    }
    for event in history.events:
        if event.event_type in _OVER:
            attributes = getattr(event, str(event.WhichOneof("attributes")))
            yield (_moment(event) - began[attributes.scheduled_event_id]).total_seconds()


async def all_histories(client: Client, *, since: datetime) -> AsyncIterator[tuple[WorkflowExecution, WorkflowHistory]]:
    """Yield every workflow of the client's namespace that started since then, and its history."""
    async for found in client.list_workflows(f"StartTime >= '{since.isoformat()}'"):
        yield found, await client.get_workflow_handle(found.id, run_id=found.run_id).fetch_history()


def _asks_model(event: HistoryEvent) -> bool:
    return event.activity_task_scheduled_event_attributes.activity_type.name == CALL_MODEL


def _moment(event: HistoryEvent) -> datetime:
    return event.event_time.ToDatetime(tzinfo=UTC)
