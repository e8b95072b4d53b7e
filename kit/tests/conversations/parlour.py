"""A team that holds conversations, and one to whose specialist it can hand them over."""

from datetime import timedelta
from typing import Any, Final

import nexusrpc
from nexusrpc.handler import StartOperationContext, service_handler, sync_operation
from temporalio import nexus, workflow

from callboard_contracts import promise
from callboard_contracts.conversations import (
    Answer,
    Closing,
    Contribution,
    Conversations,
    Finding,
    Opened,
    Opening,
    Reading,
    Saying,
    Transcript,
    Turn,
    Withdrawal,
    Withdrawn,
)
from callboard_kit import mesh

with workflow.unsafe.imports_passed_through():
    from callboard_kit.agent import Agent
    from callboard_kit.approvals import Automatic
    from callboard_kit.conversations.counter import Counter
    from callboard_kit.conversations.history import History
    from callboard_kit.conversations.record import Begin
    from callboard_kit.conversations.sharing import Sharing
    from callboard_kit.conversations.specialists import Specialist, contribute
    from callboard_kit.conversations.talk import Talk

SOON: Final = timedelta(seconds=5)


@nexusrpc.service(name="parlour.v1")
class Parlour:
    """Talks."""

    open: nexusrpc.Operation[Opening, Opened] = promise(kind="task", effect="write", latency=SOON, longest=SOON)
    """Open a conversation."""

    say: nexusrpc.Operation[Saying, Answer] = promise(
        kind="exchange", effect="irreversible", latency=SOON, longest=timedelta(minutes=5), sensitive={"text": "words"}
    )
    """Say something."""

    withdraw: nexusrpc.Operation[Withdrawal, Withdrawn] = promise(
        kind="task", effect="write", latency=SOON, longest=SOON
    )
    """Take a message back."""

    list_conversations: nexusrpc.Operation[Finding, Conversations] = promise(
        kind="query", effect="read", latency=SOON, longest=SOON
    )
    """List one's own."""

    history: nexusrpc.Operation[Reading, Transcript] = promise(kind="query", effect="read", latency=SOON, longest=SOON)
    """Read."""

    close: nexusrpc.Operation[Closing, Transcript] = promise(
        kind="exchange", effect="write", latency=SOON, longest=timedelta(minutes=5)
    )
    """Close."""


@service_handler(service=Parlour)
class ParlourService:
    """Serves it."""

    def __init__(self, history: History) -> None:
        self._counter = Counter(history)

    @sync_operation
    async def open(self, _ctx: StartOperationContext, opening: Opening) -> Opened:
        return await self._counter.open(opening)

    @nexus.temporal_operation
    async def say(
        self, _ctx: nexus.TemporalStartOperationContext, client: nexus.TemporalNexusClient, saying: Saying
    ) -> nexus.TemporalOperationResult[Answer]:
        return await self._counter.say(client, saying)

    @sync_operation
    async def history(self, _ctx: StartOperationContext, reading: Reading) -> Transcript:
        return await self._counter.read(reading)

    @sync_operation
    async def withdraw(self, _ctx: StartOperationContext, withdrawal: Withdrawal) -> Withdrawn:
        return await self._counter.withdraw(withdrawal)

    @sync_operation
    async def list_conversations(self, _ctx: StartOperationContext, finding: Finding) -> Conversations:
        return await self._counter.find(finding)

    @nexus.temporal_operation
    async def close(
        self, _ctx: nexus.TemporalStartOperationContext, client: nexus.TemporalNexusClient, closing: Closing
    ) -> nexus.TemporalOperationResult[Transcript]:
        return await self._counter.close(client, closing)


AGENT: Final[Agent[Any]] = Agent(name="parlour", instructions="You talk.", approvals=Automatic())


@workflow.defn
class Conversation:
    """Talks; goes on as a new run after three messages."""

    @workflow.init
    def __init__(self, begin: Begin) -> None:
        specialist = Specialist(team="garden", contract=Garden, operation=Garden.converse, for_what="plants")
        self._talk = Talk(
            begin, agent=AGENT, specialists=(specialist,), sharing=TO_GARDEN, most_tokens=200, most_updates=3
        )

    @workflow.run
    async def run(self, _begin: Begin) -> Transcript:
        return await self._talk.hold()

    @workflow.update
    async def say(self, saying: Saying) -> Answer:
        return await self._talk.say(saying)

    @say.validator
    def _may_say(self, saying: Saying) -> None:
        self._talk.may_say(saying)

    @workflow.update
    async def withdraw(self, withdrawal: Withdrawal) -> Withdrawn:
        return self._talk.withdraw(withdrawal)

    @workflow.update
    async def close(self, closing: Closing) -> Transcript:
        return await self._talk.close(closing)

    @close.validator
    def _may_close(self, closing: Closing) -> None:
        self._talk.may_close(closing)

    @workflow.update
    def look(self, last: int) -> Transcript:
        return self._talk.look(last)

    @workflow.query
    def standing(self, last: int) -> Transcript:
        return self._talk.standing(last)


@nexusrpc.service(name="garden.v1")
class Garden:
    """Knows plants."""

    converse: nexusrpc.Operation[Turn, Contribution] = promise(
        kind="agent", effect="irreversible", latency=SOON, longest=timedelta(minutes=5)
    )
    """Answer one message about plants."""


GARDENER: Final[Agent[Any]] = Agent(name="gardener", instructions="You know plants.", approvals=Automatic())
TO_GARDEN: Final = Sharing(
    shares={"garden": ("reason", "facts", "earlier")},
    takes={"garden": ("facts",)},
)
OF_GARDEN: Final = Sharing(shares={"parlour": ("facts",)}, takes={"parlour": ("facts", "summary", "reason")})


@workflow.defn
class Converse:
    """Answers as the gardener."""

    @workflow.run
    async def run(self, turn: Turn) -> Contribution:
        return await contribute(GARDENER, turn, sharing=OF_GARDEN)


@service_handler(service=Garden)
class GardenService:
    """Serves it."""

    @nexus.workflow_run_operation
    async def converse(self, ctx: nexus.WorkflowRunOperationContext, turn: Turn) -> nexus.WorkflowHandle[Contribution]:
        return await mesh.start_workflow(ctx, Converse.run, turn)
