"""`/v1/approvals`: what waits for a person, and how their answers are handed in.

The gateway cannot answer for anybody: an answer is a statement that the person's own program signs with their
credential, and the asking team checks it itself. The gateway carries it.
"""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from callboard_contracts.inbox import v1 as inbox
from callboard_orchestrator.gateway.callers import ApprovalsCaller
from callboard_orchestrator.gateway.problems import Problem
from callboard_orchestrator.inbox.client import InboxClient, unknown
from callboard_orchestrator.inbox.messages import Asked, Found

Gate = Annotated[str, Path(pattern=r"^[A-Za-z0-9_.:-]{1,200}$", description="The name of a question.")]


class Waiting(BaseModel):
    """What waits for an answer, newest first."""

    approvals: list[Asked]


class SignedAnswer(BaseModel):
    """An answer, signed by whoever gives it."""

    model_config = ConfigDict(extra="forbid")

    statement: Annotated[str, Field(min_length=1, max_length=20_000)]
    """What `callboard_kit.approvals.answers.sign_answer` returns for the question and the person's credential."""


def router(questions: InboxClient) -> APIRouter:
    """Return the routes of approvals."""
    routes = APIRouter(
        prefix="/v1/approvals",
        tags=["approvals"],
        responses={status: {"model": Problem} for status in (400, 401, 403, 413, 422, 503)},
    )

    @routes.get("")
    async def list_approvals(
        caller: ApprovalsCaller,
        root: Annotated[str, Query(max_length=200, description="Only those of this run and of all it called.")] = "",
        limit: Annotated[int, Query(ge=1, le=1_000)] = 200,
    ) -> Waiting:
        """List the questions that wait for this person."""
        waiting = [
            asked async for asked in questions.waiting(root=root, most=limit) if caller.person.is_among(asked.approvers)
        ]
        return Waiting(approvals=waiting)

    @routes.get("/{gate}")
    async def show_approval(caller: ApprovalsCaller, gate: Gate) -> Found:
        """Show one question that is for this person, or that they answered, and where it stands."""
        found = await questions.find(gate)
        answered = found.verdict is not None and found.verdict.person == caller.person.name
        if not answered and not caller.person.is_among((*found.asked.approvers, *found.asked.question.approvers)):
            raise unknown(gate)
        return found

    @routes.post("/{gate}")
    async def answer(_caller: ApprovalsCaller, gate: Gate, signed: SignedAnswer) -> inbox.Verdict:
        """Hand in an answer. The first one counts; the same one again changes nothing."""
        return await questions.deliver(gate, signed.statement)

    return routes
