"""Makes call records of what Temporal's histories say: the same ones that the teams themselves would have told.

The side of a record is the team whose view it is. Mostly that is the team that was called, as it is for what is
reported: its workflow's own history for work that goes on in one; and for what is answered at once, the end that the
caller's history has. Where the called team cannot have told how it ended (nobody answered in time, the caller took the
call back before it began, the token was no good) the record is the caller's.
"""

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, cast

from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent

from callboard_kit.caller import CALL_HEADER
from callboard_kit.identity import InvalidTokenError, digest
from callboard_kit.records import CANCELLED, Used
from callboard_kit.tokens import Address, Call, check_call
from callboard_registry.audit.knowledge import Knowledge, entity, words
from callboard_registry.audit.operations import Asked, is_end, moment_of, was_reset
from callboard_registry_api.model import CallRecord, Outcome

Derived = tuple[str, CallRecord]
"""A record, and the team whose view it is."""

_WORKFLOW: Final = 1
"""The type, in Temporal's operation tokens, of an operation that a workflow answers."""

_OUTCOMES: Final[dict[str, Outcome]] = {"RefusedError": "refused", "UnavailableError": "unavailable"}

_LONGEST_AGO: Final = timedelta(days=3650).total_seconds()

_JSON: Final = frozenset({b"json/plain", b"json/protobuf"})


@dataclass(frozen=True)
class End:
    """How something ended."""

    outcome: Outcome
    reason: str
    at_the_door: bool = False
    """Whether the call was turned away before its handler began."""


def derive_asked(asked: Asked, *, team: str, knowledge: Knowledge) -> list[Derived]:
    """Return the records of an operation that `team` asked for."""
    if asked.ended is None or asked.ending is None:
        return []
    try:
        call = _proved(asked, team, knowledge)
    except InvalidTokenError as error:
        return [_unproved(asked, team, knowledge, str(error))]
    provider = call.team
    told_by_workflow = _is_workflow(asked.operation_token) and provider in knowledge.teams
    promise = knowledge.promise(asked.service, asked.operation)
    data = plain(asked.input)
    end = _end_of(asked)
    if asked.ending in ("timed out", "abandoned"):
        if asked.ending == "abandoned" and asked.operation_token:
            return []  # The work goes on, and tells its own end.
        reason = words(end.reason, promise, data)
        return [(team, _record(call, asked, knowledge, end.outcome, reason=reason, took=asked.ended - asked.scheduled))]
    if told_by_workflow:
        return []
    if asked.ending == "cancelled" and not asked.operation_token:
        return [(team, _record(call, asked, knowledge, "cancelled", reason=CANCELLED))]
    if end.at_the_door:
        return [(provider, _record(call, asked, knowledge, end.outcome, reason=end.reason, revision=""))]
    rule = knowledge.rule(call, promise, asked.scheduled)
    used = Used.read_from(plain(asked.result)) if promise and promise.kind == "agent" and asked.result else Used()
    reason = words(end.reason, promise, data) or rule
    took = asked.ended - asked.scheduled
    return [
        (provider, _record(call, asked, knowledge, "started", reason=rule)),
        (provider, _record(call, asked, knowledge, end.outcome, reason=reason, took=took, used=used)),
    ]


def derive_answered(events: Iterable[HistoryEvent], *, team: str, knowledge: Knowledge) -> list[Derived]:
    """Return the records of the call that a run of `team` answers; none when it answers none, or not its own."""
    found: list[Derived] = []
    call: Call | None = None
    data = b""
    for event in events:
        if event.HasField("workflow_execution_started_event_attributes"):
            started = event.workflow_execution_started_event_attributes
            call = _answers(started.header.fields.get(CALL_HEADER), team)
            data = plain(started.input.payloads[0]) if started.input.payloads else b""
            if call is not None:
                found.append((team, _of_call(call, "started", moment_of(event.event_time), reason=call.rule)))
        elif call is not None and is_end(event) and (end := end_of_run(event)) is not None:
            promise = None
            if call.address is not None:
                promise = knowledge.promise(call.address.service, call.address.operation, digest=call.revision)
            result = event.workflow_execution_completed_event_attributes.result.payloads
            used = Used.read_from(plain(result[0])) if promise and promise.kind == "agent" and result else Used()
            reason = words(end.reason, promise, data) or call.rule
            found.append((team, _of_call(call, end.outcome, moment_of(event.event_time), reason=reason, used=used)))
    return found


def _answers(header: Payload | None, team: str) -> Call | None:
    if header is None:
        return None
    try:
        call = Call.from_json(header.data)
    except (ValueError, KeyError, TypeError, AttributeError, InvalidTokenError):
        return None
    if call.address is None or call.team != team or not _is_plain(call):
        return None
    return call


def _is_plain(call: Call) -> bool:
    """Tell whether a context that was read from a header holds what it should: nothing else has checked it."""
    texts: tuple[object, ...] = (
        *(call.root, call.caller, call.token_id, call.rule, call.entity, call.revision, call.build),
        *(() if call.address is None else vars(call.address).values()),
        call.person or "",
    )
    is_moment = isinstance(cast(object, call.started), int | float)
    return all(isinstance(text, str) for text in texts) and is_moment and bool(call.token_id)


