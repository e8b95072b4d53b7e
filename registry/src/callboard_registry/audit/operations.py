"""Nexus operations as their callers' side shows them: events of a history, or a standalone operation, as one thing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, Literal

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import NexusOperationExecutionStatus as Status
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import DescribeNexusOperationExecutionResponse

Ending = Literal["completed", "failed", "timed out", "cancelled", "abandoned"]
"""How an operation ended for its caller. Abandoned: the caller was over first."""

RESETTER: Final = "history-resetter"
"""Who terminates a run that goes on as another because somebody reset it."""

_STATUSES: Final[Mapping[int, Ending]] = {
    Status.NEXUS_OPERATION_EXECUTION_STATUS_COMPLETED: "completed",
    Status.NEXUS_OPERATION_EXECUTION_STATUS_FAILED: "failed",
    Status.NEXUS_OPERATION_EXECUTION_STATUS_TIMED_OUT: "timed out",
    Status.NEXUS_OPERATION_EXECUTION_STATUS_CANCELED: "cancelled",
    Status.NEXUS_OPERATION_EXECUTION_STATUS_TERMINATED: "abandoned",
}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One operation that somebody asked for."""

    place: str
    """Where it stands: a run and an event, or a standalone operation. Nobody else's."""

    endpoint: str
    """The physical one, as Temporal has it."""

    service: str
    operation: str
    headers: Mapping[str, str]
    input: Payload
    scheduled: datetime
    operation_token: str = ""
    """Temporal's name for the work behind it; empty when it was answered at once or not at all."""

    ended: datetime | None = None
    ending: Ending | None = None
    result: Payload | None = None
    failure: Failure | None = None


def asked_in(events: Iterable[HistoryEvent], *, run_id: str) -> dict[int, Asked]:
    """Return the operations in the events of one run, by the event that scheduled each.

    What the run left open when it ended is abandoned; not so when it was reset, since another run goes on with it.
    """
    found: dict[int, Asked] = {}
    for event in events:
        number, at = event.event_id, moment_of(event.event_time)
        match event.WhichOneof("attributes"):
            case "nexus_operation_scheduled_event_attributes":
                scheduled = event.nexus_operation_scheduled_event_attributes
                found[number] = Asked(
                    place=f"{run_id}/{number}",
                    endpoint=scheduled.endpoint,
                    service=scheduled.service,
                    operation=scheduled.operation,
                    headers=_lower(scheduled.nexus_header),
                    input=scheduled.input,
                    scheduled=at,
                )
            case "nexus_operation_started_event_attributes":
                started = event.nexus_operation_started_event_attributes
                token = started.operation_token or started.operation_id
                _change(found, started.scheduled_event_id, operation_token=token)
            case "nexus_operation_completed_event_attributes":
                ended = event.nexus_operation_completed_event_attributes
                _change(found, ended.scheduled_event_id, ended=at, ending="completed", result=ended.result)
            case "nexus_operation_failed_event_attributes":
                ended = event.nexus_operation_failed_event_attributes
                _change(found, ended.scheduled_event_id, ended=at, ending="failed", failure=ended.failure)
            case "nexus_operation_timed_out_event_attributes":
                ended = event.nexus_operation_timed_out_event_attributes
                _change(found, ended.scheduled_event_id, ended=at, ending="timed out", failure=ended.failure)
            case "nexus_operation_canceled_event_attributes":
                ended = event.nexus_operation_canceled_event_attributes
                _change(found, ended.scheduled_event_id, ended=at, ending="cancelled", failure=ended.failure)
            case _ if is_end(event) and not was_reset(event):
                for open_number, each in found.items():
                    if each.ended is None:
                        _change(found, open_number, ended=at, ending="abandoned")
            case _:
                pass
    return found


def asked_alone(described: DescribeNexusOperationExecutionResponse) -> Asked:
    """Return the operation that a client asked for outside of any workflow."""
    info = described.info
    over = info.HasField("close_time")
    return Asked(
        place=f"{info.run_id}/0",
        endpoint=info.endpoint,
        service=info.service,
        operation=info.operation,
        headers=_lower(info.nexus_header),
        input=described.input,
        scheduled=moment_of(info.schedule_time),
        operation_token=info.operation_token,
        ended=moment_of(info.close_time) if over else None,
        ending=_STATUSES.get(info.status) if over else None,
        result=described.result if described.HasField("result") else None,
        failure=described.failure if described.HasField("failure") else None,
    )


def is_end(event: HistoryEvent) -> bool:
    """Tell whether a run is over with this event."""
    name = event.WhichOneof("attributes") or ""
    ends = ("completed", "failed", "timed_out", "canceled", "terminated", "continued_as_new")
    return name in {f"workflow_execution_{each}_event_attributes" for each in ends}


def was_reset(event: HistoryEvent) -> bool:
    """Tell whether a run is over because another goes on from somewhere within it."""
    return event.workflow_execution_terminated_event_attributes.identity == RESETTER


def moment_of(timestamp: Timestamp) -> datetime:
    """Return a timestamp as a moment, to the microsecond."""
    return timestamp.ToDatetime(tzinfo=UTC)


def _change(found: dict[int, Asked], number: int, **what: object) -> None:
    # One that is not there was over before these events begin.
    if number in found:
        found[number] = replace(found[number], **what)


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
