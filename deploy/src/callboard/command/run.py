"""`callboard run`: a request in words, settled by the orchestrator over the teams."""

import asyncio
import uuid
from typing import TYPE_CHECKING, Annotated, Literal, cast, get_args

import typer

from callboard.command.surroundings import join_mesh
from callboard.command.terminal import print_json, print_result
from callboard.failures import CommandError

if TYPE_CHECKING:
    from callboard_orchestrator.messages import Settled


Ask = Literal["none", "effects", "all"]


def run(
    words: Annotated[str, typer.Argument(help="What is asked for, in plain language.")],
    *,
    person: Annotated[str | None, typer.Option("--person", help="Whom it is for.")] = None,
    ask: Annotated[
        str, typer.Option("--ask", help="What a person must approve first: none, effects or all of the run's calls.")
    ] = "none",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Hand a request to the orchestrator, wait, and print its answer and what it called."""
    if not words.strip():
        raise CommandError("there is nothing to do in ''; say in words what is asked for")
    if ask not in get_args(Ask):
        raise CommandError(f"{ask!r} is nothing to ask about; --ask takes {', '.join(get_args(Ask))}")
    join_mesh()
    run_id = str(uuid.uuid4())
    settled = asyncio.run(_settle(words, person=person, run_id=run_id, ask=cast(Ask, ask)))
    if as_json:
        calls = [
            {"service": each.service, "operation": each.operation, "outcome": each.outcome} for each in settled.calls
        ]
        usage = settled.usage.model_dump(mode="json")
        print_json({"run_id": run_id, "answer": settled.answer, "calls": calls, "usage": usage})
        return
    from callboard.prices import in_words

    print_result(settled.answer)
    for call in settled.calls:
        print_result(f"  {call.service} {call.operation}: {call.outcome}")
    print_result(f"  {in_words(settled.usage)}; run {run_id}")


async def _settle(words: str, *, person: str | None, run_id: str, ask: Ask) -> "Settled":
    from temporalio.client import WorkflowFailureError

    from callboard_contracts import MeshError
    from callboard_kit.client import connect
    from callboard_kit.failing import from_failure
    from callboard_orchestrator.client import TEAM, orchestrate

    client = await connect(TEAM)
    try:
        return await orchestrate(client, words, person=person, root=run_id, approvals=ask)
    except WorkflowFailureError as error:
        raise from_failure(error, what=f"run {run_id}") or MeshError(f"run {run_id} was cancelled") from error
