"""`callboard approvals`: what waits for a person, and a person's answers."""

import asyncio
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from callboard.command.surroundings import join_mesh
from callboard.command.terminal import home, print_json, print_result, say
from callboard.failures import CommandError

if TYPE_CHECKING:
    from callboard_contracts.inbox.v1 import Verdict
    from callboard_kit.persons import Credential
    from callboard_orchestrator.inbox.client import InboxClient
    from callboard_orchestrator.inbox.messages import Asked, Found

app = typer.Typer(help="Shows what waits for a person, and takes their answers.", no_args_is_help=True)

PERSON: Final = "CALLBOARD_PERSON"
"""The variable that says where the credential of the person at the keyboard lies."""

_Gate = Annotated[str, typer.Argument(help="The question, as 'callboard approvals list' names it.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_As = Annotated[str, typer.Option("--as", help="Who answers, where the home holds credentials of several persons.")]
_Reason = Annotated[str, typer.Option("--reason", help="Why; the asking agent is told.")]


@app.command("list")
def list_questions(
    *,
    root: Annotated[str, typer.Option("--root", help="Only those of this run and of all that it called.")] = "",
    team: Annotated[str, typer.Option("--team", help="Only those that this team asks.")] = "",
    as_json: _Json = False,
) -> None:
    """List the questions that wait for an answer, of all teams."""

    async def fetch() -> "list[Asked]":
        return [each async for each in (await _inbox()).waiting(root=root, team=team)]

    waiting = asyncio.run(fetch())
    if as_json:
        print_json([each.model_dump(mode="json") for each in waiting])
        return
    if not waiting:
        say("nothing waits for an answer")
        return
    for each in waiting:
        asked = each.question
        arguments = json.dumps(asked.arguments, ensure_ascii=False)
        print_result(
            f"{each.gate}  {_left(each)} left, for {', '.join(each.approvers)}\n"
            f"  {_who(each)} wants {asked.service} {asked.operation} {arguments}\n"
            f"  {_why(each)}"
        )


@app.command("show")
def show_question(gate: _Gate, *, as_json: _Json = False) -> None:
    """Show one question with everything that is known about it, and how it ended."""

    async def fetch() -> "Found":
        return await (await _inbox()).find(gate)

    found = asyncio.run(fetch())
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    asked, question = found.asked, found.asked.question
    lines = {
        "question": asked.gate,
        "state": _state(found),
        "what": f"{question.service} {question.operation} ({question.effect})",
        "with": json.dumps(question.arguments, ensure_ascii=False),
        "asked by": _who(asked),
        "chain": " → ".join((*asked.chain, *([question.service] if question.service != "local" else []))),
        "run": asked.root,
        "person": asked.person or "nobody named",
        "rule": _why(asked),
        "the model's words": question.words or "none",
        "who may answer": ", ".join(asked.approvers) + (" (nobody answered before)" if asked.escalated else ""),
        "until": f"{asked.until:%Y-%m-%d %H:%M:%S} UTC ({_left(asked)} left)",
        "then": _then(asked),
    }
    width = max(map(len, lines))
    print_result("\n".join(f"{name:<{width}}  {text}" for name, text in lines.items()))


@app.command("approve")
def approve(
    gate: _Gate,
    *,
    remember: Annotated[
        bool, typer.Option("--remember", help="Also for whatever else of the kind the same run asks for.")
    ] = False,
    reason: _Reason = "",
    name: _As = "",
    as_json: _Json = False,
) -> None:
    """Let it happen."""
    _tell(_answer(gate, name, approve=True, remember=remember, reason=reason), as_json=as_json)


@app.command("reject")
def reject(gate: _Gate, *, reason: _Reason = "", name: _As = "", as_json: _Json = False) -> None:
    """Do not let it happen; the agent hears why and goes on without it."""
    _tell(_answer(gate, name, approve=False, remember=False, reason=reason), as_json=as_json)


def _answer(gate: str, name: str, *, approve: bool, remember: bool, reason: str) -> "Verdict":
    join_mesh()
    credential = credential_of(name)

    async def send() -> "Verdict":
        return await (await _inbox()).answer(gate, credential, approve=approve, remember=remember, reason=reason)

    return asyncio.run(send())


def _tell(verdict: "Verdict", *, as_json: bool) -> None:
    if as_json:
        print_json(verdict.model_dump(mode="json", exclude={"statement"}))
        return
    remembered = ", and so is whatever else of the kind its run asks for" if verdict.remember else ""
    print_result(f"{verdict.gate} is {verdict.outcome} by {verdict.person}{remembered}")


async def _inbox() -> "InboxClient":
    join_mesh()
    from callboard_orchestrator.inbox.client import InboxClient, connect_inbox

    return InboxClient(await connect_inbox())


def credential_of(name: str) -> "Credential":
    """Return what a person decides with: the one named, or the only one there is.

    Raises:
        CommandError: There is none, or it is not known which.
    """
    from callboard_kit.persons import Credential

    path = _credential_path(name)
    try:
        return Credential.load(path)
    except FileNotFoundError as error:
        raise CommandError(
            f"there is no credential at {str(path)!r}; 'callboard persons issue NAME' makes one"
        ) from error
    except ValueError as error:
        raise CommandError(str(error)) from error


def _credential_path(name: str) -> Path:
    folder = home() / "persons"
    if name:
        return folder / f"{Path(name).name}.json"
    if given := os.environ.get(PERSON):
        return Path(given)
    held = sorted(folder.glob("*.json"))
    if not held:
        raise CommandError(
            f"it is not known who answers; set {PERSON} to the file with your credential,"
            " or make one with 'callboard persons issue NAME'"
        )
    if len(held) > 1:
        names = ", ".join(path.stem for path in held)
        raise CommandError(f"{str(folder)!r} holds credentials of {names}; say --as who answers")
    return held[0]


def _who(asked: "Asked") -> str:
    agent = asked.question.agent
    return asked.team if agent in ("", asked.team) else f"{asked.team} ({agent})"


def _why(asked: "Asked") -> str:
    question = asked.question
    return f"{question.rule}: {question.reason}" if question.reason else question.rule


def _left(asked: "Asked") -> str:
    seconds = max(0, int((asked.until - datetime.now(UTC)).total_seconds()))
    for size, word in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {word}"
    return f"{seconds} s"


def _state(found: "Found") -> str:
    verdict = found.verdict
    if verdict is None or verdict.person is None:
        return found.state
    return f"{found.state} by {verdict.person}" + (f": {verdict.reason}" if verdict.reason else "")


def _then(asked: "Asked") -> str:
    question = asked.question
    if question.then == "escalate" and question.escalation is not None and not asked.escalated:
        return f"{', '.join(question.escalation.approvers)} are asked"
    return "it happens" if question.then == "proceed" else "it does not happen"
