"""`callboard runs steps` and `callboard runs reset`: take a run up again from one of its steps."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from callboard.command.approvals import credential_of
from callboard.command.registry import open_registry
from callboard.command.surroundings import join_mesh
from callboard.command.terminal import print_json, print_result, say
from callboard.failures import CommandError

if TYPE_CHECKING:
    from callboard_kit.resetting.steps import RunStep, Steps
    from callboard_orchestrator.resetting import WasReset

_Id = Annotated[str, typer.Argument(help="The run, as 'callboard runs list' shows it.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

_PROMPT: Final = "prompt"
_MODEL: Final = "model"
_SHOWN: Final = 80


def show_steps(
    run_id: _Id,
    *,
    prompt: Annotated[bool, typer.Option("--prompt", help="Print the instructions of its last step instead.")] = False,
    as_json: _Json = False,
) -> None:
    """Show the steps of a run: what its model was asked, one time after the other, and what that led to."""

    async def fetch() -> "Steps":
        from callboard_orchestrator.runs import open_runs

        async with open_runs() as runs:
            return await runs.get(run_id).steps()

    join_mesh()
    found = asyncio.run(fetch())
    if prompt:
        print_result(found.steps[-1].instructions if found.steps else "")
        return
    if as_json:
        print_json([_data(step) for step in found.steps])
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("step", "asked at", "model", "which led to", box=None)
    for step in found.steps:
        table.add_row(str(step.number), f"{step.at:%H:%M:%S} UTC", step.model or "no answer", _led_to(step))
    Console().print(table)
    say(f"'callboard runs reset {run_id} --to STEP' takes it up again before the model is asked in that step")


def reset_run(
    run_id: _Id,
    *,
    to: Annotated[int, typer.Option("--to", help="The step, as 'callboard runs steps' numbers them.", min=1)],
    otherwise: Annotated[
        list[str] | None,
        typer.Option("--with", help="prompt=FILE: other instructions. model=NAME: another model. Repeatable."),
    ] = None,
    dry: Annotated[
        bool, typer.Option("--dry", help="Change nothing from there on: only what reads is called.")
    ] = False,
    undone: Annotated[
        bool, typer.Option("--undone", help="Whatever of it can be changed back has been, or may happen once more.")
    ] = False,
    latest_build: Annotated[
        bool, typer.Option("--latest-build", help="Go on with the build that gets new work, not with the run's own.")
    ] = False,
    who: Annotated[str, typer.Option("--as", help="Who resets it, where there are several credentials.")] = "",
    as_json: _Json = False,
) -> None:
    """Take a run that is over up again from a step on, without doing again what came before it."""
    prompt, model = _otherwise(otherwise or [])

    async def work() -> "WasReset":
        from callboard_kit.client import connect
        from callboard_orchestrator.resetting import Change, Resetting, keys_of, promises_from

        change = Change(step=to, instructions=prompt, model=model, dry=dry, undone=undone, latest_build=latest_build)
        async with open_registry() as registry:
            resetting = Resetting(
                await connect("orchestrator"), promises=promises_from(registry), find_key=await keys_of(registry)
            )
            return await resetting.reset(run_id, change, credential=credential)

    join_mesh()
    credential = credential_of(who)
    done = asyncio.run(work())
    if as_json:
        print_json(vars(done))
        return
    print_result(
        f"{done.run_id}: goes on from step {done.step} as {done.goes_on_as}, a reset of {done.of} by {done.by}"
    )
    say(f"'callboard runs attach {run_id}' follows it; what it did before stays on its page")


def _otherwise(given: Sequence[str]) -> tuple[str | None, str | None]:
    found: dict[str, str] = {}
    for each in given:
        name, is_given, value = each.partition("=")
        if not is_given or not value or name not in (_PROMPT, _MODEL) or name in found:
            raise CommandError(f"--with is {each!r}; it must be prompt=FILE or model=NAME, each once at most")
        found[name] = value
    if _PROMPT not in found:
        return None, found.get(_MODEL)
    path = Path(found[_PROMPT])
    try:
        return path.read_text(encoding="utf-8"), found.get(_MODEL)
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{str(path)!r} cannot be read as text: {error}") from error


def _led_to(step: "RunStep") -> str:
    done = [f"{each.service} {each.name}: {each.outcome}" for each in step.done]
    said = step.answer if len(step.answer) <= _SHOWN else f"{step.answer[:_SHOWN]}…"
    return "; ".join([*([said] if said else []), *done])


def _data(step: "RunStep") -> dict[str, object]:
    return {
        "step": step.number,
        "at": step.at.isoformat(),
        "model": step.model or None,
        "answer": step.answer or None,
        "done": [{"service": each.service, "name": each.name, "outcome": each.outcome} for each in step.done],
    }
