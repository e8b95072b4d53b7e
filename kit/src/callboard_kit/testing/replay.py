"""Holds today's workflows to runs that were recorded: they must still go on, and must still schedule the same.

Temporal's Replayer notices that a run takes another turn, but not that an operation goes to another endpoint, an
activity gets another input, or a time limit is a different one. So what today's code schedules while it is replayed is
compared with what the recorded history says, and both with a file that people review:

    await record(handle, Path("histories/CancelPendingOrder.json"))       # once, on a mesh that runs
    await assert_replays(Path("histories"), team="orders", workflows=[…])  # in a test, without any server

`record` writes `<name>.json`, the history, and `<name>.scheduled.json`, what it scheduled. Ids, tokens and times that
differ from run to run are taken out of both, so that recording again changes the second file only if the code did.
"""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

from temporalio.client import WorkflowHandle, WorkflowHistory
from temporalio.worker import Plugin, Replayer
from temporalio.workflow import _Definition  # pyright: ignore[reportPrivateUsage] - nothing else tells a class's name

from callboard_kit.identity import SigningKey
from callboard_kit.plugin import MeshPlugin
from callboard_kit.settings import Settings
from callboard_kit.testing.watching import Watching

Event = dict[str, object]
"""One thing that was scheduled: `kind`, and what defines it."""

_TOKEN: Final = re.compile(r"eyJ[\w-]{8,}\.[\w-]+\.[\w-]*")
_UUID: Final = re.compile(r"\b[0-9a-f]{8}(-?)[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{12}\b")
# `sdkMetadata` stays: without the flags in it, the replayer does not compare types and names.
_LEFT_OUT: Final = frozenset(
    {"links", "completionCallbacks", "identity", "workerVersion", "meteringMetadata", "stackTrace"}
)
_RETRIES: Final[Mapping[str, object]] = {
    "initialInterval": "1s",
    "backoffCoefficient": 2.0,
    "maximumInterval": "100s",
    "maximumAttempts": 0,
}
"""What Temporal fills in where an activity says nothing about retries."""


async def record(handle: WorkflowHandle[Any, Any], path: Path) -> None:  # Any: whatever the workflow is
    """Write a finished run's history to `path`, and what it scheduled beside it."""
    write(await handle.fetch_history(), path)


