"""`callboard replay`: could the runs under way go on with the code of this checkout?

`check` ends with 0 if they could, 2 if one would be stuck, and 3 if one would go on but do something else than before.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from callboard.command.surroundings import join_mesh
from callboard.command.terminal import print_json, print_result, say
from callboard.failures import CommandError

if TYPE_CHECKING:
    from temporalio.client import WorkflowHistory

    from callboard_kit.replaying import Judged
    from callboard_kit.replaying.sampling import Sample

BROKEN: Final = 2
"""The exit code for a change at which a run would be stuck."""

CHANGED: Final = 3
"""The exit code for a change with which a run would do something else."""

_SEALED: Final = ".sealed"

app: Final = typer.Typer(help="Hold runs under way to changed workflows.", no_args_is_help=True)
_Team = Annotated[str, typer.Argument(help="Whose workflows.")]
_Each = Annotated[int, typer.Option("--each", min=1, max=100, help="Runs of each type, under way and over.")]


@app.command("check")
def check(
    team: _Team,
    folder: Annotated[
        Path | None, typer.Argument(metavar="[FOLDER]", help="Histories that were sampled; absent: a fresh sample.")
    ] = None,
    *,
    each: _Each = 3,
    accept_changed: Annotated[
        bool, typer.Option("--accept-changed", help="End with 0 when runs go on but do something else.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Replay histories on the code that is installed here, and say which runs could not go on."""
    from callboard_kit.replaying import worst

    workflows = _workflows(team)
    if folder is None:
        join_mesh()
        histories = _fresh(team, workflows, each)
    else:
        histories = _in_turn(_kept(folder))
    judged = asyncio.run(_judged(team, workflows, histories))
    if not judged:
        where = f"in {str(folder)!r}" if folder else f"in the namespace of {team!r}"
        raise CommandError(f"there is no history {where} to replay; 'callboard replay sample {team} --to …' keeps some")
    verdict = worst(judged)
    if as_json:
        print_json({"team": team, "verdict": verdict, "runs": [_as_data(one) for one in judged]})
    else:
        _show(judged)
    return {"same": 0, "changed": 0 if accept_changed else CHANGED, "broken": BROKEN}[verdict]


@app.command("sample")
def sample(
    team: _Team,
    *,
    to: Annotated[Path, typer.Option("--to", metavar="FOLDER", help="Where to keep them.")],
    each: _Each = 3,
    seal: Annotated[
        bool, typer.Option("--seal", help="Keep them whole, encrypted with the key in CALLBOARD_HISTORY_KEY.")
    ] = False,
) -> None:
    """Keep histories of a team's runs, for a pipeline to check; sensitive values are masked, or all is sealed."""
    if seal and not _key():
        raise CommandError("CALLBOARD_HISTORY_KEY is not set; 'callboard replay key' makes a key")
    workflows = _workflows(team)
    join_mesh()
    to.mkdir(parents=True, exist_ok=True)
    kept = asyncio.run(_keep(team, workflows, to, each, seal=seal))
    if not kept:
        raise CommandError(f"there are no runs of {team!r} to keep yet; call it first, 'callboard call' does")
    for name in kept:
        print_result(name)


@app.command("key")
def key() -> None:
    """Make a key that seals histories; keep it where the pipeline keeps its secrets."""
    from callboard_kit.replaying.sealing import new_key

    print_result(new_key())


async def _judged(team: str, workflows: Sequence[type], histories: "AsyncIterator[WorkflowHistory]") -> "list[Judged]":
    from callboard_kit.replaying import Gate

    gate = Gate(team, workflows)
    judged: list[Judged] = []
    async for history in histories:
        judged.append(await gate.judge(history))
        say(f"{history.workflow_id}: {judged[-1].verdict}")
    return judged


async def _in_turn(histories: "Iterable[WorkflowHistory]") -> "AsyncIterator[WorkflowHistory]":
    for history in histories:
        yield history


