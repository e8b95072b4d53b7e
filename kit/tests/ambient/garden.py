"""A watch over the shelves of a shop, and everything around it that a simulated month needs.

Calls of the mesh are answered at the border of the workflow (`_Mesh`): the time-skipping server keeps its clock still
while a Nexus operation is pending, so no month would pass there.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Generator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import (
    ExecuteWorkflowInput,
    Interceptor,
    StartNexusOperationInput,
    UnsandboxedWorkflowRunner,
    Worker,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowOutboundInterceptor,
)

with workflow.unsafe.imports_passed_through():
    from callboard_contracts import Message, Usage
    from callboard_contracts.inbox import v1 as inbox
    from callboard_contracts.support import v1 as support
    from callboard_kit import mesh
    from callboard_kit.agent import Agent
    from callboard_kit.agent.messages import CALL_MODEL, ModelReply, ModelRequest
    from callboard_kit.ambient import (
        Assessment,
        Finding,
        Planned,
        Remedy,
        RemedyKeeper,
        Settled,
        Waking,
        Watch,
        WatchPolicy,
        Woken,
    )
    from callboard_kit.approvals import Automatic, Terms
    from callboard_kit.approvals.asking import CHECK_ANSWER, Checked, Given, Questions, asking_by
    from callboard_kit.tokens import Call

SOON = timedelta(seconds=10)
SHELVES = "shelves"


class Restocking(Message):
    """A shelf to fill."""

    shelf: str


class Filling(Message):
    """A shelf to fill, and the key under which it is filled once."""

    shelf: str
    key: str


class Shelves:
    """Looks which shelves are empty, in the world as it is at the workflow's time."""

    kind = SHELVES

    async def detect(self) -> Sequence[Finding]:
        empty: tuple[str, ...] = await workflow.execute_activity(
            "empty_shelves", workflow.now(), result_type=tuple[str, ...], start_to_close_timeout=SOON
        )
        return [Finding(kind=SHELVES, key=shelf, summary=f"shelf {shelf} is empty") for shelf in empty]


async def restock(request: Restocking) -> str:
    """Call the support team, in whose place `_Mesh` answers."""
    team = workflow.create_nexus_client(service=support.Support, endpoint=support.ENDPOINT)
    receipt = await team.execute_operation(
        support.Support.transfer_to_human_agents,
        support.Handover(summary=request.shelf),
        schedule_to_close_timeout=timedelta(minutes=1),
    )
    return receipt.message


RESTOCK = Remedy(
    kind="restock",
    of=(SHELVES,),
    description="fill the shelf",
    service="support.v1",
    operation="transfer_to_human_agents",
    effect="write",
    request=lambda finding, _: Restocking(shelf=finding.key),
    apply=restock,
)
POLICY = WatchPolicy(thresholds={"restock": 0.8}, terms=Terms(patience=timedelta(days=3)), rest=timedelta(0))
WATCH = Watch(
    team="garden",
    detectors=(Shelves(),),
    analyst=Agent[Assessment](name="gardener", instructions="Look.", output=Assessment, approvals=Automatic()),
    remedies=(RESTOCK,),
    policy=POLICY,
)


@workflow.defn
class Wake:
    @workflow.run
    async def run(self, waking: Waking) -> Woken:
        return await WATCH.wake(waking)


@workflow.defn
class ApplyRemedy:
    @workflow.run
    async def run(self, planned: Planned) -> Settled:
        return await WATCH.apply(planned)


