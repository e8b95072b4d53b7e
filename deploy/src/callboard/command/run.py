"""`callboard run`: a request in words, settled by the orchestrator over the teams."""

import asyncio
import uuid
from typing import Annotated

import typer

from callboard.command.surroundings import join_mesh
from callboard.command.terminal import print_json, print_result
from callboard.failures import CommandError


def run(
    words: Annotated[str, typer.Argument(help="What is asked for, in plain language.")],
    *,
    person: Annotated[str | None, typer.Option("--person", help="Whom it is for.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Hand a request to the orchestrator, wait, and print its answer and what it called."""
    if not words.strip():
        raise CommandError("there is nothing to do in ''; say in words what is asked for")
    join_mesh()
    from callboard.requests import settle

    settled = asyncio.run(settle(words, person=person, root=str(uuid.uuid4())))
    if as_json:
        print_json(settled.as_json())
        return
    print_result(settled.answer)
    for call in settled.calls:
        print_result(f"  {call.service} {call.operation}: {call.outcome}")
    print_result(f"  {settled.cost}; run {settled.run_id}")
