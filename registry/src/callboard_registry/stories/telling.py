"""Makes a story of a run's history: what the model heard and said, what was called, asked, waited for, tried again.

Events of a run may come in parts; the first of all is always among them. What goes on is told again when it has ended.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final, cast

from pydantic import ValidationError
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import (
    ActivityTaskCanceledEventAttributes,
    ActivityTaskCompletedEventAttributes,
    ActivityTaskFailedEventAttributes,
    ActivityTaskScheduledEventAttributes,
    ActivityTaskStartedEventAttributes,
    ActivityTaskTimedOutEventAttributes,
    HistoryEvent,
    MarkerRecordedEventAttributes,
    NexusOperationCanceledEventAttributes,
    NexusOperationCompletedEventAttributes,
    NexusOperationFailedEventAttributes,
    NexusOperationScheduledEventAttributes,
    NexusOperationTimedOutEventAttributes,
    TimerFiredEventAttributes,
    TimerStartedEventAttributes,
    WorkflowExecutionCompletedEventAttributes,
    WorkflowExecutionSignaledEventAttributes,
    WorkflowExecutionUpdateAcceptedEventAttributes,
    WorkflowPropertiesModifiedEventAttributes,
    WorkflowTaskFailedEventAttributes,
)

from callboard_kit.agent.messages import CALL_MODEL, ChatMessage, ModelReply, ModelRequest
from callboard_kit.caller import CALL_HEADER
from callboard_kit.entities.holding import TAKE
from callboard_kit.entities.lock import GRANTED
from callboard_kit.identity import InvalidTokenError, unchecked
from callboard_kit.resetting.steps import is_reset
from callboard_kit.tokens import Call
from callboard_registry.audit.deriving import end_of_run, plain
from callboard_registry.audit.knowledge import Knowledge
from callboard_registry.audit.operations import is_end, moment_of
from callboard_registry.stories.curtain import Curtain
from callboard_registry.stories.model import Execution, Happening, Story
from callboard_registry.stories.questions import asked_for, question_asked, read_object, verdict_given
from callboard_registry.stories.resetting import reset_told, went_on
from callboard_registry.stories.stopping import not_asked, stop_told

TOKEN_HEADER: Final = "callboard-token"
_INBOX: Final = ("inbox.v1", "ask")
_GUARDS: Final = "callboard_guards"
_OWN: Final = "callboard."
_LEAST_WAIT: Final = timedelta(seconds=1)


def tell(
    events: Sequence[HistoryEvent], *, namespace: str, workflow_id: str, run_id: str, team: str, knowledge: Knowledge
) -> Story | None:
    """Return the story of a run of `team`; None when it is no part of a tree of calls."""
    started = events[0].workflow_execution_started_event_attributes
    call = _call(started.header.fields.get(CALL_HEADER), team)
    if call is None:
        return None
    address = call.address
    execution = Execution(
        namespace=namespace,
        workflow_id=workflow_id,
        run_id=run_id,
        root=call.root,
        team=team,
        kind=started.workflow_type.name,
        token_id=call.token_id,
        caller=call.caller,
        service=address.service if address else "",
        operation=address.operation if address else "",
        entity=call.entity,
        person=call.person or "",
        started=moment_of(events[0].event_time),
        wordless=call.wordless,
    )
    curtain = Curtain(knowledge)
    if address is not None and started.input.payloads:
        curtain.learn(curtain.promise(address.service, address.operation), plain(started.input.payloads[0]))
    # Twice: what is sensitive is known from all that was called, and is quoted before it is called with.
    learner = _Teller(curtain, call)
    for event in events:
        learner.hear(event)
    teller = _Teller(curtain, call)
    for event in events:
        teller.hear(event)
        if is_end(event):
            end = end_of_run(event)
            outcome, reason = (end.outcome, end.reason) if end else ("ok", "another run goes on with it")
            execution = replace(
                execution, ended=moment_of(event.event_time), outcome=outcome, reason=curtain.text(reason)
            )
    return went_on(Story(execution, tuple(teller.happenings(execution))), events)


class _Teller:
    """Hears events in order."""

    def __init__(self, curtain: Curtain, call: Call) -> None:
        self._curtain = curtain
        self._call = call
        self._found: dict[int, Happening] = {}
        self._inputs: dict[int, bytes] = {}
        self._timers: dict[int, tuple[HistoryEvent, timedelta]] = {}
        self._rulings = 0
        self._lock = 0

    def happenings(self, execution: Execution) -> list[Happening]:
        """Return everything, in order; what the run left open when it ended has ended with it."""
        found = sorted(self._found.values(), key=lambda each: each.number)
        if execution.ended is None:
            return found
        return [each if each.ended else replace(each, ended=execution.ended, outcome="cancelled") for each in found]

    def hear(self, event: HistoryEvent) -> None:
        """Take what an event says."""
        name = (event.WhichOneof("attributes") or "").removesuffix("_event_attributes")
        hearing = getattr(self, f"_{name}", None)
        if hearing is not None:
            hearing(event, getattr(event, event.WhichOneof("attributes") or ""))

    def _begin(self, event: HistoryEvent, happening: Happening) -> None:
        self._found[event.event_id] = happening

    def _end(self, number: int, event: HistoryEvent, outcome: str, **what: object) -> None:
        # One that is not there ended before these events begin.
        if number in self._found:
            ended = moment_of(event.event_time)
            self._found[number] = replace(self._found[number], ended=ended, outcome=outcome, **what)

    # Activities

    def _activity_task_scheduled(self, event: HistoryEvent, told: ActivityTaskScheduledEventAttributes) -> None:
        name: str = told.activity_type.name
        kind = "model" if name == CALL_MODEL else "activity"
        self._inputs[event.event_id] = plain(told.input.payloads[0]) if told.input.payloads else b""
        title = "Asks the model" if kind == "model" else name
        detail = self._asked(event.event_id) if kind == "model" else {}
        self._begin(
            event,
            Happening(number=event.event_id, kind=kind, at=moment_of(event.event_time), title=title, detail=detail),
        )

    def _activity_task_started(self, event: HistoryEvent, told: ActivityTaskStartedEventAttributes) -> None:
        number = told.scheduled_event_id
        if number in self._found and told.attempt > 1:
            last = self._curtain.text(_why(told.last_failure))
            reason = f"tried {told.attempt} times; before: {last}"
            self._found[number] = replace(self._found[number], attempts=told.attempt, reason=reason)

    def _activity_task_completed(self, event: HistoryEvent, told: ActivityTaskCompletedEventAttributes) -> None:
        number = told.scheduled_event_id
        if number not in self._found:
            return
        happening = self._found[number]
        if happening.kind != "model":
            self._end(number, event, "ok")
            return
        try:
            reply = ModelReply.model_validate_json(plain(told.result.payloads[0]))
        except (ValidationError, IndexError):
            self._end(number, event, "ok", detail={"unread": "the answer cannot be read here"})
            return
        usage, held = reply.usage, not_asked(reply)
        self._end(
            number,
            event,
            "refused" if held else "ok",
            reason=held or happening.reason,
            model=reply.model,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cost_usd=usage.cost_usd,
            detail={**happening.detail, **self._answered(reply)},
        )

    def _activity_task_failed(self, event: HistoryEvent, told: ActivityTaskFailedEventAttributes) -> None:
        self._end(told.scheduled_event_id, event, "failed", reason=self._curtain.text(_why(told.failure)))

    def _activity_task_timed_out(self, event: HistoryEvent, told: ActivityTaskTimedOutEventAttributes) -> None:
        self._end(told.scheduled_event_id, event, "unavailable", reason="it was not done in time")

    def _activity_task_canceled(self, event: HistoryEvent, told: ActivityTaskCanceledEventAttributes) -> None:
        self._end(told.scheduled_event_id, event, "cancelled")

    # What a model hears and says

    def _asked(self, number: int) -> dict[str, object]:
        try:
            request = ModelRequest.model_validate_json(self._inputs[number])
        except ValidationError:
            return {"unread": "what it was asked cannot be read here"}
        promises = {
            call.id: self._curtain.promise_of_tool(call.name) for each in request.messages for call in each.tool_calls
        }
        for message in request.messages:
            for call in message.tool_calls:
                self._curtain.learn(promises[call.id], call.arguments)
            if message.role == "tool" and message.tool_call_id:
                self._curtain.learn(promises.get(message.tool_call_id), message.content or "")
        said = [{"role": each.role, "text": self._curtain.text(each.content or "")} for each in _new(request.messages)]
        about: dict[str, object] = {"said": said, "offered": len(request.tools), "step": _step(request.messages)}
        return {**about, "wordless": True} if self._call.wordless else about

    def _answered(self, reply: ModelReply) -> dict[str, object]:
        tools: list[dict[str, object]] = []
        for call in reply.tool_calls:
            promise = self._curtain.promise_of_tool(call.name)
            self._curtain.learn(promise, call.arguments)
            tools.append({"name": call.name, **self._curtain.document(promise, call.arguments)})
        return {"answer": self._curtain.text(reply.content or ""), "tools": tools, "finish": reply.finish_reason}

    # Calls and approvals

    def _nexus_operation_scheduled(self, event: HistoryEvent, told: NexusOperationScheduledEventAttributes) -> None:
        data = plain(told.input)
        headers = {name.lower(): value for name, value in told.nexus_header.items()}
        token_id = _token_id(headers.get(TOKEN_HEADER, ""))
        promise = self._curtain.promise(told.service, told.operation)
        self._inputs[event.event_id] = data
        is_approval = (told.service, told.operation) == _INBOX
        self._curtain.learn(promise, data)
        self._begin(
            event,
            Happening(
                number=event.event_id,
                kind="approval" if is_approval else "call",
                at=moment_of(event.event_time),
                title=asked_for(data) if is_approval else f"{told.service} {told.operation}",
                token_id=token_id,
                detail=question_asked(data)
                if is_approval
                else {
                    "service": told.service,
                    "operation": told.operation,
                    "effect": promise.effect if promise else "",
                    "input": self._curtain.document(promise, data),
                },
            ),
        )

    def _nexus_operation_completed(self, event: HistoryEvent, told: NexusOperationCompletedEventAttributes) -> None:
        number, data = told.scheduled_event_id, plain(told.result)
        happening = self._found.get(number)
        if happening is None:
            return
        if happening.kind == "approval":
            outcome, detail = verdict_given(data, happening)
            self._end(number, event, outcome, detail=detail)
            return
        promise = self._curtain.promise(
            str(happening.detail.get("service", "")), str(happening.detail.get("operation", ""))
        )
        self._curtain.learn(promise, data)
        self._end(number, event, "ok", detail={**happening.detail, "result": self._curtain.document(promise, data)})

    def _nexus_operation_failed(self, event: HistoryEvent, told: NexusOperationFailedEventAttributes) -> None:
        outcome = "unavailable" if "UnavailableError" in str(told.failure) else "refused"
        if _type_of(told.failure) not in ("RefusedError", "UnavailableError"):
            outcome = "refused" if _has_handler_error(told.failure) else "failed"
        self._end(told.scheduled_event_id, event, outcome, reason=self._curtain.text(_why(told.failure)))

    def _nexus_operation_timed_out(self, event: HistoryEvent, told: NexusOperationTimedOutEventAttributes) -> None:
        self._end(told.scheduled_event_id, event, "unavailable", reason="it gave no answer in time")

    def _nexus_operation_canceled(self, event: HistoryEvent, told: NexusOperationCanceledEventAttributes) -> None:
        self._end(told.scheduled_event_id, event, "cancelled")

    # Waiting

    def _timer_started(self, event: HistoryEvent, told: TimerStartedEventAttributes) -> None:
        self._timers[event.event_id] = (event, told.start_to_fire_timeout.ToTimedelta())

    def _timer_fired(self, event: HistoryEvent, told: TimerFiredEventAttributes) -> None:
        # One that was cancelled was a limit that was not reached.
        begun, length = self._timers.pop(told.started_event_id, (None, timedelta(0)))
        if begun is None or length < _LEAST_WAIT:
            return
        number = begun.event_id
        at = moment_of(begun.event_time)
        self._begin(begun, Happening(number=number, kind="wait", at=at, title=f"Waits {length.total_seconds():g} s"))
        self._end(number, event, "ok")

    def _marker_recorded(self, event: HistoryEvent, told: MarkerRecordedEventAttributes) -> None:
        details = told.details.get("data")
        if told.marker_name != "core_local_activity" or details is None or not details.payloads:
            return
        done = read_object(details.payloads[0].data)
        name = str(done.get("activity_type", ""))
        result = told.details.get("result")
        if name == TAKE and result is not None and result.payloads and _has_to_wait(result.payloads[0].data):
            self._lock = event.event_id
            title = f"Waits for the lock of {self._call.entity or 'what it acts on'}"
            self._begin(
                event,
                Happening(number=event.event_id, kind="lock", at=moment_of(event.event_time), title=title),
            )
        elif not name.startswith(_OWN):
            at = moment_of(event.event_time)
            failed = told.HasField("failure")
            self._begin(
                event,
                Happening(
                    number=event.event_id,
                    kind="activity",
                    at=at,
                    ended=at,
                    title=name,
                    outcome="failed" if failed else "ok",
                    reason=self._curtain.text(_why(told.failure)) if failed else "",
                ),
            )

    def _workflow_execution_signaled(self, event: HistoryEvent, told: WorkflowExecutionSignaledEventAttributes) -> None:
        if self._lock and told.signal_name == GRANTED:
            self._end(self._lock, event, "ok")
            self._lock = 0
        elif (reset := reset_told(event, told, self._curtain)) is not None:
            self._begin(event, reset)
        else:
            at = moment_of(event.event_time)
            title = f"Is told {told.signal_name}"
            self._begin(
                event, Happening(number=event.event_id, kind="told", at=at, ended=at, title=title, outcome="ok")
            )

    def _workflow_execution_update_accepted(
        self, event: HistoryEvent, told: WorkflowExecutionUpdateAcceptedEventAttributes
    ) -> None:
        at = moment_of(event.event_time)
        title = f"Is asked {told.accepted_request.input.name}"
        self._begin(event, Happening(number=event.event_id, kind="told", at=at, ended=at, title=title, outcome="ok"))

    # Guards, ends and trouble

    def _workflow_execution_completed(
        self, event: HistoryEvent, told: WorkflowExecutionCompletedEventAttributes
    ) -> None:
        if (stop := stop_told(event, told)) is not None:
            self._begin(event, stop)

    def _workflow_properties_modified(
        self, event: HistoryEvent, told: WorkflowPropertiesModifiedEventAttributes
    ) -> None:
        payload = told.upserted_memo.fields.get(_GUARDS)
        rulings = _list(payload.data) if payload is not None else []
        if not rulings:
            return
        at, ruling = moment_of(event.event_time), rulings[-1]
        title = f"Guard {ruling.get('guard', '')}: {ruling.get('what', '')}"
        self._begin(
            event,
            Happening(
                number=event.event_id,
                kind="guard",
                at=at,
                ended=at,
                title=self._curtain.text(title),
                outcome=str(ruling.get("action", "")),
                reason=self._curtain.text(str(ruling.get("reason", ""))),
            ),
        )

    def _workflow_task_failed(self, event: HistoryEvent, told: WorkflowTaskFailedEventAttributes) -> None:
        if is_reset(event):
            return  # No trouble: somebody wanted it, and says so in what comes next.
        at = moment_of(event.event_time)
        reason = self._curtain.text(_why(told.failure))
        self._begin(
            event,
            Happening(
                number=event.event_id,
                kind="trouble",
                at=at,
                ended=at,
                title="A worker could not go on with it, and tries again",
                outcome="failed",
                reason=reason,
            ),
        )


def _new(messages: Sequence[ChatMessage]) -> list[ChatMessage]:
    """Return what the model had not heard before: words, and what a tool could not do; results stand with the calls."""
    last = max((place for place, each in enumerate(messages) if each.role == "assistant"), default=-1)
    return [
        each
        for each in messages[last + 1 :]
        if each.role in ("system", "user") or (each.content or "").startswith('{"error"')
    ]


def _step(messages: Sequence[ChatMessage]) -> int:
    return 1 + sum(each.role == "assistant" for each in messages)


def _call(header: Payload | None, team: str) -> Call | None:
    if header is None:
        return None
    try:
        call = Call.from_json(header.data)
    except (ValueError, KeyError, TypeError, AttributeError, InvalidTokenError):
        return None
    return call if call.team == team and call.root and isinstance(cast(object, call.root), str) else None


def _token_id(token: str) -> str:
    try:
        return str(unchecked(token).get("jti", "")) if token else ""
    except InvalidTokenError:
        return ""


def _why(failure: Failure) -> str:
    link, words = failure, failure.message
    while link.HasField("cause"):
        link = link.cause
        words = link.message or words
    return " ".join(words.split())[:1000]


def _type_of(failure: Failure) -> str:
    link = failure
    while link.HasField("cause") and not link.HasField("application_failure_info"):
        link = link.cause
    return link.application_failure_info.type


def _has_handler_error(failure: Failure) -> bool:
    link = failure
    while not link.HasField("nexus_handler_failure_info") and link.HasField("cause"):
        link = link.cause
    return link.HasField("nexus_handler_failure_info")


def _list(data: bytes) -> list[dict[str, object]]:
    try:
        found: object = json.loads(data)
    except (ValueError, RecursionError):
        return []
    return (
        [cast("dict[str, object]", each) for each in cast("list[object]", found) if isinstance(each, dict)]
        if isinstance(found, list)
        else []
    )


def _has_to_wait(data: bytes) -> bool:
    return any(not each.get("fence") for each in _list(data))
