"""What histories say of models: the same as workers tell, under the same name."""

from datetime import UTC, datetime

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import WorkflowTaskFailedCause
from temporalio.api.history.v1 import HistoryEvent

from callboard_contracts import Usage
from callboard_kit.agent.messages import CALL_MODEL, ModelReply
from callboard_kit.caller import CALL_HEADER
from callboard_kit.tokens import Address, Call
from callboard_registry.database import Database
from callboard_registry.ledger.deriving import uses_in
from callboard_registry.ledger.keeping import Ledger, WhichSpending
from callboard_registry_api.budgets import ModelUse

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
CALL = Call(root="r", team="orders", caller="support", token_id="t", address=Address("orders", "orders.v1", "assist"))


def payload(data: bytes) -> Payload:
    return Payload(metadata={"encoding": b"json/plain"}, data=data)


def event(number: int) -> HistoryEvent:
    made = HistoryEvent(event_id=number)
    made.event_time.FromDatetime(NOON)
    return made


def history(call: Call | None, *replies: bytes) -> list[HistoryEvent]:
    first = event(1)
    first.workflow_execution_started_event_attributes.workflow_type.name = "Assist"
    if call is not None:
        fields = first.workflow_execution_started_event_attributes.header.fields
        fields[CALL_HEADER].CopyFrom(payload(call.to_json()))
    events = [first]
    for place, reply in enumerate(replies):
        asked, answered = event(2 * place + 2), event(2 * place + 3)
        asked.activity_task_scheduled_event_attributes.activity_id = str(place)
        asked.activity_task_scheduled_event_attributes.activity_type.name = CALL_MODEL
        answered.activity_task_completed_event_attributes.scheduled_event_id = asked.event_id
        answered.activity_task_completed_event_attributes.result.payloads.append(payload(reply))
        events += [asked, answered]
    return events


def reply(cost: float | None = 0.25) -> bytes:
    usage = Usage(input_tokens=100, output_tokens=10, model_calls=1, cost_usd=cost)
    return ModelReply(content="hi", model="m-1", usage=usage).model_dump_json().encode()


def use(**changed: object) -> ModelUse:
    told: dict[str, object] = {
        "key": "run/0",
        "root": "r",
        "caller": "support",
        "operation": "assist",
        "model": "m-1",
        "at": NOON,
        "input_tokens": 100,
        "output_tokens": 10,
        "cost": 250_000_000,
    }
    return ModelUse(**{**told, **changed})  # type: ignore[arg-type] - as above


def test_a_model_call_in_a_history_is_the_one_that_its_worker_tells_of():
    assert uses_in(history(CALL, reply()), run_id="run", team="orders") == [("orders", use())]


def test_work_at_the_root_of_a_tree_is_the_team_s_own_and_goes_by_its_workflow():
    root = Call(root="r", team="orders", opens=True)

    assert uses_in(history(root, reply(None)), run_id="run", team="orders") == [
        ("orders", use(caller="orders", operation="Assist", cost=None))
    ]


@pytest.mark.parametrize("told", [b"", b"{", b"3", b'{"usage": "much"}', b'{"finish_reason": "over_budget"}'])
def test_what_is_no_answer_of_a_model_counts_for_nothing(told):
    assert uses_in(history(CALL, told), run_id="run", team="orders") == []


def test_a_history_without_a_call_is_its_team_s():
    [(team, found)] = uses_in(history(None, reply()), run_id="run", team="orders")

    assert (team, found.caller, found.root) == ("orders", "orders", "")


def test_told_and_derived_it_counts_once_and_what_is_pruned_is_not_counted_again(any_database):
    database = Database.open(any_database.migrated())
    ledger = Ledger(database)
    late = use(key="run/9", at=datetime(2026, 11, 23, tzinfo=UTC))
    try:
        assert ledger.add([("orders", use()), ("orders", use())]) == 1
        assert ledger.add(uses_in(history(CALL, reply(), reply()), run_id="run", team="orders")) == 1
        assert ledger.prune(datetime(2026, 11, 22, 18, tzinfo=UTC)) == 2
        assert ledger.add([("orders", use()), ("orders", late)]) == 1
        [row] = ledger.sums(WhichSpending(team="orders"), by=("caller",))
    finally:
        database.close()

    assert (row.model_calls, row.input_tokens, row.cost) == (3, 300, 750_000_000)


def test_what_was_asked_before_a_reset_counts_in_the_run_that_was_reset():
    events = history(CALL, reply(), reply())
    reset = event(events[2].event_id)
    reset.workflow_task_failed_event_attributes.cause = (
        WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW
    )

    [(_, found)] = uses_in([*events[:3], reset, *events[3:]], run_id="run", team="orders")

    assert found.key == "run/1"