def write(history: WorkflowHistory, path: Path) -> None:
    """Write a history to `path`, cleaned of what differs from run to run, and what it scheduled beside it."""
    document = _cleaned(_parsed(history.to_json()), {})
    text = json.dumps(document, indent=1, ensure_ascii=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n", encoding="utf-8")
    told = scheduled_events(WorkflowHistory.from_json(path.stem, text))
    _golden(path).write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


async def assert_replays(
    folder: Path,
    *,
    team: str,
    workflows: Sequence[type],
    contracts: Sequence[type] = (),
    plugins: Sequence[Plugin] = (),
) -> None:
    """Replay every history in `folder` and compare what is scheduled now, then and on file.

    Args:
        folder: Where `record` wrote.
        team: Whose workflows they are.
        workflows: All of the team's workflows; each must have a history.
        contracts: Contract classes that are not in the contracts package.
        plugins: What the team's worker has beside the mesh's plugin.

    Raises:
        AssertionError: Something differs; the message says what, and that recording again accepts it.
    """
    paths = histories(folder)
    recorded = {path.name.split(".")[0] for path in paths}
    names = {str(_Definition.must_from_class(each).name) for each in workflows}
    assert recorded == names, (
        f"{folder}: histories are needed of {sorted(names)}, there are some of {sorted(recorded)}; "
        "record them with `make histories`"
    )
    for path in paths:
        history = WorkflowHistory.from_json(path.stem, path.read_text(encoding="utf-8"))
        then = scheduled_events(history)
        now = await replayed_events(history, team=team, workflows=workflows, contracts=contracts, plugins=plugins)
        _assert_same(path.name, "scheduled when it was recorded", then, "schedules now", now)
        on_file: list[Event] = json.loads(_golden(path).read_text(encoding="utf-8"))
        _assert_same(path.name, f"on file in {_golden(path).name}", on_file, "schedules now", now)


def histories(folder: Path) -> list[Path]:
    """Return the recorded histories in `folder`."""
    return sorted(path for path in folder.glob("*.json") if not path.name.endswith(".scheduled.json"))


async def replayed_events(
    history: WorkflowHistory,
    *,
    team: str,
    workflows: Sequence[type],
    contracts: Sequence[type] = (),
    plugins: Sequence[Plugin] = (),
) -> list[Event]:
    """Replay a history and return what today's code schedules on the way.

    Raises:
        AssertionError: Today's code takes another turn than the history.
    """
    mesh = MeshPlugin(SigningKey.generate(team), settings=Settings(profile="dev"), services=contracts)
    watching = Watching()
    replayer = Replayer(workflows=list(workflows), plugins=[mesh, *plugins, watching])
    result = await replayer.replay_workflow(history, raise_on_replay_failure=False)
    if result.replay_failure is not None:
        raise AssertionError(f"{history.workflow_id}: today's code takes another turn: {result.replay_failure}")
    own_queue = _own_queue(history)
    found = (_from_command(command, own_queue) for command in watching.commands)
    return [event for event in found if event is not None]


def scheduled_events(history: WorkflowHistory) -> list[Event]:
    """Return what a run scheduled, in order, and how it ended; without ids, tokens and times."""
    own_queue = _own_queue(history)
    found = (_from_event(event, own_queue) for event in _events(history))
    return [event for event in found if event is not None]


def _from_event(event: Mapping[str, object], own_queue: str) -> Event | None:
    for name, value in event.items():
        if not name.endswith("EventAttributes"):
            continue
        attributes = _object(value)
        match name.removesuffix("EventAttributes"):
            case "activityTaskScheduled":
                return _activity(
                    attributes,
                    kind=_name(attributes.get("activityType")),
                    queue=_queue(_name(attributes.get("taskQueue")), own_queue),
                    payloads=_payloads(attributes.get("input")),
                    headers=_object(_object(attributes.get("header")).get("fields")),
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
        attributes = _object(value)
        match name:
            case "scheduleActivity":
                return _activity(
                    attributes,
                    kind=attributes.get("activityType"),
                    # Where nothing is said, the replayer's own queue stands there.
                    queue=_queue(attributes.get("taskQueue"), own_queue),
                    payloads=_list(attributes.get("arguments")),
                    headers=_object(attributes.get("headers")),
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
                    payloads=_list(attributes.get("input")),
                )
            case "completeWorkflowExecution":
                return {"kind": "result", "output": _digest([attributes.get("result")])}
            case "failWorkflowExecution":
                return _failure(attributes)
            case "continueAsNewWorkflowExecution":
                return {"kind": "continued", "input": _digest(_list(attributes.get("arguments")))}
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
        "retries": {**_RETRIES, **_object(attributes.get("retryPolicy"))},
    }


def _operation(attributes: Mapping[str, object]) -> Event:
    return {
        "kind": "operation",
        "endpoint": attributes.get("endpoint"),
        "service": attributes.get("service"),
        "operation": attributes.get("operation"),
        "input": _digest([attributes.get("input")]),
        "headers": sorted(_object(attributes.get("nexusHeader"))),
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
    failure = _object(attributes.get("failure"))
    information = _object(failure.get("applicationFailureInfo"))
    return {"kind": "failure", "error": information.get("type", ""), "message": failure.get("message", "")}


def _own_queue(history: WorkflowHistory) -> str:
    [first, *_] = _events(history)
    return str(_name(_object(first["workflowExecutionStartedEventAttributes"]).get("taskQueue")))


def _queue(name: object, own_queue: str) -> str:
    queue = str(name or "")
    return "own" if not queue or queue == own_queue or queue.startswith("replay-") else queue


def _events(history: WorkflowHistory) -> list[Mapping[str, object]]:
    return [_object(event) for event in _list(_parsed(history.to_json()).get("events"))]


def _assert_same(name: str, before: str, then: Sequence[Event], after: str, now: Sequence[Event]) -> None:
    differences = list(_differences(then, now))
    assert not differences, (
        f"{name}: what was {before} and what today's code {after} differ:\n  "
        + "\n  ".join(differences)
        + "\nIf that is meant, and runs that are under way can live with it, record again with `make histories`"
    )


def _differences(then: Sequence[Event], now: Sequence[Event]) -> Iterator[str]:
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


def _cleaned(node: object, ids: dict[str, str], key: str = "") -> object:
    """Take out of a history what differs from run to run, the same id by the same stand-in everywhere."""
    if isinstance(node, dict):
        members = cast(dict[str, object], node)
        return {
            name: _cleaned_payload(value, ids)
            if name == "data" and "metadata" in members and isinstance(value, str)
            else _cleaned(value, ids, name)
            for name, value in members.items()
            if name not in _LEFT_OUT
        }
    if isinstance(node, list):
        return [_cleaned(value, ids) for value in cast(list[object], node)]
    return _cleaned_text(node, ids) if isinstance(node, str) else node


def _cleaned_payload(data: str, ids: dict[str, str]) -> str:
    try:
        text = base64.b64decode(data, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return data
    return base64.b64encode(_cleaned_text(text, ids).encode()).decode()


def _cleaned_text(text: str, ids: dict[str, str]) -> str:
    def stand_in(found: re.Match[str]) -> str:
        return ids.setdefault(found[0], f"00000000-0000-4000-8000-{len(ids) + 1:012d}".replace("-", found[1]))

    return _UUID.sub(stand_in, _TOKEN.sub("left-out", text))


def _digest(payloads: Sequence[object]) -> str:
    """Return a short digest of the payloads' bytes; empty when there are none."""
    parts = [str(_object(payload).get("data", "")) for payload in payloads if payload is not None]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16] if parts else ""


def _seconds(duration: object) -> float:
    return round(float(str(duration).removesuffix("s")), 3) if duration else 0.0


def _payloads(value: object) -> Sequence[object]:
    return _list(_object(value).get("payloads"))


def _name(value: object) -> object:
    return _object(value).get("name")


def _parsed(text: str) -> Mapping[str, object]:
    return _object(json.loads(text))


def _object(value: object) -> Mapping[str, object]:
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def _list(value: object) -> Sequence[object]:
    return cast("list[object]", value) if isinstance(value, list) else ()


def _golden(path: Path) -> Path:
    return path.with_name(f"{path.stem}.scheduled.json")
