"""`callboard run`: a request in words, settled by the orchestrator over the teams."""

import asyncio
import uuid
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated, Literal, cast, get_args

import typer

from callboard.command.runs import print_settled, settled_data, show_live, with_runs
from callboard.command.surroundings import join_mesh
from callboard.command.terminal import print_json, print_result
from callboard.failures import CommandError

if TYPE_CHECKING:
    from callboard_kit.context import Brief
    from callboard_orchestrator.messages import Settled
    from callboard_orchestrator.runs import Run, Runs

Ask = Literal["none", "effects", "all"]


def run(
    words: Annotated[str, typer.Argument(help="What is asked for, in plain language.")],
    *,
    person: Annotated[str | None, typer.Option("--person", help="Whom it is for.")] = None,
    ask: Annotated[
        str, typer.Option("--ask", help="What a person must approve first: none, effects or all of the run's calls.")
    ] = "none",
    stream: Annotated[bool, typer.Option("--stream", help="Show what happens while it happens.")] = False,
    detach: Annotated[
        bool, typer.Option("--detach", help="Print the run's id and return; it waits for a worker if need be.")
    ] = False,
    build: Annotated[
        str | None, typer.Option("--build", help="Only on this build of the orchestrator; any other refuses.")
    ] = None,
    glass: Annotated[
        str | None,
        typer.Option("--break-glass", help="Why it is to go on even with an agent that no registered build has."),
    ] = None,
    instructions: Annotated[
        str, typer.Option("--instructions", help="What its agent is to keep to beside its own instructions.")
    ] = "",
    tool: Annotated[
        list[str] | None,
        typer.Option("--tool", help="Only this of what it may call, such as 'orders.v1.get_*'; may be given often."),
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", help="The model to ask, if the agent's rules allow it.")
    ] = None,
    know: Annotated[
        list[str] | None, typer.Option("--know", help="Something that it is to know; may be given often.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON; with --stream a line for each event.")] = False,
) -> None:
    """Hand a request to the orchestrator, wait, and print its answer and what it called."""
    if not words.strip():
        raise CommandError("there is nothing to do in ''; say in words what is asked for")
    if ask not in get_args(Ask):
        raise CommandError(f"{ask!r} is nothing to ask about; --ask takes {', '.join(get_args(Ask))}")
    if stream and detach:
        raise CommandError("--stream and --detach exclude each other; 'callboard runs attach' follows a detached run")
    join_mesh()
    run_id = str(uuid.uuid4())

    async def start(runs: "Runs") -> "Run":
        mode = "autonomous" if detach else "interactive"
        from callboard_kit.fingerprint.interceptor import break_glass, on_build

        with ExitStack() as terms:
            if build is not None:
                terms.enter_context(on_build(build))
            if glass is not None:
                terms.enter_context(break_glass(glass))
            return await runs.start(
                words,
                person=person,
                id=run_id,
                approvals=cast(Ask, ask),
                mode=mode,
                brief=_brief(instructions, tool, model, know),
            )

    async def settle(runs: "Runs") -> "Settled":
        return await (await start(runs)).result()

    async def follow(runs: "Runs") -> None:
        await show_live(await start(runs), as_json=as_json)

    if detach:
        asyncio.run(with_runs(start))
        print_json({"run_id": run_id}) if as_json else print_result(run_id)
    elif stream:
        asyncio.run(with_runs(follow))
    else:
        settled = asyncio.run(with_runs(settle))
        print_json(settled_data(settled, run_id)) if as_json else print_settled(settled, run_id)


def _brief(
    instructions: str, tools: Sequence[str] | None, model: str | None, know: Sequence[str] | None
) -> "Brief | None":
    """Return what the run is given beside its words; None where that is nothing."""
    if not (instructions or tools or model or know):
        return None
    from pydantic import ValidationError

    from callboard_kit.context import Brief, Piece

    try:
        return Brief(
            instructions=instructions,
            tools=tuple(tools) if tools else None,
            model=model,
            context=tuple(Piece(content=each) for each in know or ()),
        )
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        raise CommandError(f"{'.'.join(str(each) for each in fault['loc'])}: {fault['msg']}; give it less") from error
