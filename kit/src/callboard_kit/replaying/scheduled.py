"""What a run asked Temporal for, in a form in which two runs can be compared.

Ids, tokens and times that differ from run to run are left out, and what Temporal fills in where a workflow says nothing
is filled in on both sides: what a history says was scheduled is then the same as what the code that is replayed says.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from temporalio.client import WorkflowHistory

from callboard_kit.replaying.reading import as_list, as_object, parsed

Event = dict[str, object]
"""One thing that was scheduled: `kind`, and what defines it."""

_RETRIES: Final[Mapping[str, object]] = {
    "initialInterval": "1s",
    "backoffCoefficient": 2.0,
    "maximumInterval": "100s",
    "maximumAttempts": 0,
}
"""What Temporal fills in where an activity says nothing about retries."""


def scheduled_events(history: WorkflowHistory) -> list[Event]:
    """Return what a run scheduled, in order, and how it ended; without ids, tokens and times."""
    return [event for _, event in numbered_events(history)]


def numbered_events(history: WorkflowHistory) -> Iterator[tuple[int, Event]]:
    """Yield what `scheduled_events` returns, each with its number in the history."""
    own_queue = _own_queue(history)
    for entry in _events(history):
        event = _from_event(entry, own_queue)
        if event is not None:
            yield int(str(entry.get("eventId", 0))), event


def commanded_events(commands: Iterable[Mapping[str, object]], history: WorkflowHistory) -> list[Event]:
    """Return what the commands of a replay of `history` ask for, in the form of `scheduled_events`."""
    own_queue = _own_queue(history)
    found = (_from_command(command, own_queue) for command in commands)
    return [event for event in found if event is not None]


def _from_event(event: Mapping[str, object], own_queue: str) -> Event | None:
    for name, value in event.items():
        if not name.endswith("EventAttributes"):
            continue
        attributes = as_object(value)
        match name.removesuffix("EventAttributes"):
            case "activityTaskScheduled":
                return _activity(
                    attributes,
                    kind=_name(attributes.get("activityType")),
                    queue=_queue(_name(attributes.get("taskQueue")), own_queue),
                    payloads=_payloads(attributes.get("input")),
                    headers=as_object(as_object(attributes.get("header")).get("fields")),
                )
            case "nexusOperationScheduled":
                return _operation(attributes)
            case "timerStarted":
                return {"kind": "timer", "after": attributes.get("startToFireTimeout", "0s")}
            case "startChildWorkflowExecutionInitiated":
                return _child(
                    attributes,
                    kind=_name(attributes.get("workflowType")),
                    queue=_queue(_name(attributes.get("taskQueue")), own_queue),
                    payloads=_payloads(attributes.get("input")),
                )
            case "workflowExecutionCompleted":
                return {"kind": "result", "output": _digest(_payloads(attributes.get("result")))}
            case "workflowExecutionFailed":
                return _failure(attributes)
            case "workflowExecutionContinuedAsNew":
                return {"kind": "continued", "input": _digest(_payloads(attributes.get("input")))}
            case _:
                return None
    return None


def _from_command(command: Mapping[str, object], own_queue: str) -> Event | None:
    for name, value in command.items():
        attributes = as_object(value)
        match name:
            case "scheduleActivity":
                return _activity(
                    attributes,
                    kind=attributes.get("activityType"),
                    # Where nothing is said, the replayer's own queue stands there.
                    queue=_queue(attributes.get("taskQueue"), own_queue),
                    payloads=as_list(attributes.get("arguments")),
                    headers=as_object(attributes.get("headers")),
                )
            case "scheduleNexusOperation":
                return _operation(attributes)
            case "startTimer":
                return {"kind": "timer", "after": attributes.get("startToFireTimeout", "0s")}
            case "startChildWorkflowExecution":
                return _child(
                    attributes,
                    kind=attributes.get("workflowType"),
                    queue=_queue(attributes.get("taskQueue"), own_queue),
                    payloads=as_list(attributes.get("input")),
                )
            case "completeWorkflowExecution":
                return {"kind": "result", "output": _digest([attributes.get("result")])}
            case "failWorkflowExecution":
                return _failure(attributes)
            case "continueAsNewWorkflowExecution":
                return {"kind": "continued", "input": _digest(as_list(attributes.get("arguments")))}
            case _:
                continue
    return None


def _activity(
    attributes: Mapping[str, object],
    *,
    kind: object,
    queue: str,
    payloads: Sequence[object],
    headers: Mapping[str, object],
) -> Event:
    # Temporal fills in what an activity leaves open; the same is filled in here.
    whole = _seconds(attributes.get("scheduleToCloseTimeout"))
    one = _seconds(attributes.get("startToCloseTimeout")) or whole
    return {
        "kind": "activity",
        "activity": kind,
        "task_queue": queue,
        "input": _digest(payloads),
        "headers": sorted(headers),
        "schedule_to_close": whole,
        "schedule_to_start": _seconds(attributes.get("scheduleToStartTimeout")) or whole,
        "start_to_close": min(one, whole) if whole else one,
        "heartbeat": _seconds(attributes.get("heartbeatTimeout")),
        "retries": {**_RETRIES, **as_object(attributes.get("retryPolicy"))},
    }


def _operation(attributes: Mapping[str, object]) -> Event:
    return {
        "kind": "operation",
        "endpoint": attributes.get("endpoint"),
        "service": attributes.get("service"),
        "operation": attributes.get("operation"),
        "input": _digest([attributes.get("input")]),
        "headers": sorted(as_object(attributes.get("nexusHeader"))),
        "schedule_to_close": _seconds(attributes.get("scheduleToCloseTimeout")),
        "schedule_to_start": _seconds(attributes.get("scheduleToStartTimeout")),
        "start_to_close": _seconds(attributes.get("startToCloseTimeout")),
    }


def _child(attributes: Mapping[str, object], *, kind: object, queue: str, payloads: Sequence[object]) -> Event:
    return {
        "kind": "child",
        "workflow": kind,
        "task_queue": queue,
        "input": _digest(payloads),
        "execution": _seconds(attributes.get("workflowExecutionTimeout")),
    }


def _failure(attributes: Mapping[str, object]) -> Event:
    failure = as_object(attributes.get("failure"))
    information = as_object(failure.get("applicationFailureInfo"))
    return {"kind": "failure", "error": information.get("type", ""), "message": failure.get("message", "")}


def _own_queue(history: WorkflowHistory) -> str:
    [first, *_] = _events(history)
    return str(_name(as_object(first["workflowExecutionStartedEventAttributes"]).get("taskQueue")))


def _queue(name: object, own_queue: str) -> str:
    queue = str(name or "")
    return "own" if not queue or queue == own_queue or queue.startswith("replay-") else queue


def _events(history: WorkflowHistory) -> list[Mapping[str, object]]:
    return [as_object(event) for event in as_list(parsed(history.to_json()).get("events"))]


def differences(then: Sequence[Event], now: Sequence[Event]) -> Iterator[str]:
    """Say in words what is not the same, one line for each difference."""
    for place in range(max(len(then), len(now))):
        if place >= len(then) or place >= len(now):
            more = (then if place < len(then) else now)[place]
            yield f"{place}: {'no longer' if place < len(then) else 'new'}: {json.dumps(more)}"
            continue
        old, new = then[place], now[place]
        for key in dict.fromkeys((*old, *new)):
            if old.get(key) != new.get(key):
                yield f"{place} {_title(old)}: {key} was {old.get(key)!r}, is {new.get(key)!r}"


def _title(event: Event) -> str:
    return " ".join(str(event[key]) for key in ("kind", "service", "operation", "activity", "workflow") if key in event)


def _digest(payloads: Sequence[object]) -> str:
    """Return a short digest of the payloads' bytes; empty when there are none."""
    parts = [str(as_object(payload).get("data", "")) for payload in payloads if payload is not None]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16] if parts else ""


def _seconds(duration: object) -> float:
    return round(float(str(duration).removesuffix("s")), 3) if duration else 0.0


def _payloads(value: object) -> Sequence[object]:
    return as_list(as_object(value).get("payloads"))


def _name(value: object) -> object:
    return as_object(value).get("name")
