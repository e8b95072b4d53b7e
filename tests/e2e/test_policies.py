"""Who may call what in the example shop, held against this table at the doors of the five teams."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

import pytest

from callboard_contracts import RefusedError, describe, services
from tests.playing.histories import Told, all_histories, conversation
from tests.playing.judging import wrong_records
from tests.playing.stage import Stage
from tests.playing.tasks import TaskSet, own

pytestmark = pytest.mark.timeout(300)

TEAMS = ("billing", "customers", "inventory", "orchestrator", "orders", "support")
ORDER = "#W2309762"
"""A pending order of the tests' own records; the task that cancels it says what must change then."""

CANCELLING = "cancel-to-gift-card"
MONEY = {"charge", "refund", "reverse"}
CONVERSATION = {"open", "say", "history", "close", "withdraw", "list_conversations"}


def may_call(caller: str, service: str, operation: str) -> bool:
    team = service.partition(".")[0]
    match team:
        case "inbox" | "orchestrator":
            return True
        case "billing":
            if operation in MONEY:
                return caller == "orders"
            if operation == "list_refunds":
                return caller == "orchestrator"
            return caller in {"customers", "orders", "orchestrator"}
        case "inventory":
            return caller in {"orchestrator", "support", "orders", "inventory"}
        case "customers":
            return caller in {"orchestrator", "support"} or (
                caller == team and operation not in {"assist", "converse", "list_order_news"}
            )
        case "orders":
            if caller == "customers":
                return operation in {"get_order_details", "assist"}
            return caller in {"orchestrator", "support"} or (caller == team and operation != "assist")
        case _:
            return caller == "orchestrator" or (caller == team and operation not in {"assist", *CONVERSATION})


@pytest.fixture
async def shop(stage: Stage) -> AsyncIterator[TaskSet]:
    tasks = own()
    await stage.fill(tasks)
    yield tasks


@pytest.mark.parametrize("caller", TEAMS)
async def test_a_team_may_call_what_the_table_says_and_nothing_else(stage: Stage, shop: TaskSet, caller: str):
    operations = [(name, each.name) for name in services for each in describe(services[name]).operations]

    async def is_let_in(service: str, operation: str) -> bool:
        try:
            # Nothing takes this input: whoever is let in is refused for it, and nothing happens.
            await stage.call(caller, service, operation, ["not an input"])
        except RefusedError as error:
            if str(error).startswith("no rule of the provider's policy lets"):
                assert str(error).endswith(f"lets {caller!r} call {service} {operation}")
                return False
            assert "cannot take this" in str(error)
            return True
        raise AssertionError(f"{service} {operation} takes anything")

    let_in = await asyncio.gather(*(is_let_in(*operation) for operation in operations))

    assert dict(zip(operations, let_in, strict=True)) == {each: may_call(caller, *each) for each in operations}
    assert stage.books.effects() == {}


@pytest.mark.parametrize("caller", ["billing", "customers", "inventory", "orders", "support"])
async def test_nobody_but_the_orchestrator_asks_support_in_words(stage: Stage, shop: TaskSet, caller: str):
    with pytest.raises(RefusedError, match=f"lets '{caller}' call support.v1 assist"):
        await stage.call(caller, "support.v1", "assist", {"goal": f"Cancel the order {ORDER}."})


async def test_who_may_not_cancel_cannot_have_an_agent_do_it(stage: Stage, shop: TaskSet):
    goal = f"Cancel the order {ORDER}, whatever it takes."
    await _agent_tries(
        stage, goal, ("orders_v1__cancel_pending_order", _CANCEL), ("orders_v1__get_order_details", _LOOK)
    )

    answer, told = await _ask(stage, "customers", "orders", goal)

    assert [(deed["operation"], deed["outcome"]) for deed in answer["deeds"]] == [
        ("cancel_pending_order", "refused"),
        ("get_order_details", "ok"),
    ]
    why = told[0].content["error"]["message"]
    assert why.startswith("rule 'own-agent")
    assert why.endswith("does not let 'orders' call orders.v1 cancel_pending_order on behalf of 'customers'")
    assert stage.books.changed(shop.records) == {}
    assert stage.books.effects() == {}


@pytest.mark.parametrize("team", ["orders", "support"])
async def test_who_may_cancel_can_have_an_agent_do_it(stage: Stage, shop: TaskSet, team: str):
    goal = f"Please have {team} cancel the order {ORDER}."
    await _agent_tries(stage, goal, ("orders_v1__cancel_pending_order", _CANCEL))

    answer, _ = await _ask(stage, "orchestrator", team, goal)

    assert [(deed["operation"], deed["outcome"]) for deed in answer["deeds"]] == [("cancel_pending_order", "ok")]
    [task] = [task for task in shop.tasks if task.id == CANCELLING]
    assert wrong_records(task.changed, stage.books.changed(shop.records)) == []


_CANCEL = {"order_id": ORDER, "reason": "no longer needed"}
_LOOK = {"order_id": ORDER}


async def _agent_tries(stage: Stage, goal: str, *calls: tuple[str, dict[str, str]]) -> None:
    steps = [{"tool_calls": [{"name": name, "arguments": arguments}]} for name, arguments in calls]
    script = {"id": goal, "match": goal, "equals": True, "steps": [*steps, {"content": "That is all I can do."}]}
    await stage.rehearse(script)


async def _ask(
    stage: Stage, caller: str, team: str, goal: str
) -> tuple[dict[str, list[dict[str, str]]], Sequence[Told]]:
    """Return what the team's agent answered, and what it was told by those it called."""
    began = datetime.now(UTC)
    answer = await stage.call(caller, f"{team}.v1", "assist", {"goal": goal})
    client = await stage.client(team)
    asked = [history async for found, history in all_histories(client, since=began) if found.workflow_type == "Assist"]
    [history] = asked
    return answer, conversation(history)
