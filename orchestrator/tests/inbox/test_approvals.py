"""Questions of agents, asked and answered on a real server."""

import asyncio
import json
import re
from datetime import timedelta

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError

from callboard_contracts import RefusedError
from callboard_kit.agent import CallRecord
from callboard_kit.approvals import Terms
from callboard_kit.approvals.answers import sign_answer
from callboard_kit.approvals.terms import Escalation
from callboard_kit.identity import SigningKey
from callboard_kit.persons import Credential, Person
from callboard_kit.testing import calling

VASE = [calling("send", {"name": "vase", "weight": 2})]
SOON = timedelta(seconds=2)


async def test_what_a_person_approves_happens(depot):
    async with depot.worker(VASE, "Sent."):
        handle = await depot.start(root="approve-it")
        [asked] = await depot.asked("approve-it")
        told = (asked.team, asked.chain, asked.person, asked.question.operation, asked.question.arguments)

        verdict = await depot.inbox.answer(asked.gate, depot.credential("ada"), approve=True)
        outcome = await handle.result()

    assert told == ("depot", ("depot",), "the customer", "send", {"name": "vase", "weight": 2})
    assert (verdict.outcome, verdict.person) == ("approved", "ada")
    assert outcome.calls == (CallRecord(service="local", operation="send", outcome="ok"),)
    assert depot.books.sent == ["vase"]


async def test_what_a_person_refuses_does_not_happen_and_the_model_is_told_why(depot):
    async with depot.worker(VASE, "Not sent.") as model:
        handle = await depot.start(root="refuse-it")
        [asked] = await depot.asked("refuse-it")

        await depot.inbox.answer(asked.gate, depot.credential("ada"), approve=False, reason="it is cracked")
        outcome = await handle.result()

    assert (outcome.answer, [call.outcome for call in outcome.calls]) == ("Not sent.", ["refused"])
    told = json.loads(model.requests[1].messages[-1].content)
    assert told == {"error": {"kind": "refused", "message": "ada did not approve local send: it is cracked"}}
    assert depot.books.sent == []


async def test_a_question_says_why_it_is_asked(depot):
    step = [calling("send", {"name": "vase"})]
    async with depot.worker(step, "Done."):
        handle = await depot.start(root="why", terms=Terms(approvers=("ada", "role:packers")))
        [asked] = await depot.asked("why")
        await depot.inbox.answer(asked.gate, depot.credential("bob", "packers"), approve=True)
        await handle.result()

    question = asked.question
    assert (question.agent, question.rule, question.reason) == ("worker", "ask-for-effects", "the effect is write")
    assert (asked.approvers, question.then, question.patience_seconds) == (("ada", "role:packers"), "refuse", 3600)


@pytest.mark.parametrize(("then", "outcomes", "sent"), [("refuse", ["refused"], []), ("proceed", ["ok"], ["vase"])])
async def test_a_question_that_nobody_answers_ends_as_its_terms_say(depot, then, outcomes, sent):
    async with depot.worker(VASE, "Well."):
        handle = await depot.start(terms=Terms(patience=SOON, then=then))
        outcome = await handle.result()

    assert [call.outcome for call in outcome.calls] == outcomes
    assert depot.books.sent == sent


async def test_a_question_that_nobody_answers_can_go_to_others(depot):
    terms = Terms(approvers=("ada",), patience=SOON, then="escalate", escalation=Escalation(approvers=("grace",)))
    async with depot.worker(VASE, "Sent."):
        handle = await depot.start(root="escalate", terms=terms)
        [asked] = await depot.asked("escalate")
        with pytest.raises(RefusedError, match=r"'grace' may not answer .*; it is for ada"):
            await depot.inbox.answer(asked.gate, depot.credential("grace"), approve=True)
        async with asyncio.timeout(60):
            while True:
                if (await depot.inbox.find(asked.gate)).asked.escalated:
                    break
                await asyncio.sleep(0.1)

        with pytest.raises(RefusedError, match=r"'ada' may not answer .*; it is for grace"):
            await depot.inbox.answer(asked.gate, depot.credential("ada"), approve=True)
        await depot.inbox.answer(asked.gate, depot.credential("grace"), approve=True)
        outcome = await handle.result()

    assert [call.outcome for call in outcome.calls] == ["ok"]


