"""A worker that sends parcels, an office it may ask in words, and a bank that the office has move money."""

from datetime import timedelta
from typing import Final

from nexusrpc.handler import service_handler
from temporalio import activity, nexus, workflow

from callboard_contracts import Assistance, Goal, Message
from callboard_kit import mesh

with workflow.unsafe.imports_passed_through():
    from depot_contracts import BANK, OFFICE, Bank, Office, Parcel, Receipt, Refund

    from callboard_kit.agent import ActivityTool, Limits, Outcome, Tool, agent_run
    from callboard_kit.approvals import ApprovalPolicy, AskForEffects, Automatic, ByFunction, Judgement, Proposal, Terms

ALONE: Final = "on your own"
"""In a goal for the office: its agent asks nobody of itself."""


class Errand(Message):
    """What the worker is to do, and under which policy."""

    goal: str
    terms: Terms = Terms()
    policy: str = "effects"


class Books:
    """What really happened."""

    def __init__(self) -> None:
        self.refunds: list[float] = []
        self.sent: list[str] = []

    @activity.defn
    async def book(self, refund: Refund) -> Receipt:
        self.refunds.append(refund.amount)
        return Receipt(amount=refund.amount)

    @activity.defn
    async def send(self, parcel: Parcel) -> str:
        self.sent.append(parcel.name)
        return f"{parcel.name} is on its way"


def fails(_: Proposal) -> Judgement:
    raise ZeroDivisionError


def policy_of(errand: Errand) -> ApprovalPolicy:
    if errand.policy == "automatic":
        return Automatic()
    return ByFunction("fails", fails) if errand.policy == "fails" else AskForEffects(terms=errand.terms)


@workflow.defn
class Work:
    """An agent at the root of its tree."""

    @workflow.run
    async def run(self, errand: Errand) -> Outcome:
        send = ActivityTool(
            name="send",
            description="Send a parcel.",
            activity=Books.send,
            input_type=Parcel,
            effect="write",
            sensitive={},
        )
        tools: list[Tool] = [send, *OFFICE]
        policy = policy_of(errand)
        return await agent_run(errand.goal, instructions="Work.", tools=tools, approvals=policy, name="worker")


@workflow.defn
class Assist:
    """An agent behind an operation."""

    @workflow.run
    async def run(self, goal: Goal) -> Assistance:
        outcome = await agent_run(
            goal.goal,
            instructions="Assist.",
            tools=BANK,
            approvals=Automatic() if ALONE in goal.goal else AskForEffects(),
            limits=Limits(max_steps=5),
            name="clerk",
        )
        return Assistance(answer=outcome.answer, deeds=outcome.deeds, usage=outcome.usage)


@workflow.defn
class MoveMoney:
    """Moves money, if it may."""

    @workflow.run
    async def run(self, refund: Refund) -> Receipt:
        return await workflow.execute_activity_method(Books.book, refund, start_to_close_timeout=timedelta(seconds=10))


@service_handler(service=Bank)
class BankService:
    @nexus.workflow_run_operation
    async def refund(self, ctx: nexus.WorkflowRunOperationContext, refund: Refund) -> nexus.WorkflowHandle[Receipt]:
        return await mesh.start_workflow(ctx, MoveMoney.run, refund)


@service_handler(service=Office)
class OfficeService:
    @nexus.workflow_run_operation
    async def assist(self, ctx: nexus.WorkflowRunOperationContext, goal: Goal) -> nexus.WorkflowHandle[Assistance]:
        return await mesh.start_workflow(ctx, Assist.run, goal)
