"""Who cooks, and the model that says what the test lets it say."""

import uuid
from dataclasses import dataclass
from typing import Any

from kitchen import Cook, Cookbook, Order, PantryService
from temporalio import activity
from temporalio.client import Client, WorkflowHandle

from callboard_contracts import Usage
from callboard_kit import mesh as mesh_of
from callboard_kit.agent import CALL_MODEL, ModelReply, ModelRequest, Outcome
from callboard_kit.context import Brief, Found, Looking, Piece
from callboard_kit.testing import InMemoryMemories, ScriptedModel
from callboard_kit.tokens import Origin


class Speaker:
    """A model whose script the test changes."""

    def __init__(self) -> None:
        self.script = ScriptedModel("Done.")

    @activity.defn(name=CALL_MODEL)
    async def call_model(self, request: ModelRequest) -> ModelReply:
        reply = await self.script.call_model(request)
        return reply.model_copy(update={"usage": Usage(model_calls=1, input_tokens=10, output_tokens=5)})


class Guests:
    """Who comes."""

    @activity.defn(name="kitchen.guests")
    async def guests(self, looking: Looking) -> Found:
        """Return whom the person brings."""
        return Found(pieces=(Piece(content=f"{looking.person} brings two friends"),))


@dataclass
class Kitchen:
    """Everything a test of contexts needs."""

    client: Client
    pantry: PantryService
    cookbook: Cookbook
    speaker: Speaker
    memories: InMemoryMemories

    async def start(
        self, goal: str, *, person: str | None = None, agent: str = "cook", brief: Brief | None = None
    ) -> WorkflowHandle[Any, Outcome]:
        with mesh_of.starting(Origin(root=uuid.uuid4().hex[:12], person=person)):
            return await self.client.start_workflow(
                Cook.run,
                Order(goal=goal, agent=agent, brief=brief),
                id=f"cook-{uuid.uuid4().hex}",
                task_queue="kitchen",
            )

    async def cook(self, goal: str, **more: Any) -> Outcome:
        return await (await self.start(goal, **more)).result()

    @property
    def asked(self) -> ModelRequest:
        """What the model was asked last."""
        return self.speaker.script.requests[-1]

    @property
    def known(self) -> str:
        """What the model was given to know."""
        return "".join(each.content or "" for each in self.asked.messages if each.source)
