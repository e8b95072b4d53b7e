"""`callboard chat`: a conversation with the support team's agent, at the keyboard or line by line from a pipe."""

import asyncio
import json
import sys
import uuid
from collections.abc import Iterator
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Final, Literal, cast, get_args

import typer

from callboard.command.surroundings import join_mesh
from callboard.command.terminal import complain, print_json, print_result, say
from callboard.failures import CommandError

if TYPE_CHECKING:
    from callboard_contracts.conversations import Answer
    from callboard_orchestrator.conversations import Conversations, Talk

WhileBusy = Literal["enqueue", "reject", "steer"]
Asking = Literal["none", "effects", "all"]

LONGEST: Final = 20_000
"""Characters of one message, at most; the contract says so too."""


def chat(
    conversation: Annotated[str | None, typer.Argument(help="The conversation to go on with; none: a new one.")] = None,
    *,
    person: Annotated[str | None, typer.Option("--person", help="Who speaks; a conversation is theirs alone.")] = None,
    busy: Annotated[
        str,
        typer.Option("--busy", help="What becomes of messages while one is being answered: enqueue, reject or steer."),
    ] = "enqueue",
    ask: Annotated[
        str, typer.Option("--ask", help="What a person must approve first: none, effects or all of the agent's calls.")
    ] = "none",
    idle: Annotated[
        int, typer.Option("--idle", help="Seconds of silence after which it closes.", min=1, max=30 * 24 * 3600)
    ] = 24 * 3600,
    close: Annotated[bool, typer.Option("--close", help="Close it at the end of the input.")] = False,
    list_own: Annotated[bool, typer.Option("--list", help="List the person's conversations, and say nothing.")] = False,
    closed: Annotated[bool, typer.Option("--closed", help="With --list: those that are closed, too.")] = False,
    show: Annotated[bool, typer.Option("--show", help="Print what was said so far, and say nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print each answer as a line of JSON.")] = False,
) -> int:
    """Talk with the support team's agent: a line is a message. The conversation stays open; its id goes on with it."""
    if busy not in get_args(WhileBusy):
        raise CommandError(f"{busy!r} is no way to be busy; --busy takes {', '.join(get_args(WhileBusy))}")
    if ask not in get_args(Asking):
        raise CommandError(f"{ask!r} is nothing to ask about; --ask takes {', '.join(get_args(Asking))}")
    if closed and not list_own:
        raise CommandError("--closed is about what --list shows; say both")
    if show and conversation is None:
        raise CommandError("it is not said which conversation to show; its id comes after 'chat'")
    join_mesh()

    async def talk() -> int:
        from callboard_orchestrator.conversations import open_conversations

        async with AsyncExitStack() as stack:
            conversations = await stack.enter_async_context(open_conversations())
            if list_own:
                return await _list(conversations, person, closed=closed, as_json=as_json)
            if show:
                return await _show(conversations.get(str(conversation), person=person), as_json=as_json)
            found = await _found(conversations, conversation, person, busy, ask, idle)
            return await _talk(found, close=close, as_json=as_json)

    return asyncio.run(talk())


async def _found(
    conversations: "Conversations", id: str | None, person: str | None, busy: str, ask: str, idle: int
) -> "Talk":
    if id is not None:
        talk = conversations.get(id, person=person)
        standing = await talk.read(last=0)
        if standing.state == "closed":
            raise CommandError(f"conversation {id!r} is closed; 'callboard chat' opens another one")
        return talk
    talk = await conversations.open(
        person=person,
        while_busy=cast(WhileBusy, busy),
        approvals=cast(Asking, ask),
        idle=timedelta(seconds=idle),
    )
    say(f"conversation {talk.id}; an empty line or Ctrl-D ends the chat")
    return talk


async def _talk(talk: "Talk", *, close: bool, as_json: bool) -> int:
    """Send line after line, and print what is answered; 1 when a message could not be answered."""
    from callboard_contracts import MeshError

    failed = 0
    for line in _lines():
        if len(line) > LONGEST:
            complain(f"a message has {len(line)} characters; {LONGEST} is the limit, so it was not sent")
            failed = 1
            continue
        try:
            answer = await _said(talk, line)
        except MeshError as error:
            complain(str(error))
            failed = 1
            continue
        _print(answer, as_json=as_json)
    if close:
        await talk.close(reason="the chat ended")
        say(f"conversation {talk.id} is closed")
    else:
        say(f"conversation {talk.id} stays open; 'callboard chat {talk.id}' goes on with it{_as(talk)}")
    return failed


async def _said(talk: "Talk", line: str) -> "Answer":
    """Say something; whoever presses Ctrl-C while it is answered takes it back."""
    message = uuid.uuid4().hex
    try:
        return await talk.say(line, message=message)
    except asyncio.CancelledError:
        await talk.withdraw(message)
        complain("the message was taken back; what was done for it stays done")
        raise


async def _list(conversations: "Conversations", person: str | None, *, closed: bool, as_json: bool) -> int:
    found = await conversations.list(person=person, closed=closed)
    if as_json:
        print_json([each.model_dump(mode="json") for each in found])
        return 0
    for each in found:
        print_result(f"{each.conversation}  {each.opened:%Y-%m-%d %H:%M}  {each.state}")
    if not found:
        say("there is no conversation yet; 'callboard chat' opens one")
    return 0


async def _show(talk: "Talk", *, as_json: bool) -> int:
    transcript = await talk.read()
    if as_json:
        print_json(transcript.model_dump(mode="json"))
        return 0
    for each in transcript.said:
        print_result(f"> {each.text}\n{each.team}: {each.answer}")
    because = f", {transcript.closed_because}" if transcript.closed_because else ""
    say(f"conversation {talk.id} is {transcript.state}{because}; {transcript.messages} messages were answered")
    return 0


def _lines() -> Iterator[str]:
    """Yield what is typed, up to an empty line; or what is piped, without its empty lines."""
    if not sys.stdin.isatty():
        yield from (line.strip() for line in sys.stdin if line.strip())
        return
    while True:
        sys.stderr.write("> ")
        sys.stderr.flush()
        line = sys.stdin.readline().strip()
        if not line:
            return
        yield line


def _print(answer: "Answer", *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(answer.model_dump(mode="json"), ensure_ascii=False) + "\n")
        sys.stdout.flush()
        return
    print_result(answer.text)
    for deed in answer.deeds:
        say(f"  {deed.service} {deed.operation}: {deed.outcome}")


def _as(talk: "Talk") -> str:
    return "" if talk.person is None else f" (with --person {talk.person})"
