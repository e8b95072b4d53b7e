"""The pages of trying an operation: the form, what it would send, and what came of it."""

import hashlib
import json
import re
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Final, cast

from fastapi import APIRouter, Path, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from callboard_contracts import OperationDescription, ServiceDescription
from callboard_registry.console.knowledge import Knowledge
from callboard_registry.console.rendering import page, refusal
from callboard_registry.console.routes import PageRoute
from callboard_registry.console.signin.visits import require, visit
from callboard_registry.console.snippets import example
from callboard_registry.console.trying.fields import Form
from callboard_registry.console.trying.reading import (
    Read,
    all_faults,
    checked,
    read_form,
    read_json,
    with_entry,
    without_entry,
)
from callboard_registry.console.trying.sending import Attempt, CannotSendError, Sending
from callboard_registry.refusals import Refusal
from callboard_registry.signin.configuration import ConsoleSettings
from callboard_registry.signin.roles import Visitor

_NAME: Final = re.compile(r"[0-9a-f]{32}")

Called = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]


def trying_router(knowledge: Knowledge, settings: ConsoleSettings) -> APIRouter:
    """Serve the pages."""
    router = APIRouter(route_class=PageRoute, include_in_schema=False)
    sending = Sending(settings)

    async def described(service: str, operation: str) -> tuple[ServiceDescription, OperationDescription]:
        listing = await knowledge.registry.get_listing(service)
        description = ServiceDescription.model_validate_json(listing.document)
        for each in description.operations:
            if each.name == operation:
                return description, each
        raise Refusal("not_found", "operation", f"{service!r} has no operation {operation!r}")

    def allowed(person: Visitor) -> list[str]:
        if teams := sending.teams(person):
            return teams
        raise Refusal(
            "denied",
            "",
            "there is no team as which you may call from here: CALLBOARD_CONSOLE_CALLERS says for which teams that is"
            " allowed, and their keys must lie on the registry's machine",
        )

    @router.get("/services/{service}/try/{operation}", response_class=HTMLResponse)
    async def form(service: str, operation: str, team: Annotated[str, Query()] = "") -> Response:
        """Show the form, filled with an example."""
        teams = allowed(require("publisher"))
        description, chosen = await described(service, operation)
        begin = Read(example(chosen))
        return _form(description, chosen, teams, team or _likely(teams, description.team), begin, uuid.uuid4().hex)

    @router.post("/services/{service}/try/{operation}")
    async def send(service: str, operation: str) -> Response:
        """Take the form: show it again, ask whether it is meant, or send it."""
        person, sent = require("publisher"), visit()
        teams = allowed(person)
        description, chosen = await described(service, operation)
        team, name = sent.text("team"), sent.text("name")
        if team not in teams or not _NAME.fullmatch(name):
            raise Refusal("denied", "team", f"you may not call as {team!r}; open the form again")
        written = "json" in sent.form
        read = read_json(sent.text("json")) if written else read_form(chosen.input, sent.form)
        if do := sent.text("change"):
            read, written = _edited(chosen, read, do, written=written)
            return _form(description, chosen, teams, team, read, name, written=written)
        read = checked(chosen.input, read)
        if read.wrong:
            return _form(description, chosen, teams, team, read, name, written=written, status=400)
        attempt = Attempt(team=team, service=description, operation=chosen, name=name, person=person.name)
        text = json.dumps(read.value, ensure_ascii=False, indent=2)
        meant = hashlib.sha256(f"{team} {text}".encode()).hexdigest()
        if chosen.promise.effect != "read" and sent.text("meant") != meant:
            return page(
                "try_meant.html", section="catalog", service=description, operation=chosen, attempt=attempt, text=text,
                meant=meant,
            )  # fmt: skip

        async def go() -> Response:
            await sending.send(attempt, cast("Mapping[str, object]", read.value))
            return RedirectResponse(f"/services/{service}/try/{operation}/{team}/{name}", 303)

        return await _sent(go)

    @router.get("/services/{service}/try/{operation}/{team}/{name}", response_class=HTMLResponse)
    async def tried(service: str, operation: str, team: str, name: Called) -> Response:
        """Show what came of a call."""
        person = require("publisher", team)
        if team not in allowed(person):
            raise Refusal("denied", "team", f"you may not call as {team!r}")
        description, chosen = await described(service, operation)
        attempt = Attempt(team=team, service=description, operation=chosen, name=name, person=person.name)

        async def show() -> Response:
            outcome = await sending.outcome(attempt)
            shown, hidden = _shown(outcome.value, chosen, description.team, person)
            return page(
                "tried.html", section="catalog", service=description, operation=chosen, attempt=attempt,
                outcome=outcome, text=shown, hidden=hidden,
            )  # fmt: skip

        return await _sent(show)

    del form, send, tried  # they live in the router now
    return router


def _form(
    service: ServiceDescription,
    operation: OperationDescription,
    teams: list[str],
    team: str,
    read: Read,
    name: str,
    *,
    written: bool = False,
    status: int = 200,
) -> Response:
    root = Form(operation.input).fields(read.value, read.wrong, read.typed)
    text = read.typed.get("") or json.dumps(read.value, ensure_ascii=False, indent=2)
    answer = page(
        "try.html",
        section="catalog",
        service=service,
        operation=operation,
        teams=teams,
        team=team,
        root=root,
        # A shape that no form can say is written as JSON from the start.
        written=written or root.kind != "object",
        text=text,
        wrong=read.wrong,
        faults=all_faults(root),
        name=name,
    )
    answer.status_code = status
    return answer


def _edited(operation: OperationDescription, read: Read, do: str, *, written: bool) -> tuple[Read, bool]:
    """Return the form with the change that a button of it asks for, and whether it is shown as JSON."""
    what, _, pointer = do.partition(" ")
    match what:
        case "more":
            return Read(with_entry(operation.input, read.value, pointer), read.wrong, read.typed), False
        case "less":
            return Read(without_entry(read.value, pointer), {}, {}), False
        case "json":
            return Read(read.value), True
        case "form" if not read.wrong:
            return read, False
        case _:
            return read, written


def _shown(value: object, operation: OperationDescription, team: str, person: Visitor) -> tuple[str, bool]:
    """Return an answer as text, and whether something of it is masked.

    What a contract marks as sensitive is for the approvers of the team that it belongs to.
    """
    if not isinstance(value, Mapping):
        return _text(value), False
    own = cast("Mapping[str, object]", value)
    sensitive = operation.promise.sensitive
    if sensitive and not person.may("approver", team):
        # It brings Temporal along, which only who tries something pays for.
        from callboard_kit.events.masking import masked

        kept = masked(own, sensitive)
        shown = _text(kept) if kept is not None else "(too long to be masked)"
        return shown, kept != own
    return _text(own), False


def _text(value: object) -> str:
    # Half of a character, which JSON may hold, is none that a page can.
    return json.dumps(value, ensure_ascii=False, indent=2, default=str).encode(errors="replace").decode()


def _likely(teams: list[str], provider: str) -> str:
    """Return a team as which somebody probably wants to call: one that composes, else any but the provider."""
    others = [team for team in teams if team != provider]
    return "orchestrator" if "orchestrator" in others else (others or teams)[0]


async def _sent(work: Callable[[], Awaitable[Response]]) -> Response:
    try:
        return await work()
    except CannotSendError as error:
        return refusal(503, title="Nothing can be sent from here", message=str(error))
