"""`callboard memory`: what a team's agents remember, and forgetting it on record."""

import asyncio
import getpass
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from callboard.command.surroundings import join_mesh
from callboard.command.terminal import print_json, print_result, say
from callboard.failures import CommandError

if TYPE_CHECKING:
    from callboard_kit.memory.kept import Forgotten, Memory
    from callboard_kit.memory.store import RedisMemories

app = typer.Typer(help="Lists what a team's agents remember, and forgets it.", no_args_is_help=True)

_Team = Annotated[str, typer.Argument(help="The team.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_Person = Annotated[str | None, typer.Option("--person", help="About whom, by the name that runs have.")]

_LONGEST_LINE = 80


@app.command("list")
def list_memories(
    team: _Team,
    *,
    person: _Person = None,
    forgotten: Annotated[
        bool, typer.Option("--forgotten", help="What was forgotten instead, the newest first.")
    ] = False,
    as_json: _Json = False,
) -> None:
    """List what is remembered: id, whose it is, kind, until when, and what it says."""
    if forgotten:
        _list_forgotten(asyncio.run(_forgotten(team)), as_json=as_json)
        return
    found = asyncio.run(_listed(team, person))
    if as_json:
        print_json([each.model_dump(mode="json") for each in found])
        return
    for each in found:
        text = each.text if len(each.text) <= _LONGEST_LINE else f"{each.text[:_LONGEST_LINE]}…"
        print_result(
            f"{each.id}  {_whose(each.scope):24}  {each.kind:10}  {each.until:%Y-%m-%d}  {' '.join(text.split())}"
        )
    if not found:
        say(f"nothing is remembered{'' if person is None else f' about {person!r}'} by team {team!r}")


@app.command("forget")
def forget(
    team: _Team,
    ids: Annotated[
        list[str] | None, typer.Argument(help="What is to be forgotten, by the ids of `memory list`.")
    ] = None,
    *,
    person: _Person = None,
    by: Annotated[str | None, typer.Option("--by", help="Who wants that; absent: who is logged in here.")] = None,
    why: Annotated[str, typer.Option("--why", help="Why; stands in the record.")] = "",
    as_json: _Json = False,
) -> None:
    """Forget for good: by ids, or with --person everything about somebody. The record names the ids, not the words."""
    if bool(ids) == (person is not None):
        raise CommandError("say what is to be forgotten: ids, or --person for everything about somebody, and not both")
    done = asyncio.run(_forget(team, ids or (), person, f"operator {by or getpass.getuser()}", why))
    gone = [id for each in done for id in each.ids]
    if unknown := [id for id in ids or () if id not in gone]:
        raise CommandError(
            f"nothing is remembered under {', '.join(unknown)}"
            + (f"; {len(gone)} others were forgotten" if gone else "")
            + f"; 'callboard memory list {team}' lists what is"
        )
    if as_json:
        print_json([each.model_dump(mode="json") for each in done])
        return
    for id in gone:
        print_result(id)
    say(f"{len(gone)} forgotten, on record" if gone else "there was nothing to forget")


async def _listed(team: str, person: str | None) -> "Sequence[Memory]":
    from callboard_kit.memory.kept import digest_of, is_about

    async with _memories(team) as memories:
        found = await memories.read(await memories.scopes())
    return found if person is None else [each for each in found if is_about(each, digest_of(person))]


async def _forgotten(team: str) -> "Sequence[Forgotten]":
    async with _memories(team) as memories:
        return await memories.forgotten()


async def _forget(team: str, ids: Sequence[str], person: str | None, by: str, why: str) -> "Sequence[Forgotten]":
    from callboard_kit.memory.kept import digest_of

    async with _memories(team) as memories:
        if person is not None:
            return await memories.forget_person(digest_of(person), by=by, why=why)
        done = [await memories.forget(scope, ids, by=by, why=why) for scope in await memories.scopes()]
    return [each for each in done if each.ids]


def _list_forgotten(records: "Sequence[Forgotten]", *, as_json: bool) -> None:
    if as_json:
        print_json([each.model_dump(mode="json") for each in records])
        return
    for each in records:
        why = f"  {each.why}" if each.why else ""
        print_result(f"{each.at:%Y-%m-%d %H:%M}  {_whose(each.scope):24}  {each.by}  {' '.join(each.ids)}{why}")
    if not records:
        say("nothing was forgotten but by its own time")


def _whose(scope: str) -> str:
    """Return whose memory a scope is, in short: a person's digest is longer than anybody reads."""
    kind, _, rest = scope.partition(":")
    if kind != "person":
        return scope
    digest, _, voucher = rest.partition(":")
    return f"person {digest[:8]} {voucher}"


@asynccontextmanager
async def _memories(team: str) -> "AsyncGenerator[RedisMemories]":
    from callboard_kit.memory.store import RedisMemories
    from callboard_kit.settings import Settings
    from callboard_kit.teams import installed_teams

    if team not in (known := installed_teams()):
        raise CommandError(f"there is no team {team!r} here; the teams are {', '.join(known)}")
    join_mesh(need_temporal=False)
    memories = RedisMemories.of(Settings.from_environment(), team)
    if memories.fault is not None:
        raise CommandError("it is not known where memory is kept; set CALLBOARD_REDIS_URL")
    try:
        yield memories
    finally:
        await memories.close()
