"""Runs that are taken up again from one of their steps, on a real Temporal server with the offline model."""

import base64
import re
import time
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowHistory
from two_teams import ADA, ADDRESS

from callboard_contracts import Promise, RefusedError, UnavailableError, describe
from callboard_contracts.customers import v1 as customers
from callboard_contracts.orders import v1 as orders
from callboard_kit.agent.loop import DRY
from callboard_kit.contract_book import ContractBook
from callboard_kit.identity import SigningKey
from callboard_kit.persons import Credential, Person
from callboard_kit.replaying import Gate
from callboard_kit.replaying.masking import masked
from callboard_kit.resetting.performing import Point, reset
from callboard_orchestrator.resetting import Change, Resetting
from callboard_orchestrator.runs import PREFIX, Runs, UnknownRunError
from callboard_orchestrator.workflows import Orchestrate, Relocate

PROMISES: dict[tuple[str, str], Promise] = {
    (service.service, operation.name): operation.promise
    for service in (describe(customers.Customers), describe(orders.Orders))
    for operation in service.operations
}
INBOX = SigningKey.generate("inbox")


FIND = ("customers_v1__find_user_id_by_email", {"email": ADA.email})


def calling(*calls: tuple[str, dict[str, object]]) -> dict[str, object]:
    return {"tool_calls": [{"name": name, "arguments": arguments} for name, arguments in calls]}


def saying(words: str) -> dict[str, object]:
    return {"content": words}


def look(order_id: str) -> tuple[str, dict[str, object]]:
    return ("orders_v1__get_order_details", {"order_id": order_id})


def cancel(order_id: str) -> tuple[str, dict[str, object]]:
    return ("orders_v1__cancel_pending_order", {"order_id": order_id, "reason": "no longer needed"})


def credential_of(name: str, *scopes: str, issuer: SigningKey = INBOX) -> Credential:
    return Credential.issue(issuer, Person(name=name, scopes=scopes), now=time.time(), lifetime=timedelta(hours=1))


OPERATOR = credential_of("otto", "runs-all")


@pytest.fixture
def resetting(stage: Any) -> Resetting:
    async def promises(_operations: object) -> dict[tuple[str, str], Promise]:
        return PROMISES

    key = INBOX.public_key
    return Resetting(
        stage.client,
        promises=promises,
        find_key=lambda team, key_id: key if (team, key_id) == ("inbox", key.key_id) else None,
    )


async def settled_run(stage: Any, *steps: dict[str, object], person: str = "ada") -> Any:
    await stage.offline.play(stage.words, *steps)
    run = await Runs(stage.client).start(stage.words, person=person)
    await run.result()
    return run


async def asked_of(stage: Any, run_id: str) -> list[dict[str, Any]]:
    """List what the model was asked for one run of Temporal's."""
    answer = await stage.offline.http.get("/offline/requests", params={"key": run_id})
    return answer.json()["requests"]


async def test_a_run_goes_on_from_a_step_with_other_instructions_and_asks_nothing_before_it_again(stage, resetting):
    run = await settled_run(stage, calling(FIND), calling(look("#W2")), saying("It is pending."))
    before = await run.steps()

    done = await resetting.reset(run.id, Change(step=3, instructions="Be brief."), credential=OPERATOR)
    settled = await run.result()

    assert settled.answer == "It is pending."
    assert [call.operation for call in settled.calls] == ["find_user_id_by_email", "get_order_details"]
    assert settled.usage.model_calls == 3
    assert len(await asked_of(stage, done.goes_on_as)) == 1
    assert len(await asked_of(stage, done.of)) == 3
    assert len(stage.customers.people) == 1
    after = await run.steps()
    assert after.steps[:2] == before.steps[:2]
    assert (before.steps[2].instructions[:11], after.steps[2].instructions) == ("You settle ", "Be brief.")
    [course] = after.resets
    assert (course.of, course.to, course.step, course.by, course.dry) == (done.of, done.goes_on_as, 3, "otto", False)


async def test_a_run_can_be_reset_again_before_and_after_the_step_it_was_reset_to(stage, resetting):
    run = await settled_run(stage, calling(FIND), calling(look("#W2")), calling(look("#W4")), saying("Both pending."))

    told: list[list[str]] = []
    for step, words in ((2, "a"), (4, "b"), (3, "c"), (1, "d")):
        done = await resetting.reset(run.id, Change(step=step, instructions=words), credential=OPERATOR)
        assert (await run.result()).answer == "Both pending."
        assert len(await asked_of(stage, done.goes_on_as)) == 5 - step
        told.append([each.instructions[:2] for each in (await run.steps()).steps])
        history = await stage.client.get_workflow_handle(f"{PREFIX}{run.id}").fetch_history()
        # Also on a worker that was not there when it was reset.
        assert (await Gate("orchestrator", (Orchestrate, Relocate)).judge(history)).verdict == "same"
    assert told == [["Yo", "a", "a", "a"], ["Yo", "a", "a", "b"], ["Yo", "a", "c", "c"], ["d", "d", "d", "d"]]


async def test_another_model_is_asked_from_the_step_on(stage, resetting):
    run = await settled_run(stage, calling(FIND), saying("Found."))

    await resetting.reset(run.id, Change(step=2, model="one-that-nobody-has"), credential=OPERATOR)

    with pytest.raises(UnavailableError, match="does not know model 'one-that-nobody-has'"):
        await run.result()
    assert len(stage.customers.people) == 1


