"""Who speaks with the parlour, and the model that answers."""

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from parlour import Conversation, Garden, Parlour, ParlourService
from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError

from callboard_contracts import Usage
from callboard_contracts.conversations import (
    Answer,
    Closing,
    Conversations,
    Finding,
    Opening,
    Reading,
    Saying,
    Transcript,
    Withdrawal,
    Withdrawn,
)
from callboard_kit import mesh as mesh_of
from callboard_kit.agent import CALL_MODEL, ModelReply, ModelRequest
from callboard_kit.conversations.activities import HistoryActivities
from callboard_kit.policy import Policy, Rule
from callboard_kit.testing import InMemoryHistory, LocalMesh
from callboard_kit.tokens import Origin

OPEN = Policy(rules=(Rule(name="all", callers=("*",), services=("parlour.v1",)),))


class Echo:
    """A model that says what it heard last, once it may, and counts what it was asked."""

    def __init__(self) -> None:
        self.requests: list[ModelRequest] = []
        self.may = asyncio.Event()
        self.may.set()
        self.asked = asyncio.Event()
        self.broken = False
        self.plays: Callable[[ModelRequest], ModelReply | None] = lambda _: None

    @activity.defn(name=CALL_MODEL)
    async def call_model(self, request: ModelRequest) -> ModelReply:
        self.requests.append(request)
        self.asked.set()
        if self.broken:
            raise ApplicationError("the model says no", type="UnavailableError", non_retryable=True)
        await self.may.wait()
        if (played := self.plays(request)) is not None:
            return played
        said = [message.content for message in request.messages if message.role == "user"]
        return ModelReply(content=f"You said: {said[-1]}", model="echo", usage=Usage(model_calls=1))


@dataclass
class Talker:
    """Somebody who speaks with the parlour."""

    client: Client
    person: str = "ada"
    conversation: str = field(default_factory=lambda: uuid.uuid4().hex[:12])

    async def open(self, **how: Any) -> None:
        await self._call(Parlour.open, Opening(conversation=self.conversation, **how))

    async def say(self, text: str, message: str = "") -> Answer:
        named = message or uuid.uuid4().hex[:8]
        return await self._call(Parlour.say, Saying(conversation=self.conversation, message=named, text=text))

    async def read(self, last: int = 50) -> Transcript:
        return await self._call(Parlour.history, Reading(conversation=self.conversation, last=last))

    async def withdraw(self, message: str) -> Withdrawn:
        return await self._call(Parlour.withdraw, Withdrawal(conversation=self.conversation, message=message))

    async def find(self, **which: Any) -> Conversations:
        return await self._call(Parlour.list_conversations, Finding(**which))

    async def close(self, reason: str = "") -> Transcript:
        return await self._call(Parlour.close, Closing(conversation=self.conversation, reason=reason))

    async def _call(self, operation: Any, sent: Any) -> Any:
        with mesh_of.starting(Origin(root=self.conversation, person=self.person)):
            team = self.client.create_nexus_client(service=Parlour, endpoint="parlour")
            return await team.execute_operation(operation, sent, id=uuid.uuid4().hex)


@dataclass
class House:
    """Everything a test of a conversation needs."""

    mesh: LocalMesh
    client: Client
    model: Echo
    history: InMemoryHistory

    def talker(self, person: str = "ada", conversation: str = "") -> Talker:
        named = conversation or uuid.uuid4().hex[:12]
        return Talker(self.client, person, named)


def serving(mesh: LocalMesh, model: Echo, history: InMemoryHistory) -> Any:
    """Run the parlour's worker for a block."""
    activities: list[Callable[..., Any]] = [model.call_model, *HistoryActivities(history).all]
    return mesh.member(
        "parlour",
        services=[ParlourService(history)],
        workflows=[Conversation],
        activities=activities,
        contracts=[Parlour, Garden],
        policy=OPEN,
    )
