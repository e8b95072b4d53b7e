"""A cook whose agent is to know things before it begins, and the pantry that knows them."""

import asyncio
from datetime import timedelta
from typing import Any, Final

import nexusrpc
from nexusrpc.handler import StartOperationContext, service_handler, sync_operation
from temporalio import activity, workflow

from callboard_contracts import Message, RefusedError, UnavailableError, promise

with workflow.unsafe.imports_passed_through():
    from callboard_kit.agent import Agent, FunctionTool, Limits, Outcome
    from callboard_kit.approvals import Automatic
    from callboard_kit.context import Brief, BriefRule, ContextPlan, Found, FromActivity, FromOperation, Looking, Piece
    from callboard_kit.guards import PASS, Asking, BeforeModel, Verdict, refuse
    from callboard_kit.memory.source import FromMemory
    from callboard_kit.memory.tools import MemoryAccess, memory_tools

SOON: Final = timedelta(seconds=30)


class Shelf(Message):
    """Which shelf."""

    name: str


class Jar(Message):
    """What stands there."""

    label: str
    owner: str = ""


@nexusrpc.service(name="pantry.v1")
class Pantry:
    """Knows what is there."""

    look: nexusrpc.Operation[Shelf, Jar] = promise(
        kind="query", effect="read", latency=SOON, longest=SOON, sensitive={"owner": "name"}
    )
    """Look."""

    take: nexusrpc.Operation[Shelf, Jar] = promise(kind="task", effect="write", latency=SOON, longest=SOON)
    """Take."""


@service_handler(service=Pantry)
class PantryService:
    """Serves it; shelves called `slow` are found when the test says so."""

    def __init__(self) -> None:
        self.found = asyncio.Event()
        self.asked: list[str] = []

    @sync_operation
    async def look(self, _ctx: StartOperationContext, shelf: Shelf) -> Jar:
        self.asked.append(shelf.name)
        match shelf.name:
            case "slow":
                await self.found.wait()
            case "locked":
                raise RefusedError("the shelf is locked")
            case _:
                pass
        return Jar(label=f"plums on the {shelf.name} shelf", owner="Wilhelmina")

    @sync_operation
    async def take(self, _ctx: StartOperationContext, shelf: Shelf) -> Jar:
        return Jar(label="none")


def shelf_of(looking: Looking) -> Shelf:
    """Return the shelf that the goal names."""
    return Shelf(name=looking.goal.split()[-1])


class Cookbook:
    """The cook's own store."""

    def __init__(self) -> None:
        self.away = False

    @activity.defn(name="kitchen.recipes")
    async def recipes(self, looking: Looking) -> Found:
        """Return what there is to cook."""
        if self.away:
            raise UnavailableError("the book is not there")
        return Found(
            pieces=(
                Piece(id="r1", content="Bread needs flour."),
                Piece(id="r2", content="A plum cake needs plums."),
                Piece(id="r2b", content="A plum cake needs plums."),
                Piece(id="old", content="Plums of last year.", until=looking.now),
            )
        )


def fresh(piece: Piece, _looking: Looking) -> bool:
    """Nothing of bread."""
    return "Bread" not in str(piece.content)


PLAN: Final = ContextPlan(
    sources=(
        FromOperation(
            name="pantry", contract=Pantry, operation=Pantry.look, ask=shelf_of, deadline=timedelta(seconds=1)
        ),
        FromActivity(name="cookbook", activity="kitchen.recipes", deadline=timedelta(seconds=5)),
        FromActivity(name="guests", activity="kitchen.guests", needs_person=True),
    ),
    keep=fresh,
)


def stir(pot: Shelf) -> Shelf:
    """Stir."""
    return pot


STIR: Final = FunctionTool(name="stir", description="Stir.", function=stir, input_type=Shelf)
TASTE: Final = FunctionTool(name="taste", description="Taste.", function=stir, input_type=Shelf)


def no_poison(asking: Asking) -> Verdict:
    """Refuse what was fetched and is poison."""
    return refuse("poison") if any("poison" in str(heard.result) for heard in asking.heard) else PASS


COOK: Final[Agent[Any]] = Agent(
    name="cook",
    instructions="You cook.",
    tools=(STIR, TASTE),
    approvals=Automatic(),
    context=PLAN,
    guards=(BeforeModel(name="no-poison", check=no_poison),),
    briefs=(
        BriefRule(name="guests", persons=("ada",), tools=("local.*",), context=3, models=("big-model",)),
        BriefRule(name="chef", persons=("chef",), instructions=True, tools=("local.stir",)),
    ),
)
POOR: Final[Agent[Any]] = Agent(
    name="poor", instructions="You cook.", approvals=Automatic(), context=PLAN, limits=Limits(max_tokens=440)
)
KEEPER: Final[Agent[Any]] = Agent(
    name="keeper",
    instructions="You remember.",
    tools=memory_tools(MemoryAccess(agent="keeper", reads=("person", "team"))),
    approvals=Automatic(),
    context=ContextPlan(sources=(FromMemory(),)),
)


class Order(Message):
    """What is to be cooked."""

    goal: str
    agent: str = "cook"
    brief: Brief | None = None


@workflow.defn
class Cook:
    """Cooks."""

    @workflow.run
    async def run(self, order: Order) -> Outcome:
        agent = {"cook": COOK, "poor": POOR, "keeper": KEEPER}[order.agent]
        return await agent.run(order.goal, brief=order.brief)
