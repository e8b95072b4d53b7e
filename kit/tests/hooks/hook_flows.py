"""An agent with hooks, in a module that Temporal's sandbox can load."""

from typing import Final

from temporalio import workflow

from callboard_contracts import Message
from callboard_kit.agent import Agent, FunctionTool, Outcome
from callboard_kit.approvals import Automatic


def pay(amount: int, card: str = "") -> dict[str, int]:
    """Pay an amount."""
    if amount > 1_000:
        raise ValueError("too much")
    return {"paid": amount}


PAY: Final = FunctionTool.of(pay)


class Case(Message):
    hooks: tuple[str, ...] = ()
    goal: str = "Pay 7 with card 4111."


@workflow.defn
class Paying:
    """Runs an agent with the hooks of a case."""

    @workflow.run
    async def run(self, case: Case) -> Outcome:
        agent = Agent(name="payer", instructions="Pay.", tools=(PAY,), hooks=case.hooks, approvals=Automatic())
        return await agent.run(case.goal)