def _kept(folder: Path) -> "list[WorkflowHistory]":
    from temporalio.client import WorkflowHistory

    if not folder.is_dir():
        raise CommandError(f"there is no folder {str(folder)!r}")
    paths = [path for path in sorted(folder.glob("*.json")) if not path.name.endswith(".scheduled.json")]
    found: list[WorkflowHistory] = []
    for path in [*paths, *sorted(folder.glob(f"*{_SEALED}"))]:
        try:
            found.append(WorkflowHistory.from_json(path.stem, _text(path)))
        except (TypeError, ValueError, KeyError) as error:
            raise CommandError(f"{str(path)!r} holds no history: {error}") from error
    return found


def _text(path: Path) -> str:
    from callboard_kit.replaying.sealing import opened

    if not path.name.endswith(_SEALED):
        return path.read_text(encoding="utf-8")
    if not _key():
        raise CommandError(f"{str(path)!r} is sealed; set CALLBOARD_HISTORY_KEY to the key it was sealed with")
    return opened(path.read_bytes(), _key())


async def _fresh(team: str, workflows: Sequence[type], each: int) -> "AsyncIterator[WorkflowHistory]":
    async for picked in _picked(team, workflows, each):
        yield picked.history


async def _picked(team: str, workflows: Sequence[type], each: int) -> "AsyncIterator[Sample]":
    from callboard_kit.client import connect
    from callboard_kit.replaying.rooms import type_name
    from callboard_kit.replaying.sampling import sampled

    client = await connect(team)
    async for picked in sampled(client, [type_name(workflow) for workflow in workflows], each=each):
        yield picked


async def _keep(team: str, workflows: Sequence[type], to: Path, each: int, *, seal: bool) -> list[str]:
    from temporalio.client import WorkflowHistory

    from callboard_kit.contract_book import ContractBook
    from callboard_kit.replaying import Gate
    from callboard_kit.replaying.masking import masked
    from callboard_kit.replaying.sealing import sealed

    gate, book = Gate(team, workflows), ContractBook()
    kept: list[str] = []
    async for picked in _picked(team, workflows, each):
        stem = f"{picked.workflow}.{'under-way' if picked.under_way else 'over'}.{len(kept) + 1}"
        if seal:
            path = to / f"{stem}{_SEALED}"
            path.write_bytes(sealed(picked.history.to_json(), _key()))
        else:
            text = masked(picked.history, book)
            before, after = await gate.judge(picked.history), await gate.judge(WorkflowHistory.from_json(stem, text))
            if before.verdict == "same" and after.verdict != "same":
                say(f"{picked.history.workflow_id}: left out, --seal keeps it; when masked {after.why[0]}")
                continue
            path = to / f"{stem}.json"
            path.write_text(text + "\n", encoding="utf-8")
        kept.append(str(path))
    return kept


def _workflows(team: str) -> list[type]:
    from callboard_kit.replaying.rooms import workflows_of
    from callboard_kit.teams import installed_teams

    teams = installed_teams()
    if team not in teams:
        raise CommandError(f"no team {team!r} is installed here; there are {', '.join(teams)}")
    return workflows_of(teams[team])


def _key() -> str:
    from callboard_kit.replaying.sealing import KEY

    return os.environ.get(KEY, "")


def _as_data(judged: "Judged") -> dict[str, object]:
    return {
        "workflow": judged.workflow,
        "run": judged.run,
        "verdict": judged.verdict,
        "event": judged.event or None,
        "why": list(judged.why),
        "advice": judged.advice,
    }


def _show(judged: "Sequence[Judged]") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("workflow", "run", "verdict", "event", box=None, pad_edge=False)
    for one in judged:
        table.add_row(one.workflow, one.run, one.verdict, str(one.event or ""))
    Console().print(table)
    for one in judged:
        if one.verdict != "same":
            print_result(f"\n{one.run}: {one.verdict}{f' at event {one.event}' if one.event else ''}; {one.advice}")
            for line in one.why:
                print_result(f"  {line}")