@dataclass
class World:
    """Which shelves run empty when, what the model thinks of it, what a person answers, and what came of it."""

    runs_empty: dict[str, list[datetime]] = field(default_factory=dict)
    confidence: dict[str, float] = field(default_factory=dict)
    answered_after: dict[str, timedelta] = field(default_factory=dict)
    """After how long a person approves. A shelf that is not here: nobody ever answers."""

    model_fails: dict[str, int] = field(default_factory=dict)
    """How many requests about a shelf the model does not answer."""

    filled: list[tuple[str, str]] = field(default_factory=list)
    """Shelf and key, each as often as it was really filled."""

    filled_at: dict[str, datetime] = field(default_factory=dict)
    analysed: list[str] = field(default_factory=list)
    asked: list[inbox.Question] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    """What remedy the model names for a shelf, if not the one there is."""

    blind: frozenset[int] = frozenset()
    """Which looks fail, counted from 1 on."""

    tokens: int = 200
    """What the model reads in one analysis."""

    looks: int = 0
    woken: list[Woken] = field(default_factory=list)

    @activity.defn
    async def empty_shelves(self, now: datetime) -> tuple[str, ...]:
        self.looks += 1
        if self.looks in self.blind:
            raise ApplicationError("it is dark", type="UnavailableError", non_retryable=True)
        return tuple(
            shelf
            for shelf, moments in sorted(self.runs_empty.items())
            if any(
                moment <= now and self.filled_at.get(shelf, datetime.min.replace(tzinfo=now.tzinfo)) < moment
                for moment in moments
            )
        )

    @activity.defn
    async def fill_shelf(self, filling: Filling) -> None:
        if (filling.shelf, filling.key) not in self.filled:
            self.filled.append((filling.shelf, filling.key))

    @activity.defn
    async def note_filled(self, shelf: str, now: datetime) -> None:
        self.filled_at[shelf] = now

    @activity.defn(name=CALL_MODEL)
    async def call_model(self, request: ModelRequest) -> ModelReply:
        shelf = re.findall(r'"key": "(\w+)"', request.messages[-1].content or "")[0]
        self.analysed.append(shelf)
        if self.model_fails.get(shelf, 0):
            self.model_fails[shelf] -= 1
            raise ApplicationError("the model is away", type="UnavailableError", non_retryable=True)
        said: dict[str, object] = {"explanation": "It sold out.", "remedy": self.names.get(shelf, "restock")}
        said["confidence"] = self.confidence.get(shelf, 0.9)
        usage = Usage(model_calls=1, input_tokens=self.tokens, output_tokens=20)
        return ModelReply(content=json.dumps(said), model="scripted", usage=usage)

    @activity.defn(name=CHECK_ANSWER)
    async def check(self, given: Given) -> Checked:
        return Checked(good=True, person="ada", approve=True)

    @property
    def activities(self) -> list[Callable[..., Any]]:
        own = [self.empty_shelves, self.fill_shelf, self.note_filled, self.call_model, self.check]
        return [*own, *RemedyKeeper().activities]

    def worker(self, client: Client, task_queue: str) -> Worker:
        """Return a worker of this world that keeps no workflow in memory."""
        return Worker(
            client,
            task_queue=task_queue,
            workflows=[Wake, ApplyRemedy],
            activities=self.activities,
            interceptors=[_Border(self)],
            max_cached_workflows=0,
            workflow_runner=UnsandboxedWorkflowRunner(),
        )


class _Border(Interceptor):
    def __init__(self, world: World) -> None:
        self._world = world

    def workflow_interceptor_class(
        self, input: WorkflowInterceptorClassInput
    ) -> type[WorkflowInboundInterceptor] | None:
        world = self._world

        class Inbound(WorkflowInboundInterceptor):
            def init(self, outbound: WorkflowOutboundInterceptor) -> None:
                super().init(_Mesh(outbound, world))

            async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:
                call = Call(root=workflow.info().run_id, team="garden", opens=True)
                with mesh.working_on(call), asking_by(Questions()):
                    result = await super().execute_workflow(input)
                if isinstance(result, Woken) and not workflow.unsafe.is_replaying():
                    world.woken.append(result)
                return result

        return Inbound


class _Mesh(WorkflowOutboundInterceptor):
    """Answers the calls of a workflow as their providers would."""

    def __init__(self, next: WorkflowOutboundInterceptor, world: World) -> None:
        super().__init__(next)
        self._world = world

    async def start_nexus_operation(
        self, input: StartNexusOperationInput[Any, Any]
    ) -> workflow.NexusOperationHandle[Any]:
        match input.input:
            case inbox.Question() as question:
                return _Handle(self._ask(question))
            case support.Handover(summary=shelf):
                return _Handle(self._fill(shelf, key=mesh.given_key()))
            case other:
                raise AssertionError(f"nobody answers {other!r}")

    async def _ask(self, question: inbox.Question) -> inbox.Verdict:
        if not workflow.unsafe.is_replaying():
            self._world.asked.append(question)
        shelf = str(question.arguments["shelf"])
        patience = timedelta(seconds=question.patience_seconds)
        answered = self._world.answered_after.get(shelf)
        await workflow.sleep(patience if answered is None else answered)
        outcome = "expired" if answered is None else "approved"
        return inbox.Verdict(
            gate="gate-garden", outcome=outcome, person=None if answered is None else "ada", statement="yes"
        )

    async def _fill(self, shelf: str, *, key: str) -> support.HandoverReceipt:
        await workflow.execute_activity("fill_shelf", Filling(shelf=shelf, key=key), start_to_close_timeout=SOON)
        await workflow.execute_activity("note_filled", args=[shelf, workflow.now()], start_to_close_timeout=SOON)
        return support.HandoverReceipt(message="filled")


class _Handle(workflow.NexusOperationHandle[Any]):
    def __init__(self, answer: Awaitable[Any]) -> None:
        self._task = asyncio.ensure_future(answer)

    @property
    def operation_token(self) -> str | None:
        return None

    def cancel(self) -> bool:
        return self._task.cancel()

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._task.__await__()


async def half_past(skipping: WorkflowEnvironment) -> datetime:
    """Have the clock go on to the middle of an hour, far from any wake, and return the time."""
    now = await skipping.get_current_time()
    await skipping.sleep(timedelta(minutes=(90 - now.minute) % 60))
    return await skipping.get_current_time()
