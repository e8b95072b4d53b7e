"""What a run's model is to know before it begins, fetched within the run's budget."""

from collections.abc import Sequence
from typing import Final

from callboard_contracts import Usage
from callboard_kit.agent.messages import ChatMessage
from callboard_kit.agent.spending import Spending
from callboard_kit.budgets.sharing import one_of, paying_from
from callboard_kit.context.pieces import Piece, Prepared
from callboard_kit.context.plan import ContextPlan

CONTEXT: Final = "context"
"""Where the message with it says that it is from."""

_PART: Final = 4
"""One in so many of the tokens that a run may use is the most that its context takes, which each step reads again."""


async def prepared(
    plan: ContextPlan | None, given: Sequence[Piece], goal: str, *, agent: str, spending: Spending
) -> Prepared:
    """Fetch it. What is called for it gets its part of what is left, as any call does."""
    if plan is None and not given:
        return Prepared()
    plan = plan or ContextPlan()
    spending.waiting = sum(source.is_call for source in plan.sources)
    try:
        with paying_from(spending.purse), one_of(spending.parts):
            return await plan.prepare(goal, agent=agent, given=given, most_tokens=spending.purse.free.tokens // _PART)
    finally:
        spending.waiting = 0


def messages_of(known: Prepared) -> tuple[ChatMessage, ...]:
    """Return what the model reads of it."""
    return (ChatMessage(role="user", content=known.text, source=CONTEXT),) if known.text else ()


def usage_of(known: Prepared) -> tuple[Usage, ...]:
    """Return what it took."""
    return (Usage(tool_calls=known.calls),) if known.calls else ()
