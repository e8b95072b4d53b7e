"""The pages of the inbox: what waits, one question with its evidence, and the answer to it."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from callboard_kit.persons import ISSUER
from callboard_registry.console.inbox.questions import Questions, UnavailableInboxError
from callboard_registry.console.knowledge import Knowledge
from callboard_registry.console.rendering import page, refusal
from callboard_registry.console.routes import PageRoute
from callboard_registry.console.signin.visits import require, visit
from callboard_registry.refusals import Refusal
from callboard_registry.signin.configuration import ConsoleSettings
from callboard_registry_api.audit import CallFilter
from callboard_registry_api.model import CallRecord

ANSWERS: Final = ("approve", "remember", "refuse")
_EVIDENCE: Final = 50
"""Calls of the run that are shown beside a question, the newest first."""

Gate = Annotated[str, Path(pattern=r"^[A-Za-z0-9_.:-]{1,200}$")]


def inbox_router(knowledge: Knowledge, settings: ConsoleSettings) -> APIRouter:
    """Serve the inbox."""
    router = APIRouter(route_class=PageRoute, include_in_schema=False)
    questions = Questions(settings)

    @router.get("/inbox", response_class=HTMLResponse)
    async def inbox(root: Annotated[str, Query(max_length=200)] = "") -> Response:
        """Show what waits for the person who is signed in."""
        person = require("approver")

        async def show() -> Response:
            return page("inbox.html", section="inbox", root=root, waiting=await questions.waiting(person, root=root))

        return await _reached(show)

    @router.get("/inbox/{gate}", response_class=HTMLResponse)
    async def question(gate: Gate) -> Response:
        """Show one question."""
        return await _reached(lambda: shown(gate))

    @router.post("/inbox/{gate}")
    async def answer(gate: Gate) -> Response:
        """Take the answer of the person who is signed in."""
        person = require("approver")
        sent = visit()
        how, reason = sent.text("answer"), sent.text("reason").strip()

        async def take() -> Response:
            if how not in ANSWERS:
                return await shown(gate, trouble="approve or refuse: what was sent is neither", status=400)
            if how == "refuse" and not reason:
                return await shown(gate, trouble="say why: whoever asked is told and goes on from there", status=400)
            found = await questions.find(person, gate)
            if found.asked.digest != sent.text("digest"):
                return await shown(gate, trouble="the question is not the one you saw; read it again", status=409)
            try:
                await questions.answer(
                    person, found.asked, approve=how != "refuse", remember=how == "remember", reason=reason
                )
            except Refusal as refused:
                return await shown(gate, trouble=refused.message, status=409)
            return RedirectResponse(f"/inbox/{gate}", 303)

        return await _reached(take)

    async def shown(gate: str, *, trouble: str = "", status: int = 200) -> Response:
        person = require("approver")
        found = await questions.find(person, gate)
        calls = _done(await knowledge.calls(CallFilter(root=found.asked.root), most=_EVIDENCE))
        answered = page(
            "question.html",
            section="inbox",
            found=found,
            asked=found.asked,
            question=found.asked.question,
            calls=calls,
            trouble=trouble,
            reason=visit().text("reason"),
        )
        answered.status_code = status
        return answered

    del inbox, question, answer  # they live in the router now
    return router


def _done(records: Sequence[CallRecord]) -> list[CallRecord]:
    """Return each call once, as it stands, in the order in which they began; without those that only ask."""
    calls = {record.token_id: record for record in sorted(records, key=lambda each: each.outcome != "started")}
    return sorted((each for each in calls.values() if each.endpoint != ISSUER), key=lambda each: each.start)


async def _reached(show: Callable[[], Awaitable[Response]]) -> Response:
    try:
        return await show()
    except UnavailableInboxError as error:
        return refusal(503, title="The inbox cannot be reached", message=str(error))
