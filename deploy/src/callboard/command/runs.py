"""`callboard runs`: what was asked of the orchestrator: which runs there are, how they stand, and how to stop one."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import typer

from callboard.command.following import Screen
from callboard.command.resetting import reset_run, show_steps
from callboard.command.surroundings import join_mesh
from callboard.command.terminal import print_json, print_result, say
from callboard.failures import CommandError

if TYPE_CHECKING:
    from callboard_kit.agent.course import Course
    from callboard_orchestrator.messages import Settled
    from callboard_orchestrator.runs import Run, Runs, RunSummary

app = typer.Typer(help="Lists, shows, follows, resets and cancels runs of the orchestrator.", no_args_is_help=True)

MOST: Final = 1_000

_Id = Annotated[str, typer.Argument(help="The run, as 'callboard runs list' shows it.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

ResultT = TypeVar("ResultT")


app.command("steps")(show_steps)
app.command("reset")(reset_run)


@app.command("list")
def list_runs(
    *,
    running: Annotated[bool, typer.Option("--running", help="Only those that run.")] = False,
    limit: Annotated[int, typer.Option("--limit", help="How many, at most.", min=1, max=MOST)] = 20,
    as_json: _Json = False,
) -> None:
    """List runs, newest first."""

    async def fetch(runs: "Runs") -> "list[RunSummary]":
        found, _ = await runs.list(running=running, most=limit)
        return found

    found = asyncio.run(with_runs(fetch))
    if as_json:
        print_json([_data(each) for each in found])
        return
    if not found:
        say("there are no runs")
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None)
    table.add_column("run", no_wrap=True)
    for column in ("state", "started", "took"):
        table.add_column(column)
    for each in found:
        took = "" if each.ended is None else f"{(each.ended - each.started).total_seconds():.1f} s"
        table.add_row(each.id, each.state, f"{each.started:%Y-%m-%d %H:%M:%S} UTC", took)
    Console().print(table)


@app.command("show")
def show_run(run_id: _Id, *, as_json: _Json = False) -> None:
    """Show a run: how it stands, and what came of it; exit code 0 whatever came of it."""
    from callboard_contracts import MeshError

    async def fetch(runs: "Runs") -> "tuple[RunSummary, Settled | None, str | None, Sequence[Course]]":
        run = runs.get(run_id)
        summary, steps = await run.summary(), await run.steps()
        if summary.state == "running":
            return summary, None, None, steps.resets
        try:
            return summary, await run.result(), None, steps.resets
        except MeshError as error:
            return summary, None, str(error), steps.resets

    summary, settled, error, resets = asyncio.run(with_runs(fetch))
    if as_json:
        result = None if settled is None else settled.model_dump(mode="json", exclude_none=True)
        told = [each.model_dump(mode="json", exclude={"statement"}) for each in resets]
        print_json({**_data(summary), "result": result, "error": error, "resets": told})
        return
    print_result(f"{summary.id}: {summary.state}, started {summary.started:%Y-%m-%d %H:%M:%S} UTC")
    for each in resets:
        dry = ", dry: it changed nothing from there on" if each.dry else ""
        print_result(f"a reset of {each.of} to step {each.step}, by {each.by}{dry}")
    if (reason := glass_of(summary)) is not None:
        print_result(f"glass broken: {reason}")
    if settled is not None:
        print_settled(settled, run_id)
    if error is not None:
        print_result(error)


@app.command("cancel")
def cancel_run(
    run_id: _Id, *, reason: Annotated[str, typer.Option("--reason", help="Why; stands in Temporal.")] = ""
) -> None:
    """Ask a run to stop, with everything that it waits for."""

    async def ask(runs: "Runs") -> None:
        await runs.get(run_id).cancel(reason=reason)

    asyncio.run(with_runs(ask))
    say(f"run {run_id} was asked to stop; 'callboard runs attach {run_id}' shows how it ends")


@app.command("attach")
def attach(
    run_id: _Id,
    *,
    after: Annotated[str, typer.Option("--after", help="Go on after this event: its 'position'.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print each event as a line of JSON.")] = False,
) -> None:
    """Follow a run from its beginning to its end and print its answer; Ctrl-C leaves it running."""

    async def follow(runs: "Runs") -> None:
        await show_live(runs.get(run_id), after=after, as_json=as_json)

    asyncio.run(with_runs(follow))


async def show_live(run: "Run", *, after: str = "", as_json: bool = False) -> None:
    """Print what happens in a run while it happens, and its answer in the end.

    Raises:
        MeshError: It did not end well.
    """
    from callboard_kit.events.positions import BEGINNING

    screen = Screen(as_json=as_json)
    async with aclosing(run.events(after=after or BEGINNING)) as events:
        async for told in events:
            screen.show(told)
    settled = await run.result()
    if as_json:
        return
    screen.finish()
    print_settled(settled, run.id, answer=screen.said != settled.answer)


async def with_runs(work: "Callable[[Runs], Awaitable[ResultT]]") -> ResultT:
    """Do `work` with a client of the mesh's runs."""
    join_mesh()
    from callboard_kit.events.positions import InvalidPositionError
    from callboard_orchestrator.runs import open_runs

    async with open_runs() as runs:
        try:
            return await work(runs)
        except InvalidPositionError as error:
            raise CommandError(str(error)) from error


def print_settled(settled: "Settled", run_id: str, *, answer: bool = True) -> None:
    """Print what came of a run, for people."""
    from callboard.prices import in_words

    if answer:
        print_result(settled.answer)
    for call in settled.calls:
        print_result(f"  {call.service} {call.operation}: {call.outcome}")
    print_result(f"  {in_words(settled.usage)}; run {run_id}")


def settled_data(settled: "Settled", run_id: str) -> dict[str, object]:
    """Return what came of a run, for programs."""
    calls = [{"service": each.service, "operation": each.operation, "outcome": each.outcome} for each in settled.calls]
    usage = settled.usage.model_dump(mode="json")
    return {"run_id": run_id, "answer": settled.answer, "calls": calls, "usage": usage}


def _data(summary: "RunSummary") -> dict[str, object]:
    return {
        "id": summary.id,
        "state": summary.state,
        "started": summary.started.isoformat(),
        "ended": None if summary.ended is None else summary.ended.isoformat(),
        "broke_glass": glass_of(summary),
    }


def glass_of(summary: "RunSummary") -> str | None:
    """Return why a run was started to go on in spite of drift; None when it was not."""
    from callboard_kit.fingerprint.interceptor import BREAK_GLASS

    reason = summary.memo.get(BREAK_GLASS)
    return None if reason is None else str(reason)