def _of_call(call: Call, outcome: Outcome, at: datetime, *, reason: str, used: Used | None = None) -> CallRecord:
    assert call.address is not None, "whoever has no address answers no call"
    # By the handler's clock, which is Temporal's give or take; a moment that cannot be is not believed.
    near = abs(call.started - at.timestamp()) < _LONGEST_AGO
    start = datetime.fromtimestamp(call.started, UTC) if call.started and near else at
    used = used or Used()
    return CallRecord(
        root=call.root,
        token_id=call.token_id,
        caller=call.caller,
        person=call.person or "",
        endpoint=call.address.endpoint,
        service=call.address.service,
        operation=call.address.operation,
        revision=call.revision,
        build=call.build,
        entity=call.entity,
        start=start,
        duration=None if outcome == "started" else max(at - start, timedelta(0)),
        outcome=outcome,
        reason=reason,
        input_tokens=used.input_tokens,
        output_tokens=used.output_tokens,
        cost_usd=used.cost_usd,
    )


def _record(
    call: Call,
    asked: Asked,
    knowledge: Knowledge,
    outcome: Outcome,
    *,
    reason: str,
    took: timedelta | None = None,
    used: Used | None = None,
    revision: str | None = None,
) -> CallRecord:
    promise = knowledge.promise(asked.service, asked.operation)
    used = used or Used()
    return CallRecord(
        root=call.root,
        token_id=call.token_id,
        caller=call.caller,
        person=call.person or "",
        endpoint=knowledge.endpoint(asked.endpoint),
        service=asked.service,
        operation=asked.operation,
        revision=knowledge.revision(asked.service, asked.scheduled) if revision is None else revision,
        entity=entity(promise, plain(asked.input)),
        start=asked.scheduled,
        duration=took,
        outcome=outcome,
        reason=reason,
        input_tokens=used.input_tokens,
        output_tokens=used.output_tokens,
        cost_usd=used.cost_usd,
    )


def _unproved(asked: Asked, team: str, knowledge: Knowledge, fault: str) -> Derived:
    """Return what is known of a call without a token that holds: where it came from, which Temporal says."""
    end = _end_of(asked)
    # An id of its own: a made-up one could stand in the way of the record that it is taken from.
    call = Call(root="", team=team, caller=team, token_id=f"history:{asked.place}")
    reason = end.reason or f"no token that holds: {fault}"
    return team, _record(call, asked, knowledge, end.outcome, reason=reason, revision="")


def _proved(asked: Asked, team: str, knowledge: Knowledge) -> Call:
    endpoint = knowledge.endpoint(asked.endpoint)
    call = check_call(
        asked.headers,
        at=Address(endpoint, asked.service, asked.operation),
        team=endpoint,
        input_digest=digest(asked.input.data) if asked.input.metadata.get("encoding") in _JSON else None,
        now=asked.scheduled.timestamp(),
        find_key=knowledge.find_key,
    )
    if call.caller != team:
        raise InvalidTokenError(f"the token was signed by {call.caller!r}, not by {team!r}")
    return call


def _end_of(asked: Asked) -> End:
    name = f"{asked.service} {asked.operation}"
    match asked.ending:
        case "completed":
            return End("ok", "")
        case "timed out":
            return End("unavailable", f"{name} gave no answer in time")
        case "cancelled":
            return End("cancelled", CANCELLED)
        case "abandoned":
            return End("cancelled", "its caller was over before it")
        case _:
            return _failure(asked.failure)


def end_of_run(event: HistoryEvent) -> End | None:
    """Return how a run ended the work it is part of; None when another run goes on with it."""
    match event.WhichOneof("attributes"):
        case "workflow_execution_completed_event_attributes":
            goes_on = event.workflow_execution_completed_event_attributes.new_execution_run_id
            return None if goes_on else End("ok", "")
        case "workflow_execution_failed_event_attributes":
            failed = event.workflow_execution_failed_event_attributes
            return None if failed.new_execution_run_id else _failure(failed.failure)
        case "workflow_execution_timed_out_event_attributes":
            goes_on = event.workflow_execution_timed_out_event_attributes.new_execution_run_id
            return None if goes_on else End("unavailable", "its workflow ran out of time")
        case "workflow_execution_canceled_event_attributes":
            return End("cancelled", CANCELLED)
        case "workflow_execution_terminated_event_attributes":
            reason = event.workflow_execution_terminated_event_attributes.reason
            return None if was_reset(event) else End("failed", f"its workflow was terminated: {reason or 'no reason'}")
        case _:
            return None


def _failure(failure: Failure | None) -> End:
    """Return how a call ended that failed, by the same table as `callboard_kit.failing`."""
    link = failure
    while link is not None:
        if link.HasField("nexus_handler_failure_info"):
            return End("refused", link.message or _message(link), at_the_door=True)
        if link.HasField("timeout_failure_info"):
            return End("unavailable", "it gave no answer in time")
        if link.HasField("application_failure_info"):
            kind = link.application_failure_info.type
            if kind in _OUTCOMES or kind == "MeshError":
                return End(_OUTCOMES.get(kind, "failed"), link.message)
        link = link.cause if link.HasField("cause") else None
    return End("failed", "it failed for a reason of its own")


def _message(link: Failure) -> str:
    return link.cause.message if link.HasField("cause") else ""


def _is_workflow(operation_token: str) -> bool:
    """Tell whether an operation goes on in a workflow, which tells its own end."""
    try:
        padding = "=" * (-len(operation_token) % 4)
        content: object = json.loads(base64.urlsafe_b64decode(operation_token + padding))
    except ValueError:
        return False
    return isinstance(content, dict) and cast("dict[str, object]", content).get("t") == _WORKFLOW


def plain(payload: Payload | None) -> bytes:
    """Return the JSON in a payload; nothing where it is encrypted, or something else."""
    if payload is None or payload.metadata.get("encoding") not in _JSON:
        return b""
    return payload.data
