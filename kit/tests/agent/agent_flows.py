"""A small shop and an agent that uses it: what the tests of the loop run, in their own process and in another."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Final

import nexusrpc
from pydantic import Field
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from callboard_contracts import MeshError, Message, RefusedError, UnavailableError, Usage, describe, promise
from callboard_kit.agent import (
    ActivityTool,
    Agent,
    FunctionTool,
    Limits,
    ModelEndpoint,
    ModelSettings,
    OperationTool,
    Outcome,
    Tool,
    agent_run,
)
from callboard_kit.approvals import Automatic
from callboard_kit.failing import end_operation

ENDPOINT: Final = "shop"
SANDBOX: Final = SandboxedWorkflowRunner(
    restrictions=SandboxRestrictions.default.with_passthrough_modules(
        "callboard_kit", "callboard_contracts", "jsonschema_rs"
    )
)


class Item(Message):
    name: Annotated[str, Field(min_length=1)]


class Answer(Message):
    text: str
    usage: Usage | None = None


@nexusrpc.service(name="shop.v1")
class Shop:
    """Sells things."""

    price: nexusrpc.Operation[Item, Answer] = promise(
        kind="query", effect="read", latency=timedelta(seconds=1), longest=timedelta(seconds=20)
    )
    """Tell what an item costs."""

    meet: nexusrpc.Operation[Item, Answer] = promise(
        kind="query", effect="read", latency=timedelta(seconds=1), longest=timedelta(seconds=20)
    )
    """Answer once two callers are here at the same time."""

    refuse: nexusrpc.Operation[Item, Answer] = promise(
        kind="query", effect="read", latency=timedelta(seconds=1), longest=timedelta(seconds=20)
    )
    """Refuse."""

    be_closed: nexusrpc.Operation[Item, Answer] = promise(
        kind="query", effect="read", latency=timedelta(seconds=1), longest=timedelta(seconds=20)
    )
    """Be unavailable."""

    fail: nexusrpc.Operation[Item, Answer] = promise(
        kind="query", effect="read", latency=timedelta(seconds=1), longest=timedelta(seconds=20)
    )
    """Fail for a reason of its own."""

    give_up: nexusrpc.Operation[Item, Answer] = promise(
        kind="query", effect="read", latency=timedelta(seconds=1), longest=timedelta(seconds=20)
    )
    """Be cancelled by whoever serves it."""

    think: nexusrpc.Operation[Item, Answer] = promise(
        kind="agent", effect="read", latency=timedelta(seconds=1), longest=timedelta(seconds=20)
    )
    """Answer as an agent does, with what it used up."""

    secret: nexusrpc.Operation[Item, Answer] = promise(
        kind="query", effect="read", latency=timedelta(seconds=1), longest=timedelta(seconds=20), model_callable=False
    )
    """Not for models."""


@nexusrpc.handler.service_handler(service=Shop)
class ShopService:
    """Serves the shop; what happens in it can be waited for."""

    def __init__(self) -> None:
        self.present: set[str] = set()
        self.together = asyncio.Condition()
        self.needed = 2

    @nexusrpc.handler.sync_operation
    async def price(self, _ctx: nexusrpc.handler.StartOperationContext, item: Item) -> Answer:
        return Answer(text=f"{item.name} costs 7")

    @nexusrpc.handler.sync_operation
    async def meet(self, _ctx: nexusrpc.handler.StartOperationContext, item: Item) -> Answer:
        async with self.together:
            # A set: a request that waits too long is delivered once more, and is still the same caller.
            self.present.add(item.name)
            self.together.notify_all()
            await self.together.wait_for(lambda: len(self.present) >= self.needed)
        return Answer(text=f"{item.name} was not alone")

    @nexusrpc.handler.sync_operation
    async def refuse(self, _ctx: nexusrpc.handler.StartOperationContext, item: Item) -> Answer:
        end_operation(RefusedError(f"{item.name!r} is not for sale"))

    @nexusrpc.handler.sync_operation
    async def be_closed(self, _ctx: nexusrpc.handler.StartOperationContext, _item: Item) -> Answer:
        end_operation(UnavailableError("the shop is closed"))

    @nexusrpc.handler.sync_operation
    async def fail(self, _ctx: nexusrpc.handler.StartOperationContext, _item: Item) -> Answer:
        raise nexusrpc.OperationError("secret inner workings", state=nexusrpc.OperationErrorState.FAILED)

    @nexusrpc.handler.sync_operation
    async def give_up(self, _ctx: nexusrpc.handler.StartOperationContext, _item: Item) -> Answer:
        raise nexusrpc.OperationError("called off", state=nexusrpc.OperationErrorState.CANCELED)

    @nexusrpc.handler.sync_operation
    async def think(self, _ctx: nexusrpc.handler.StartOperationContext, _item: Item) -> Answer:
        usage = Usage(input_tokens=100, output_tokens=10, model_calls=2, tool_calls=3, cost_usd=0.5)
        return Answer(text="thought about it", usage=usage)

    @nexusrpc.handler.sync_operation
    async def secret(self, _ctx: nexusrpc.handler.StartOperationContext, _item: Item) -> Answer:
        return Answer(text="never")


@activity.defn
async def look_up(item: Item) -> Answer:
    return Answer(text=f"{item.name} is on shelf 3")


@activity.defn
async def photograph(_item: Item) -> bytes:
    return b"\xff\xd8"


class Case(Message):
    goal: str
    endpoint: str
    limits: Limits = Limits()
    model: str | None = None
    padding: int = 0
    """How many more tools to give than the shop has."""


@workflow.defn
class Assistant:
    """Runs the loop over the shop."""

    @workflow.run
    async def run(self, case: Case) -> Outcome:
        tools: list[Tool] = []
        for tool in OperationTool.all_of(describe(Shop)):
            own = tool.model_copy(update={"endpoint": case.endpoint})
            tools.append(own)
            for number in range(case.padding):
                tools.append(own.model_copy(update={"service": f"copy{number}.v1"}))
        tools.append(ActivityTool(name="look_up", description="Find the shelf.", activity=look_up, input_type=Item))
        tools.append(ActivityTool(name="photograph", description="Take one.", activity=photograph, input_type=Item))
        return await agent_run(
            case.goal, instructions="Serve the customer.", tools=tools, limits=case.limits, model=case.model
        )


class Pair(Message):
    a: int
    b: int


class Sum(Message):
    sum: int


def add(pair: Pair) -> Sum:
    return Sum(sum=pair.a + pair.b)


ADDER: Final = Agent(
    name="adder",
    instructions="Add.",
    tools=(FunctionTool(name="add", description="Add two numbers.", function=add, input_type=Pair),),
    output=Sum,
    approvals=Automatic(),
    limits=Limits(max_corrections=1, max_repeats=2, max_cost_usd=0.5),
)


@workflow.defn
class Adding:
    """Has an agent that answers in a form."""

    @workflow.run
    async def run(self, goal: str) -> Outcome:
        outcome = await ADDER.run(goal)
        if outcome.output is not None:
            assert ADDER.read(outcome) == Sum.model_validate(outcome.output)
        return outcome


def agent_worker(client: Client, task_queue: str, call_model: object) -> Worker:
    """Make the worker of the agent; it is a plain one, without any plugin."""
    return Worker(
        client,
        task_queue=task_queue,
        workflows=[Adding, Assistant],
        activities=[call_model, look_up, photograph],
        workflow_runner=SANDBOX,
        workflow_failure_exception_types=[MeshError],
        # A killed worker is given up after a second instead of ten.
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=1),
    )


async def main(address: str, task_queue: str) -> None:
    """Be the agent's worker in a process of its own, until killed."""
    from temporalio.contrib.pydantic import pydantic_data_converter

    client = await Client.connect(address, data_converter=pydantic_data_converter)
    endpoint = ModelEndpoint(ModelSettings.from_environment())
    await agent_worker(client, task_queue, endpoint.call_model).run()


def arguments(argv: Sequence[str]) -> tuple[str, str]:
    return argv[1], argv[2]


if __name__ == "__main__":
    import sys

    # The sandbox loads workflows by their module's name, which must not be `__main__`.
    from agent_flows import main as run

    asyncio.run(run(*arguments(sys.argv)))