async def test_an_escalation_that_nobody_answers_is_refused(depot):
    terms = Terms(patience=SOON, then="escalate", escalation=Escalation(approvers=("grace",), patience=SOON))
    async with depot.worker(VASE, "Well."):
        outcome = await (await depot.start(terms=terms)).result()

    assert [(call.outcome, call.error) for call in outcome.calls] == [
        ("refused", "local send needs approval, and nobody answered in time")
    ]


async def test_of_three_answers_at_once_one_counts(depot):
    async with depot.worker(VASE, "Well."):
        handle = await depot.start(root="three")
        [asked] = await depot.asked("three")
        answers = await asyncio.gather(
            *(
                depot.inbox.answer(asked.gate, depot.credential(name), approve=name != "bob")
                for name in ("ada", "bob", "eve")
            ),
            return_exceptions=True,
        )
        await handle.result()

    won = [each for each in answers if not isinstance(each, BaseException)]
    lost = [str(each) for each in answers if isinstance(each, RefusedError)]
    assert (len(won), len(lost)) == (1, 2)
    told = f"{asked.gate} is answered already: {won[0].outcome} by {won[0].person}"
    assert lost == [told, told]


async def test_whoever_answers_what_is_over_is_told_how_it_ended(depot):
    async with depot.worker(VASE, "Well."):
        handle = await depot.start(root="over")
        [asked] = await depot.asked("over")
        await depot.inbox.answer(asked.gate, depot.credential("ada"), approve=False)
        await handle.result()

        with pytest.raises(RefusedError, match=f"{asked.gate} is answered already: refused by ada"):
            await depot.inbox.answer(asked.gate, depot.credential("ada"), approve=True)

        handle = await depot.start(root="too-late", terms=Terms(patience=SOON))
        [asked] = await depot.asked("too-late")
        await handle.result()
        with pytest.raises(RefusedError, match=f"{asked.gate} is over: nobody answered it until 20"):
            await depot.inbox.answer(asked.gate, depot.credential("ada"), approve=True)


@pytest.mark.parametrize("gate", ["gate-depot-0123456789abcdef01234567", "work-nothing", "x' OR '1'='1", ""])
async def test_a_question_that_is_not_there_cannot_be_answered(depot, gate):
    with pytest.raises(RefusedError, match=f"^(there is no question )?{re.escape(repr(gate))}"):
        await depot.inbox.answer(gate, depot.credential("ada"), approve=True)


async def test_the_same_answer_handed_in_twice_is_one_answer(depot):
    async with depot.worker(VASE, "Sent."):
        handle = await depot.start(root="again")
        [asked] = await depot.asked("again")
        statement = sign_answer(depot.credential("ada"), asked.question, approve=True, now=asked.at.timestamp())
        verdicts = await asyncio.gather(*(depot.inbox.deliver(asked.gate, statement) for _ in range(2)))
        await handle.result()

    assert verdicts[0] == verdicts[1]


async def test_nobody_answers_whom_the_inbox_does_not_vouch_for(depot):
    forger = SigningKey.generate("inbox")
    forged = Credential.issue(
        forger, Person(name="ada", scopes=("approvals",)), now=1.8e9, lifetime=timedelta(days=9000)
    )
    async with depot.worker(VASE, "Sent."):
        handle = await depot.start(root="forged")
        [asked] = await depot.asked("forged")
        for credential, why in (
            (forged, "no key .* is known for 'inbox'"),
            (depot.credential("ada", scopes=("runs",)), "'ada' has no right to answer; the credential lacks scope"),
        ):
            with pytest.raises(RefusedError, match=f"the answer to {asked.gate} does not count: {why}"):
                await depot.inbox.answer(asked.gate, credential, approve=True)
        other = asked.question.model_copy(update={"arguments": {"name": "vase", "weight": 1}})
        statement = sign_answer(depot.credential("ada"), other, approve=True, now=asked.at.timestamp())
        with pytest.raises(RefusedError, match="does not count: the answer is to another question"):
            await depot.inbox.deliver(asked.gate, statement)
        with pytest.raises(RefusedError, match="does not count: it is no signed statement"):
            await depot.inbox.deliver(asked.gate, "nonsense")

        assert (await depot.inbox.find(asked.gate)).state == "waiting"
        await depot.inbox.answer(asked.gate, depot.credential("ada"), approve=False)
        await handle.result()


