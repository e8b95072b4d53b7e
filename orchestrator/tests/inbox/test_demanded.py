"""Approval that the policy of whoever is called demands, on a real server."""

from datetime import timedelta

import nexusrpc
import pytest
from depot import ALONE, MoveMoney
from depot_contracts import Bank, Receipt, Refund
from nexusrpc.handler import StartOperationContext, service_handler, sync_operation
from temporalio import nexus
from temporalio.service import RPCError

from callboard_contracts import RefusedError, promise
from callboard_kit import Policy, Rule, mesh
from callboard_kit.approvals import Demand, demanding
from callboard_kit.entities.lock import LOCK
from callboard_kit.entities.naming import lock_id
from callboard_kit.testing import calling
from callboard_kit.tokens import Origin

FINANCE = ("role:finance",)
DELEGATE = [calling("office_v1__assist", {"goal": f"Give back money {ALONE}."})]


@service_handler(service=Bank)
class HastyBank:
    """Has no workflow in which anything could wait."""

    @sync_operation
    async def refund(self, _ctx: StartOperationContext, refund: Refund) -> Receipt:
        raise AssertionError(f"{refund} was given back without approval")


@nexusrpc.service(name="bank.v2")
class Vault:
    """Moves money of one account at a time."""

    refund: nexusrpc.Operation[Refund, Receipt] = promise(
        kind="task",
        effect="irreversible",
        entity="account",
        latency=timedelta(seconds=1),
        longest=timedelta(seconds=50),
    )
    """Give money back."""


@service_handler(service=Vault)
class VaultService:
    """Has a workflow, and with it a lock."""

    @nexus.workflow_run_operation
    async def refund(self, ctx: nexus.WorkflowRunOperationContext, refund: Refund) -> nexus.WorkflowHandle[Receipt]:
        return await mesh.start_workflow(ctx, MoveMoney.run, refund)


def refunding(amount: float) -> list:
    return [calling("bank_v1__refund", {"amount": amount, "account": "DE02 1203"})]


def policy(service: str = "bank.v1", **demand: object) -> Policy:
    rule = Rule(
        name="large-refunds",
        callers=("*",),
        on_behalf_of=("*",),
        services=(service,),
        approval=Demand.model_validate({"approvers": FINANCE, **demand}) if demand.pop("asks", True) else None,
    )
    return Policy(rules=(rule,))


async def test_a_question_that_a_provider_asks_two_hops_deep_is_in_the_inbox_of_the_root(depot, teams):
    async with depot.worker(DELEGATE, "Done."), teams(refunding(812.5), "Given back.", bank=policy()):
        handle = await depot.start(root="two-hops", policy="automatic")
        [asked] = await depot.asked("two-hops")
        before = list(depot.books.refunds)

        with pytest.raises(RefusedError, match=r"'ada' may not answer .*; it is for role:finance"):
            await depot.inbox.answer(asked.gate, depot.credential("ada"), approve=True)
        await depot.inbox.answer(asked.gate, depot.credential("grace", "finance"), approve=True)
        outcome = await handle.result()

    assert (asked.team, asked.chain, asked.person) == ("bank", ("depot", "office", "bank"), "the customer")
    question = asked.question
    assert (question.agent, question.rule, question.effect) == ("refund", "large-refunds", "irreversible")
    assert question.arguments == {"amount": 812.5, "account": "[masked: payment]"}
    assert (before, depot.books.refunds) == ([], [812.5])
    assert [call.outcome for call in outcome.calls] == ["ok"]


async def test_what_is_not_approved_is_refused_to_the_caller(depot, teams):
    async with depot.worker(DELEGATE, "Done."), teams(refunding(812.5), "Refused.", bank=policy()):
        handle = await depot.start(root="not-two-hops", policy="automatic")
        [asked] = await depot.asked("not-two-hops")
        await depot.inbox.answer(asked.gate, depot.credential("grace", "finance"), approve=False, reason="too much")
        await handle.result()
        [assist] = [
            each
            async for each in (await depot.mesh.bare_client("office")).list_workflows(
                "WorkflowType='Assist' AND CallboardRoot='not-two-hops'"
            )
        ]
        told = str(await (await depot.mesh.bare_client("office")).get_workflow_handle(assist.id).fetch_history())

    assert "grace did not approve bank.v1 refund: too much (rule \\'large-refunds\\')" in told
    assert depot.books.refunds == []


