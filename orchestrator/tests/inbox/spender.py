"""An agent at the root of its tree that may ask for more when its budget is used up."""

from typing import Final

from temporalio import workflow

from callboard_contracts import Message

with workflow.unsafe.imports_passed_through():
    from depot import Books
    from depot_contracts import Parcel

    from callboard_kit.agent import ActivityTool, Agent, Limits, Outcome
    from callboard_kit.approvals import Automatic, Terms
    from callboard_kit.budgets.granting import AskForMore

MORE: Final = 20_000
LIMIT: Final = 10_000
AGENT: Final = Agent(
    name="spender",
    instructions="Work.",
    tools=(
        ActivityTool(
            name="send",
            description="Send a parcel.",
            activity=Books.send,
            input_type=Parcel,
            effect="write",
            sensitive={},
        ),
    ),
    approvals=Automatic(),
    limits=Limits(max_tokens=LIMIT),
    more=AskForMore(tokens=MORE, times=1, terms=Terms(approvers=("role:finance",))),
)


class Wish(Message):
    """What is wanted."""

    goal: str


@workflow.defn
class Spend:
    """Works until its budget is used up, and asks then."""

    @workflow.run
    async def run(self, wish: Wish) -> Outcome:
        return await AGENT.run(wish.goal)
