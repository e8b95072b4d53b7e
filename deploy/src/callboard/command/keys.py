"""`callboard keys`: the keys that teams sign with, and how the registry comes to vouch for them."""

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from callboard.command.registry import open_registry
from callboard.command.surroundings import join_mesh
from callboard.command.terminal import print_json, print_result, say
from callboard.failures import CommandError

if TYPE_CHECKING:
    from callboard_registry_api.model import PublicKey

app = typer.Typer(help="Enrols, replaces and revokes the keys that teams sign with.", no_args_is_help=True)

_Team = Annotated[str, typer.Argument(help="The team.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_keys(
    team: Annotated[str, typer.Argument(help="The team; absent: all teams.")] = "",
    *,
    past: Annotated[bool, typer.Option("--past", help="Also those that ended or were revoked.")] = False,
    as_json: _Json = False,
) -> None:
    """List the public keys that the registry vouches for."""

    async def fetch() -> "tuple[PublicKey, ...]":
        async with open_registry() as registry:
            return await registry.list_public_keys(team=team, past=past)

    keys = asyncio.run(fetch())
    if as_json:
        print_json([_data(each) for each in keys])
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("team", "key", "enrolled", "is good", box=None)
    for each in keys:
        table.add_row(each.team, each.key_id, f"{each.created:%Y-%m-%d %H:%M} UTC", _goodness(each))
    Console().print(table)


@app.command("invite")
def invite(
    team: _Team,
    *,
    hours: Annotated[float, typer.Option("--hours", help="How long the code is good, at most 168.")] = 1,
) -> None:
    """Make a code with which a team enrols its key itself, once, and print it; for the administrator."""
    join_mesh(need_temporal=False)
    from callboard.stack.enrolment import administrator_token
    from callboard_kit.settings import Settings

    async def fetch() -> tuple[str, datetime]:
        token = administrator_token(Settings.from_environment().home)
        async with open_registry(administrator_token=token) as registry:
            invitation = await registry.invite_team(team, lifetime=timedelta(hours=hours))
            return invitation.code, invitation.expires

    code, expires = asyncio.run(fetch())
    print_result(code)
    say(f"good until {expires:%Y-%m-%d %H:%M} UTC, for one key of {team!r}; it is shown only now")


@app.command("enrol")
def enrol(team: _Team) -> None:
    """Enrol the team's key by a one-time code, read from standard input; the key is made when there is none."""
    join_mesh(need_temporal=False)
    from callboard_kit.identity import SigningKey
    from callboard_kit.publishing import registry_signature
    from callboard_kit.settings import Settings

    path = Settings.from_environment().key_path(team)
    # Not an argument: those are in the shell's history and in every list of processes.
    if sys.stdin.isatty():
        say("the code:")
    code = sys.stdin.readline().strip()
    if not code:
        raise CommandError("no code came on standard input; 'callboard keys invite' makes one")
    if not path.exists():
        SigningKey.generate(team).save(path)
    key = SigningKey.load(path, team=team)

    async def send() -> None:
        async with open_registry(sign=registry_signature(key)) as registry:
            await registry.enrol_key(team, key.key_id, key.public_key.public_bytes, code=code)

    asyncio.run(send())
    say(f"key {key.key_id} of {team!r} at {str(path)!r} is enrolled")


@app.command("rotate")
def rotate(
    team: _Team,
    *,
    days: Annotated[
        float, typer.Option("--days", help="How long the old key is still good, for work that goes on that long.")
    ] = 7,
) -> None:
    """Put a new key into the place of the team's; restart its workers before the old one ends."""
    join_mesh(need_temporal=False)
    from callboard_kit.client import load_key
    from callboard_kit.identity import SigningKey
    from callboard_kit.publishing import registry_signature
    from callboard_kit.settings import Settings

    settings = Settings.from_environment()
    path, old = settings.key_path(team), load_key(team, settings)
    # Kept before it is enrolled and until it is in place: whatever stops this command, it can be given again.
    waiting = path.with_name(f"{path.name}.next")
    if not waiting.exists():
        SigningKey.generate(team).save(waiting)
    new = SigningKey.load(waiting, team=team)

    async def send() -> None:
        async with open_registry(sign=registry_signature(old)) as registry:
            await registry.rotate_key(
                team,
                new.key_id,
                new.public_key.public_bytes,
                sign=registry_signature(new),
                overlap=timedelta(days=days),
            )

    asyncio.run(send())
    waiting.replace(path)
    say(f"key {new.key_id} of {team!r} is in place; {old.key_id} is good for {days:g} days more; restart its workers")


@app.command("revoke")
def revoke(
    team: _Team,
    key_id: Annotated[str, typer.Argument(help="The key, as 'callboard keys list' shows it.")],
    *,
    reason: Annotated[str, typer.Option("--reason", help="Why, for whoever asks later.")] = "",
    as_team: Annotated[
        bool, typer.Option("--as-team", help="Sign with the team's key, instead of as the administrator.")
    ] = False,
) -> None:
    """Take a key back at once and for ever: workers hear of it within 30 seconds."""
    join_mesh(need_temporal=False)
    from callboard.stack.enrolment import administrator_token
    from callboard_kit.client import load_key
    from callboard_kit.publishing import registry_signature
    from callboard_kit.settings import Settings

    settings = Settings.from_environment()
    sign = registry_signature(load_key(team, settings)) if as_team else None
    administrator = None if as_team else administrator_token(settings.home)

    async def send() -> None:
        async with open_registry(sign=sign, administrator_token=administrator) as registry:
            await registry.revoke_key(team, key_id, reason=reason)

    asyncio.run(send())
    say(f"key {key_id} of {team!r} is revoked")


def _goodness(key: "PublicKey") -> str:
    if key.revoked is not None:
        return f"no, revoked {key.revoked:%Y-%m-%d %H:%M} UTC"
    if key.expires is None:
        return "yes"
    return f"{'until' if key.expires > datetime.now(UTC) else 'no, ended'} {key.expires:%Y-%m-%d %H:%M} UTC"


def _data(key: "PublicKey") -> dict[str, object]:
    return {
        "team": key.team,
        "key_id": key.key_id,
        "created": key.created.isoformat(),
        "expires": None if key.expires is None else key.expires.isoformat(),
        "revoked": None if key.revoked is None else key.revoked.isoformat(),
    }