async def test_a_rule_about_a_field_that_is_not_there_asks_about_everything(depot, teams):
    async with (
        depot.worker(DELEGATE, "Done."),
        teams(refunding(5), "Given back.", bank=policy(field="amout", above=500)),
    ):
        handle = await depot.start(root="misspelt", policy="automatic")
        [asked] = await depot.asked("misspelt")
        await depot.inbox.answer(asked.gate, depot.credential("grace", "finance"), approve=True)
        await handle.result()

    assert asked.question.reason == "amout is no number, so it cannot be judged"


@pytest.mark.parametrize(("amount", "asks"), [(500, False), (500.01, True)])
async def test_only_what_the_rule_is_about_is_asked(depot, teams, amount, asks):
    async with teams(bank=policy(field="amount", above=500)):
        office = await depot.mesh.client("office")
        nexus = office.create_nexus_client(service="bank.v1", endpoint="bank")
        with mesh.starting(Origin(root=f"about-{amount}")):
            handle = await nexus.start_operation(
                "refund", Refund(amount=amount, account="x"), id=f"about-{amount}", result_type=Receipt
            )
        if asks:
            [asked] = await depot.asked(f"about-{amount}")
            assert asked.question.reason == "amount is 500.01, above 500"
            await depot.inbox.answer(asked.gate, depot.credential("grace", "finance"), approve=True)

        assert (await handle.result()).amount == amount


async def test_an_answer_is_judged_by_the_policy_in_force_when_it_is_given(depot, teams):
    async with depot.worker(DELEGATE, "Done."), teams(refunding(1), "Refused.", bank=policy()):
        handle = await depot.start(root="changed", policy="automatic")
        [asked] = await depot.asked("changed")
        depot.mesh.tell_policy("bank", policy(approvers=("role:board",)))

        await depot.inbox.answer(asked.gate, depot.credential("grace", "finance"), approve=True)
        await handle.result()

    assert depot.books.refunds == []


async def test_a_policy_that_asks_no_more_releases_what_waits(depot, teams, monkeypatch):
    monkeypatch.setattr(demanding, "LOOKS", (timedelta(seconds=1),))
    async with depot.worker(DELEGATE, "Done."), teams(refunding(2), "Given back.", bank=policy()):
        handle = await depot.start(root="released", policy="automatic")
        [asked] = await depot.asked("released")

        depot.mesh.tell_policy("bank", policy(asks=False))
        await handle.result()

    assert depot.books.refunds == [2]
    assert (await depot.inbox.find(asked.gate)).state == "withdrawn"


async def test_a_policy_that_asks_others_has_the_question_asked_again(depot, teams, monkeypatch):
    monkeypatch.setattr(demanding, "LOOKS", (timedelta(seconds=1),))
    async with depot.worker(DELEGATE, "Done."), teams(refunding(3), "Given back.", bank=policy()):
        handle = await depot.start(root="others", policy="automatic")
        [first] = await depot.asked("others")
        depot.mesh.tell_policy("bank", policy(approvers=("role:board",)))
        while True:
            [second] = await depot.asked("others")
            if second.gate != first.gate:
                break
        await depot.inbox.answer(second.gate, depot.credential("bo", "board"), approve=True)
        await handle.result()

    assert depot.books.refunds == [3]


async def test_what_answers_at_once_is_refused_when_its_policy_wants_a_person_first(depot, teams):
    async with depot.mesh.member("bank", services=[HastyBank()], policy=policy(), contracts=[Bank]):
        office = await depot.mesh.client("office")
        nexus = office.create_nexus_client(service="bank.v1", endpoint="bank")
        with pytest.raises(RefusedError, match="wants bank\\.v1 refund approved by a person, but it"):
            await nexus.execute_operation("refund", Refund(amount=1, account="x"), id="hasty")


async def test_nothing_is_locked_while_a_person_thinks(depot):
    async with depot.mesh.member(
        "bank",
        services=[VaultService()],
        workflows=[MoveMoney],
        activities=[depot.books.book],
        policy=policy("bank.v2"),
        contracts=[Vault],
    ) as bank:
        office = (await depot.mesh.client("office")).create_nexus_client(service="bank.v2", endpoint="bank")
        with mesh.starting(Origin(root="unlocked")):
            handle = await office.start_operation(
                "refund", Refund(amount=7, account="a-77"), id="unlocked", result_type=Receipt
            )
        [asked] = await depot.asked("unlocked")
        lock = bank.get_workflow_handle(lock_id("bank", "account-a-77"))

        with pytest.raises(RPCError, match="not found"):
            await lock.describe()
        await depot.inbox.answer(asked.gate, depot.credential("grace", "finance"), approve=True)

        assert (await handle.result()).amount == 7
        assert (await lock.describe()).workflow_type == LOCK
