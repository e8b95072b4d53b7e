"""Finds what models were asked in a run's history: what its worker told, and what it could not tell."""

from collections.abc import Sequence
from typing import Final

from pydantic import ValidationError
from temporalio.api.history.v1 import HistoryEvent

from callboard_kit.agent.messages import CALL_MODEL, ModelReply
from callboard_kit.caller import CALL_HEADER
from callboard_kit.identity import InvalidTokenError
from callboard_kit.resetting.steps import reset_at
from callboard_kit.tokens import Call
from callboard_registry.audit.deriving import plain
from callboard_registry.audit.operations import moment_of
from callboard_registry_api.budgets import DOLLAR, ModelUse

_LONGEST: Final = 300
_MOST: Final = 10**12


def uses_in(events: Sequence[HistoryEvent], *, run_id: str, team: str) -> list[tuple[str, ModelUse]]:
    """Return every model call of a run of `team` that was answered, under the name by which its worker tells of it.

    Events of a run may come in parts; the first of all is always among them.
    """
    started = events[0].workflow_execution_started_event_attributes
    call = _call(started.header.fields[CALL_HEADER].data) if CALL_HEADER in started.header.fields else None
    operation: str = started.workflow_type.name
    if call is not None and call.address is not None:
        operation = call.address.operation
    reset = reset_at(events)
    # What stands before a reset was asked, and paid for, in the run that was reset.
    since = 0 if reset is None else reset.event_id
    asked: dict[int, str] = {}
    uses: list[tuple[str, ModelUse]] = []
    for event in events:
        if event.HasField("activity_task_scheduled_event_attributes"):
            scheduled = event.activity_task_scheduled_event_attributes
            if scheduled.activity_type.name == CALL_MODEL and event.event_id > since:
                asked[event.event_id] = scheduled.activity_id
        elif event.HasField("activity_task_completed_event_attributes"):
            completed = event.activity_task_completed_event_attributes
            activity_id = asked.get(completed.scheduled_event_id)
            reply = _reply(plain(completed.result.payloads[0])) if completed.result.payloads else None
            if activity_id is None or reply is None or not reply.usage.model_calls:
                continue
            usage = reply.usage
            cost = None if usage.cost_usd is None else int(min(max(usage.cost_usd, 0.0) * DOLLAR + 0.01, _MOST))
            use = ModelUse(
                key=f"{run_id}/{activity_id}",
                root="" if call is None else _text(call.root),
                caller=_text((call.caller if call else "") or team),
                operation=_text(operation),
                model=_text(reply.model),
                at=moment_of(event.event_time),
                input_tokens=usage.input_tokens,
                output_tokens=usage.output_tokens,
                cost=cost,
            )
            uses.append((team, use))
    return uses


def _call(data: bytes) -> Call | None:
    try:
        return Call.from_json(data)
    except (ValueError, KeyError, TypeError, AttributeError, InvalidTokenError):
        return None


def _reply(data: bytes) -> ModelReply | None:
    try:
        return ModelReply.model_validate_json(data)
    except ValidationError:
        return None


def _text(text: object) -> str:
    # A history holds whatever its namespace wrote into it.
    return str(text).replace("\x00", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()[:_LONGEST]
