"""Approvals on the whole mesh: the reference tasks with a person at the inbox, kills, and the command."""

import json
import os
import signal
from collections.abc import AsyncIterator

import pytest

from callboard_orchestrator.client import start_orchestrate
from tests.playing.approving import Approver, approver, play_with_approval, writes_made
from tests.playing.asking import billing_asks
from tests.playing.books import expected_effects, surplus
from tests.playing.commands import told
from tests.playing.judging import wrong_records, wrong_results
from tests.playing.stage import Stage
from tests.playing.tasks import Task, own
from tests.playing.waiting import until

pytestmark = pytest.mark.timeout(300)

TASKS = own()
CANCELLING = next(task for task in TASKS.tasks if task.id == "cancel-to-gift-card")


@pytest.fixture
async def person(stage: Stage) -> AsyncIterator[Approver]:
    await stage.fill(TASKS)
    async with approver(stage) as each:
        yield each


@pytest.mark.parametrize("task", [pytest.param(task, id=task.id) for task in TASKS.tasks])
async def test_a_task_is_settled_rightly_when_a_person_approves_every_write(stage: Stage, person: Approver, task: Task):
    played = await play_with_approval(stage, person, task)

    assert [asked.question.operation for asked, _ in person.answered] == writes_made(task, played)
    assert wrong_results(task, played.told) == []
    assert wrong_records(task.changed, stage.books.changed(TASKS.records)) == []
    assert surplus(expected_effects([task], TASKS.records), stage.books.effects()) == []


async def test_nothing_changes_when_a_person_approves_nothing(stage: Stage, person: Approver):
    played = await play_with_approval(stage, person, CANCELLING, approve=False)

    errors = [call.error for call in played.settled.calls if call.operation == "cancel_pending_order"]
    assert "ada did not approve orders.v1 cancel_pending_order" in errors
    assert stage.books.changed(TASKS.records) == {}
    assert stage.books.effects() == {}


@pytest.mark.parametrize("victim", ["orchestrator", "inbox"])
async def test_a_worker_that_is_killed_while_a_question_waits_loses_nothing(
    stage: Stage, person: Approver, victim: str
):
    root = f"killed-{victim}-{os.getpid()}"
    client = await stage.client("orchestrator")
    handle = await start_orchestrate(client, CANCELLING.words, root=root, approvals="effects")
    [asked] = await person.waiting(root)
    pid = stage.processes()[victim].pid
    assert pid is not None

    os.kill(pid, signal.SIGKILL)
    await until(lambda: _is_back(stage, victim, pid), within=60)
    await person.inbox.answer(asked.gate, person.credential, approve=True)
    async with person.answering(root):
        await handle.result()

    assert wrong_records(CANCELLING.changed, stage.books.changed(TASKS.records)) == []
    assert surplus(expected_effects([CANCELLING], TASKS.records), stage.books.effects()) == []


async def test_a_refund_that_billing_wants_approved_is_asked_for_in_the_inbox_of_the_root(
    stage: Stage, person: Approver
):
    root = f"billing-asks-{os.getpid()}"
    async with billing_asks(stage):
        client = await stage.client("orchestrator")
        handle = await start_orchestrate(client, CANCELLING.words, root=root)
        [asked] = await person.waiting(root)
        before = stage.books.effects()

        await person.inbox.answer(asked.gate, person.credential, approve=True, reason="paid twice")
        async with person.answering(root):
            await handle.result()

    assert (asked.team, asked.chain) == ("billing", ("orchestrator", "orders", "billing"))
    assert (asked.question.operation, asked.question.rule) == ("refund", "orders-moves-money")
    assert before == {}
    assert wrong_records(CANCELLING.changed, stage.books.changed(TASKS.records)) == []


async def test_the_command_lists_shows_and_answers_questions(stage: Stage, person: Approver):
    root = f"command-{os.getpid()}"
    client = await stage.client("orchestrator")
    handle = await start_orchestrate(client, CANCELLING.words, root=root, approvals="effects")
    await person.waiting(root)

    await told(stage.environment, "persons", "issue", "grace", "--role", "finance")
    [asked] = json.loads(await told(stage.environment, "approvals", "list", "--root", root, "--json"))
    listed = await told(stage.environment, "approvals", "list", "--root", root)
    shown = await told(stage.environment, "approvals", "show", asked["gate"])
    approved = await told(stage.environment, "approvals", "approve", asked["gate"], "--as", "grace", "--reason", "fine")
    async with person.answering(root):
        await handle.result()
    again = await told(stage.environment, "approvals", "reject", asked["gate"], "--as", "grace", code=1)
    unknown = await told(stage.environment, "approvals", "show", "gate-orders-nothing", code=1)
    nobody = await told(stage.environment, "approvals", "approve", asked["gate"], "--as", "bob", code=1)

    assert asked["question"]["operation"] == "cancel_pending_order"
    assert f"{asked['gate']}  " in listed
    assert "orchestrator wants orders.v1 cancel_pending_order" in listed
    assert "state              waiting" in shown
    assert approved == f"{asked['gate']} is approved by grace\n"
    assert again == f"callboard: {asked['gate']} is answered already: approved by grace\n"
    assert unknown.startswith("callboard: there is no question 'gate-orders-nothing' in the inbox;")
    assert "there is no credential at" in nobody


async def _is_back(stage: Stage, name: str, killed: int) -> bool:
    pid = stage.processes()[name].pid
    return pid is not None and pid != killed and await stage.works(name, pid)
