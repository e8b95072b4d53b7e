"""What a run's history tells of what happened in it, and what it keeps to itself."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.common.v1 import ActivityType, Payload, WorkflowType
from temporalio.api.enums.v1 import WorkflowTaskFailedCause
from temporalio.api.failure.v1 import ApplicationFailureInfo, Failure
from temporalio.api.history.v1 import HistoryEvent

from callboard_contracts import Promise
from callboard_kit.agent.course import RESET
from callboard_kit.caller import CALL_HEADER, call_payload
from callboard_kit.tokens import Address, Call
from callboard_registry.console.story import tree
from callboard_registry.database import Database
from callboard_registry.stories.keeping import Stories
from callboard_registry.stories.model import Story
from callboard_registry.stories.telling import tell

BEGAN = datetime(2026, 11, 22, 9, tzinfo=UTC)
CARD = "4711-0815-card"
ROOT = Call(root="tree", team="desk")


class Book:
    """Knows one operation with a card that nobody may see, and words that not everybody may."""

    teams = ("desk", "bank")

    def promise(self, service: str, operation: str, *, digest: str = "") -> Promise | None:
        if (service, operation) != ("bank.v1", "pay"):
            return None
        return Promise.model_validate(
            {
                "kind": "task",
                "effect": "write",
                "latency": timedelta(seconds=1),
                "longest": timedelta(seconds=60),
                "sensitive": {"card": "payment", "note": "words"},
            }
        )


class History:
    """Events, one a second."""

    def __init__(self, call: Call = ROOT) -> None:
        self.events: list[HistoryEvent] = []
        self.add(
            "workflow_execution_started",
            workflow_type=WorkflowType(name="Work"),
            header={CALL_HEADER: call_payload(call)},
        )

    def add(self, name: str, **fields: object) -> int:
        number = len(self.events) + 1
        at = Timestamp()
        at.FromDatetime(BEGAN + timedelta(seconds=number))
        event = HistoryEvent(event_id=number, event_time=at)
        target = getattr(event, f"{name}_event_attributes")
        target.SetInParent()
        for field, value in fields.items():
            if field == "header":
                for key, payload in value.items():  # pyright: ignore[reportAttributeAccessIssue] - a map of headers
                    target.header.fields[key].CopyFrom(payload)
            elif isinstance(value, list):
                getattr(target, field).payloads.extend(value)
            elif hasattr(value, "DESCRIPTOR"):
                getattr(target, field).CopyFrom(value)
            else:
                setattr(target, field, value)
        self.events.append(event)
        return number

    def model(self, messages: list[Mapping[str, object]], reply: Mapping[str, object]) -> int:
        asked = {"messages": messages}
        begun = self.add("activity_task_scheduled", activity_type=CALL_MODEL, input=[payload(asked)])
        self.add("activity_task_started", scheduled_event_id=begun, attempt=1)
        self.add("activity_task_completed", scheduled_event_id=begun, result=[payload(reply)])
        return begun

    def told(self, *, since: int = 1) -> Story:
        events = [self.events[0], *(each for each in self.events[1:] if each.event_id >= since)]
        found = tell(events, namespace="desk", workflow_id="w", run_id="r", team="desk", knowledge=Book())  # pyright: ignore[reportArgumentType] - all that is asked of it
        assert found is not None
        return found


CALL_MODEL = ActivityType(name="callboard.call_model")


def payload(value: object) -> Payload:
    return Payload(metadata={"encoding": b"json/plain"}, data=json.dumps(value).encode())


def paying(history: History) -> int:
    sent = payload({"card": CARD, "amount": 12, "note": "for Ada"})
    return history.add("nexus_operation_scheduled", endpoint="bank", service="bank.v1", operation="pay", input=sent)


def test_a_step_tells_what_the_model_heard_newly_and_what_it_wants():
    history = History()
    wants = {"id": "1", "name": "bank_v1__pay", "arguments": json.dumps({"card": CARD, "amount": 12})}
    history.model(
        [{"role": "system", "content": "You pay."}, {"role": "user", "content": f"Pay with {CARD}, please"}],
        {"content": None, "tool_calls": [wants], "usage": {"input_tokens": 9, "output_tokens": 4, "cost_usd": 0.5}},
    )
    history.model(
        [
            {"role": "system", "content": "You pay."},
            {"role": "assistant", "tool_calls": [wants]},
            {"role": "tool", "tool_call_id": "1", "content": json.dumps({"error": {"message": f"{CARD} is empty"}})},
        ],
        {"content": "It did not work.", "model": "m1"},
    )

    first, second = history.told().happenings

    assert [each["role"] for each in first.detail["said"]] == ["system", "user"]
    assert (first.input_tokens, first.cost_usd, first.outcome) == (9, 0.5, "ok")
    assert second.detail["said"] == [{"role": "tool", "text": '{"error": {"message": "(payment) is empty"}}'}]
    assert (second.detail["answer"], second.model) == ("It did not work.", "m1")


def test_no_sensitive_value_gets_into_a_story_wherever_it_is_quoted():
    history = History()
    begun = paying(history)
    history.model([{"role": "user", "content": f"Is {CARD} good?"}], {"content": f"{CARD} it is"})
    refusal = Failure(
        message=f"card {CARD!r} is empty", application_failure_info=ApplicationFailureInfo(type="RefusedError")
    )
    history.add("nexus_operation_failed", scheduled_event_id=begun, failure=Failure(message="failed", cause=refusal))

    story = history.told()

    assert CARD not in repr(story)
    call = story.happenings[0]
    assert (call.outcome, call.reason) == ("refused", "card '(payment)' is empty")
    shown = call.detail["input"]
    assert "[masked: words]" in shown["shown"]
    assert "for Ada" in shown["open"], "who may read words sees them"


def test_a_value_that_is_quoted_before_it_is_called_with_is_taken_out_too():
    history = History()
    history.model([{"role": "user", "content": f"Pay with {CARD}"}], {"content": "I will"})
    paying(history)

    assert CARD not in repr(history.told())


def test_what_no_contract_describes_is_not_shown():
    history = History()
    history.add(
        "nexus_operation_scheduled", endpoint="x", service="x.v1", operation="y", input=payload({"secret": CARD})
    )

    assert CARD not in repr(history.told())


def test_what_goes_on_is_read_again_and_ends_with_its_run():
    history = History()
    begun = paying(history)

    assert history.told().first_open == begun
    history.add("workflow_execution_terminated", reason="by hand")
    story = history.told(since=begun)

    assert [each.outcome for each in story.happenings] == ["cancelled"]
    assert (story.execution.outcome, story.first_open) == ("failed", None)


def test_attempts_waits_and_trouble_are_told():
    history = History()
    work = history.add("activity_task_scheduled", activity_type=ActivityType(name="write_order"))
    history.add("activity_task_started", scheduled_event_id=work, attempt=3, last_failure=Failure(message="disk full"))
    history.add("activity_task_completed", scheduled_event_id=work)
    timer = history.add("timer_started", start_to_fire_timeout=Duration(seconds=30))
    history.add("timer_fired", started_event_id=timer)
    history.add("workflow_task_failed", failure=Failure(message="no such workflow"))

    told = [(each.kind, each.title, each.attempts, each.reason) for each in history.told().happenings]

    assert told == [
        ("activity", "write_order", 3, "tried 3 times; before: disk full"),
        ("wait", "Waits 30 s", 1, ""),
        ("trouble", "A worker could not go on with it, and tries again", 1, "no such workflow"),
    ]


def test_a_run_of_another_team_s_making_is_no_part_of_a_tree():
    history = History(Call(root="tree", team="bank", caller="desk", address=Address("bank", "bank.v1", "pay")))

    found = tell(history.events, namespace="desk", workflow_id="w", run_id="r", team="desk", knowledge=Book())  # pyright: ignore[reportArgumentType] - as above

    assert found is None


@pytest.fixture
def stories(any_database: Callable[[], str]):
    database = Database.open(any_database.migrated())
    yield Stories(database)
    database.close()


def test_a_story_is_kept_once_however_often_it_is_told_and_goes_when_it_is_old(stories: Stories):
    history = History()
    begun = paying(history)
    stories.keep([history.told()])
    history.add("nexus_operation_completed", scheduled_event_id=begun, result=payload({"note": "\x00done"}))
    history.add("workflow_execution_completed")
    stories.keep([history.told(since=begun)])

    [execution], happened, is_all = stories.of("tree", most=10)
    assert (execution.outcome, is_all) == ("ok", True)
    assert [(each.title, each.outcome) for each in happened["r"]] == [("bank.v1 pay", "ok")]

    assert stories.prune(BEGAN + timedelta(days=1)) == 1
    assert stories.of("tree", most=10) == ([], {}, True)


def reset(history: History, **course: object) -> int:
    number = history.add(
        "workflow_task_failed", cause=WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW
    )
    told = {"of": "run-before", "to": "r", "step": 2, "by": "ada", **course}
    history.add("workflow_execution_signaled", signal_name=RESET, input=[payload(told)])
    return number


def test_a_run_that_was_reset_says_of_what_from_which_step_and_otherwise_how_and_tells_nothing_twice():
    history = History()
    history.model([{"role": "user", "content": "Is it here?"}], {"content": "I look."})
    paying(history)
    began = reset(history, instructions=f"Never use {CARD}.", model="m2", dry=True)
    history.model([{"role": "user", "content": "Is it here?"}], {"content": "It is."})

    story = history.told()
    arranged = tree([story.execution], {"r": story.happenings}, [], now=BEGAN)

    told, asked = story.happenings
    assert (told.kind, told.title) == ("told", "Reset of run-before to step 2 by ada")
    assert told.reason == "other instructions, model m2, dry: nothing is changed any more"
    assert told.detail["instructions"] == "Never use (payment)."
    assert asked.detail["answer"] == "It is."
    assert story.execution.started == BEGAN + timedelta(seconds=began)
    assert arranged is not None
    assert [line.happening for line in arranged.resets] == [told]


def test_only_the_last_of_several_resets_is_a_run_s_own():
    history = History()
    reset(history, step=1)
    history.model([], {"content": "Once."})
    reset(history, step=3, by="bob")

    assert [each.title for each in history.told().happenings] == ["Reset of run-before to step 3 by bob"]


def test_a_model_that_was_not_asked_says_whose_budget_is_short():
    history = History()
    history.model([], {"finish_reason": "over_budget", "budget": "the budget of team 'desk' by day"})
    history.model([], {"finish_reason": "over_budget"})

    first, second = history.told().happenings
    assert first.outcome == second.outcome == "refused"
    assert first.reason == "not asked: it could have taken more than is left of the budget of team 'desk' by day"
    assert "the budget of this piece of work" in second.reason


@pytest.mark.parametrize(
    ("result", "why"),
    [
        ({"stopped_because": "max_steps", "answer": "so far"}, "it has made all the steps that it may"),
        ({"stopped_because": "budget"}, "a budget of its team is used up"),
        (
            {"answer": "Stopped at the limit of tokens, before the work was done. It was"},
            "the limit of tokens is reached",
        ),
    ],
)
def test_an_agent_that_stopped_before_its_work_was_done_says_why(result, why):
    history = History()
    history.add("workflow_execution_completed", result=[payload(result)])

    story = history.told()
    [stop] = story.happenings
    assert (stop.kind, stop.reason, story.execution.outcome) == ("stop", why, "ok")
    shown = tree([story.execution], {"r": [stop]}, [], now=BEGAN)
    assert [line.reason for line in shown.stops] == [why]


@pytest.mark.parametrize("result", [{"stopped_because": "answered"}, {"stopped_because": ["x"]}, {"answer": 3}, []])
def test_an_agent_that_was_done_did_not_stop(result):
    history = History()
    history.add("workflow_execution_completed", result=[payload(result)])

    assert history.told().happenings == ()