async def test_what_was_done_for_good_is_not_done_twice_except_dry(stage, resetting):
    run = await settled_run(stage, calling(FIND), calling(cancel("#W2")), saying("Cancelled."))

    with pytest.raises(RefusedError) as caught:
        await resetting.reset(run.id, Change(step=2, model="other", undone=True), credential=OPERATOR)
    later = await resetting.reset(run.id, Change(step=3, instructions="Be brief."), credential=OPERATOR)
    await run.result()
    dry = await resetting.reset(run.id, Change(step=1, instructions="Try.", dry=True), credential=OPERATOR)
    settled = await run.result()

    assert "orders.v1 cancel_pending_order was carried out, which would change something twice for good" in str(
        caught.value
    )
    assert (later.dry, dry.dry) == (False, True)
    assert [(call.operation, call.outcome, call.error) for call in settled.calls] == [
        ("find_user_id_by_email", "ok", None),
        ("cancel_pending_order", "refused", DRY),
    ]
    assert stage.orders.cancelled == ["#W2"]


async def test_what_can_be_changed_back_counts_no_more_once_it_was(stage, resetting):
    moved = {"order_id": "#W2", **ADDRESS.model_dump(exclude_none=True)}
    run = await settled_run(stage, calling(("orders_v1__modify_pending_order_address", moved)), saying("Moved."))

    with pytest.raises(RefusedError, match="twice, and can be changed back"):
        await resetting.reset(run.id, Change(step=1), credential=OPERATOR)
    await resetting.reset(run.id, Change(step=1, undone=True), credential=OPERATOR)

    assert (await run.result()).answer == "Moved."


@pytest.mark.parametrize(
    ("credential", "why"),
    [
        (credential_of("ada", "runs"), None),
        (credential_of("bob", "runs"), "'bob' may not reset run"),
        (credential_of("ada", "approvals"), "'ada' may not reset run"),
        (credential_of("otto", "runs-all", issuer=SigningKey.generate("inbox")), "not proved who resets"),
    ],
    ids=["whom it is done for", "somebody else", "without the scope", "vouched for by nobody"],
)
async def test_only_whom_it_is_done_for_and_who_may_have_to_do_with_all_runs_reset_it(
    stage, resetting, credential, why
):
    run = await settled_run(stage, saying("Hello."))

    if why is None:
        done = await resetting.reset(run.id, Change(step=1), credential=credential)
        assert (await run.result()).answer == "Hello."
        assert done.by == "ada"
        return
    with pytest.raises(RefusedError, match=why):
        await resetting.reset(run.id, Change(step=1), credential=credential)


async def test_a_run_that_goes_on_and_a_step_that_there_is_not_are_refused(stage, resetting):
    run = await settled_run(stage, saying("Hello."))
    stage.orders.present.awaited = 2
    await stage.offline.play(f"{stage.words} on", calling(look("#W2")), saying("Never."))
    busy = await Runs(stage.client).start(f"{stage.words} on")

    with pytest.raises(RefusedError, match="has 1 steps, and no step 2"):
        await resetting.reset(run.id, Change(step=2), credential=OPERATOR)
    with pytest.raises(RefusedError, match=f"goes on.*callboard runs cancel {busy.id}"):
        await resetting.reset(busy.id, Change(step=1), credential=OPERATOR)
    with pytest.raises(UnknownRunError):
        await resetting.reset("nothing", Change(step=1), credential=OPERATOR)
    with pytest.raises(RefusedError, match="instructions are empty"):
        await resetting.reset(run.id, Change(step=1, instructions=" "), credential=OPERATOR)

    await busy.give_up(reason="the test is over")


async def test_a_run_that_somebody_reset_past_us_does_nothing_unasked(stage, resetting, monkeypatch):
    monkeypatch.setattr("callboard_kit.agent.course.PATIENCE", timedelta(seconds=0.2))
    run = await settled_run(stage, saying("Hello."))
    [step] = (await run.steps()).steps
    workflow_id = f"{PREFIX}{run.id}"
    described = await stage.client.get_workflow_handle(workflow_id).describe()

    point = Point(workflow_id=workflow_id, run_id=described.run_id, task=step.task)
    goes_on_as = await reset(stage.client, point, reason="by hand", request_id="1")

    with pytest.raises(RefusedError, match="reset without a word"):
        await run.result()
    assert await asked_of(stage, goes_on_as) == []


async def test_a_sample_of_a_run_that_was_reset_replays_and_does_not_say_by_whom(stage, resetting):
    run = await settled_run(stage, calling(FIND), saying("Found."))
    await resetting.reset(run.id, Change(step=2, instructions="Be brief."), credential=OPERATOR)
    await run.result()

    history = await stage.client.get_workflow_handle(f"{PREFIX}{run.id}").fetch_history()
    sample = masked(history, ContractBook())

    judged = await Gate("orchestrator", (Orchestrate, Relocate)).judge(WorkflowHistory.from_json("sample", sample))
    payloads = [base64.b64decode(each) for each in re.findall(r'"data": "([A-Za-z0-9+/=]+)"', sample)]
    assert judged.verdict == "same"
    assert any(b"Be brief." in each for each in payloads)
    assert not any(b'"otto"' in each for each in payloads)
