"""`callboard locks`: who works on which record, and who waits for it."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from callboard.command.namespaces import namespace_client
from callboard.command.surroundings import join_mesh
from callboard.command.terminal import complain, print_json, since
from callboard.failures import CommandError

if TYPE_CHECKING:
    from callboard_kit.entities.messages import Claim, LockState

app = typer.Typer(
    help="Shows who works on which record, and who waits for it, in the order of their turns.", no_args_is_help=True
)

_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_locks(
    teams: Annotated[list[str] | None, typer.Argument(help="Which teams; absent: all that are installed.")] = None,
    *,
    as_json: _Json = False,
) -> None:
    """List every record that is worked on or waited for, those held longest first."""
    found, silent = asyncio.run(_list(_known(teams)))
    for line in silent:
        complain(line)
    if as_json:
        print_json([_document(state) for state in found])
    else:
        _print(found)
    if silent:
        raise typer.Exit(1)


@app.command("show")
def show_lock(
    team: Annotated[str, typer.Argument(help="The team whose record it is.")],
    kind: Annotated[str, typer.Argument(help="What kind of record, as in order_id.")],
    key: Annotated[str, typer.Argument(help="Which one, as in '#W2378156'.")],
    *,
    as_json: _Json = False,
) -> None:
    """Show who works on one record, and who waits for it."""
    [name] = _known([team])
    state = asyncio.run(_show(name, kind, key))
    if as_json:
        print_json(_document(state))
        return
    if not state.holding and not state.waiting:
        typer.echo(f"nobody works on {state.shown} of {team}")
        return
    _print([state])


def _known(teams: Sequence[str] | None) -> list[str]:
    from callboard_kit.teams import installed_teams

    installed = installed_teams()
    if unknown := sorted(set(teams or ()) - set(installed)):
        raise CommandError(f"there is no team {unknown[0]!r} here; the teams are {', '.join(installed)}")
    return list(dict.fromkeys(teams or installed))


async def _list(teams: Sequence[str]) -> "tuple[list[LockState], list[str]]":
    from callboard_kit.entities.viewing import SilentTeamError, locks_of

    join_mesh()
    found: list[LockState] = []
    silent: list[str] = []
    for team in teams:
        try:
            found.extend(await locks_of(await namespace_client(team), team))
        except SilentTeamError as error:
            silent.append(str(error))
    return found, silent


async def _show(team: str, kind: str, key: str) -> "LockState":
    from callboard_kit.entities.viewing import SilentTeamError, lock_of

    join_mesh()
    try:
        return await lock_of(await namespace_client(team), team, kind, key)
    except SilentTeamError as error:
        raise CommandError(str(error)) from error


def _print(states: "Sequence[LockState]") -> None:
    from rich.console import Console
    from rich.table import Table

    now = datetime.now(UTC)
    table = Table(box=None)
    for title in ("team", "record", "who", "operation", "since", "tree", "workflow"):
        table.add_column(title, overflow="fold")
    for state in states:
        lines = [("holds", held.claim, held.since) for held in state.holding]
        lines += [(f"{place}. to wait", each.claim, each.since) for place, each in enumerate(state.waiting, 1)]
        for number, (who, claim, began) in enumerate(lines):
            table.add_row(
                "" if number else state.team,
                "" if number else state.shown,
                who,
                f"{claim.operation} for {claim.caller}" if claim.caller else claim.operation,
                since(datetime.fromtimestamp(began, UTC), now),
                claim.root,
                claim.workflow_id,
            )
    Console().print(table)


def _document(state: "LockState") -> dict[str, object]:
    return {
        "team": state.team,
        "record": state.shown,
        "lock": state.name,
        "fence": state.fence,
        "holding": [
            {**_claim(held.claim), "since": _moment(held.since), "fence": held.fence} for held in state.holding
        ],
        "waiting": [
            {**_claim(each.claim), "since": _moment(each.since), "until": _moment(each.claim.until)}
            for each in state.waiting
        ],
    }


def _claim(claim: "Claim") -> dict[str, object]:
    return {
        "operation": claim.operation,
        "caller": claim.caller,
        "root": claim.root,
        "workflow_id": claim.workflow_id,
        "run_id": claim.first_run_id,
    }


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