async def test_approve_and_remember_releases_what_waits_and_asks_no_more_in_this_run(depot):
    two = [calling("send", {"name": "vase"}), calling("send", {"name": "lamp"})]
    async with depot.worker(two, [calling("send", {"name": "rug"})], "All sent."):
        handle = await depot.start(root="remember")
        first, second = await depot.asked("remember", count=2)

        await depot.inbox.answer(first.gate, depot.credential("ada"), approve=True, remember=True)
        outcome = await handle.result()

    assert sorted(depot.books.sent) == ["lamp", "rug", "vase"]
    assert [call.outcome for call in outcome.calls] == ["ok", "ok", "ok"]
    assert (await depot.inbox.find(second.gate)).state == "withdrawn"
    with pytest.raises(RefusedError, match="was taken back"):
        await depot.inbox.answer(second.gate, depot.credential("ada"), approve=True)


async def test_a_refusal_is_not_remembered(depot):
    async with depot.worker(VASE, VASE, "Well."):
        handle = await depot.start(root="once")
        for approve in (False, True):
            [asked] = await depot.asked("once")
            await depot.inbox.answer(asked.gate, depot.credential("ada"), approve=approve, remember=True)
            await depot.none_waits("once") if not approve else None
        outcome = await handle.result()

    assert [call.outcome for call in outcome.calls] == ["refused", "ok"]


async def test_cancelling_the_run_takes_its_question_back(depot):
    async with depot.worker(VASE, "never said"):
        handle = await depot.start(root="cancelled")
        [asked] = await depot.asked("cancelled")
        # Temporal tells nobody of a cancellation before it has heard that an operation has begun.
        async for event in handle.fetch_history_events(wait_new_event=True):
            if event.event_type == EventType.EVENT_TYPE_NEXUS_OPERATION_STARTED:
                break

        await handle.cancel()
        with pytest.raises(WorkflowFailureError):
            await handle.result()
        await depot.none_waits("cancelled")

    assert (await handle.describe()).status is WorkflowExecutionStatus.CANCELED
    assert (await depot.inbox.find(asked.gate)).state == "withdrawn"


async def test_a_policy_that_cannot_be_evaluated_lets_nothing_through(depot):
    async with depot.worker(VASE, "Not sent."):
        outcome = await (await depot.start(policy="fails")).result()

    assert outcome.calls[0].error == (
        "rule 'policy-failed' of the agent does not allow it: the policy could not be evaluated (ZeroDivisionError)"
    )
    assert depot.books.sent == []


async def test_a_question_asked_deep_in_a_tree_is_in_the_inbox_of_its_root(depot, teams):
    delegate = [calling("office_v1__assist", {"goal": "Give back 12."})]
    refund = [calling("bank_v1__refund", {"amount": 12, "account": "DE02 1203"})]
    async with depot.worker(delegate, "Done."), teams(refund, "Given back."):
        handle = await depot.start(root="deep", policy="automatic")
        [asked] = await depot.asked("deep")

        await depot.inbox.answer(asked.gate, depot.credential("ada"), approve=True)
        outcome = await handle.result()

    assert (asked.team, asked.chain, asked.question.agent) == ("office", ("depot", "office"), "clerk")
    assert asked.question.arguments == {"amount": 12, "account": "[masked: payment]"}
    assert "DE02" not in asked.model_dump_json()
    assert [call.outcome for call in outcome.calls] == ["ok"]
    assert depot.books.refunds == [12]


async def test_a_question_does_not_wait_longer_than_the_caller_of_the_one_who_asks(depot, teams):
    delegate = [calling("office_v1__assist", {"goal": "Give back 12."})]
    async with (
        depot.worker(delegate, "Done."),
        teams([calling("bank_v1__refund", {"amount": 12, "account": "x"})], "."),
    ):
        handle = await depot.start(root="short", policy="automatic")
        [asked] = await depot.asked("short")
        await depot.inbox.answer(asked.gate, depot.credential("ada"), approve=False)
        await handle.result()

    assert 40 < (asked.until - asked.at).total_seconds() < 60
