"""The workflow that holds one conversation with a customer."""

from dataclasses import replace
from typing import Any, Final

from temporalio import workflow

from callboard_contracts.conversations import Answer, Closing, Saying, Transcript, Withdrawal, Withdrawn
from callboard_contracts.customers import v1 as customers

with workflow.unsafe.imports_passed_through():
    from callboard_kit.agent import Agent
    from callboard_kit.assistance import room_agent
    from callboard_kit.context import ContextPlan
    from callboard_kit.conversations.record import Begin
    from callboard_kit.conversations.specialists import Specialist
    from callboard_kit.conversations.talk import Talk
    from callboard_kit.memory.source import FromMemory
    from callboard_kit.memory.tools import MemoryAccess, memory_tools
    from callboard_team_support.agent import TALKING
    from callboard_team_support.guards import GUARDS


def _talker() -> Agent[Any]:  # Any: it answers with words
    # What is in between stands nowhere: whatever agent stands at the top of a module is one that the team vouches for.
    talker = room_agent("support", instructions=TALKING, guards=GUARDS)
    return replace(
        talker,
        tools=(*talker.tools, *memory_tools(MemoryAccess(agent=talker.name))),
        context=ContextPlan(sources=(FromMemory(),), max_tokens=1_000),
    )


AGENT: Final = _talker()
SPECIALISTS: Final = (
    Specialist(
        team=customers.ENDPOINT,
        contract=customers.Customers,
        operation=customers.Customers.converse,
        for_what="customers who have moved, or want to know or change what is kept about them",
    ),
)


@workflow.defn
class Conversation:
    """Talks with one customer, from the first word to the last."""

    @workflow.init
    def __init__(self, begin: Begin) -> None:
        """Take up the conversation where it stands."""
        self._talk = Talk(begin, agent=AGENT, specialists=SPECIALISTS)

    @workflow.run
    async def run(self, _begin: Begin) -> Transcript:
        """Hold it until it is closed."""
        return await self._talk.hold()

    @workflow.update
    async def say(self, saying: Saying) -> Answer:
        """Answer a message."""
        return await self._talk.say(saying)

    @say.validator
    def _may_say(self, saying: Saying) -> None:
        self._talk.may_say(saying)

    @workflow.update
    async def withdraw(self, withdrawal: Withdrawal) -> Withdrawn:
        """Take a message back."""
        return self._talk.withdraw(withdrawal)

    @workflow.update
    async def close(self, closing: Closing) -> Transcript:
        """Close it."""
        return await self._talk.close(closing)

    @close.validator
    def _may_close(self, closing: Closing) -> None:
        self._talk.may_close(closing)

    @workflow.update
    def look(self, last: int) -> Transcript:
        """Say how it stands, while it goes on."""
        return self._talk.look(last)

    @workflow.query
    def standing(self, last: int) -> Transcript:
        """Say how it stood, when it is over."""
        return self._talk.standing(last)
