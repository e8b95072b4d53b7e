"""`callboard team`: the installed rooms, one for a new team, and what a team needs before it can serve somewhere."""

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from callboard.command.surroundings import join_mesh, registry_address
from callboard.command.terminal import home, print_json, print_result, say
from callboard.failures import CommandError

if TYPE_CHECKING:
    from temporalio.client import Client

app = typer.Typer(
    help="Lists teams, makes a room for a new one, and makes clusters and registries know them.", no_args_is_help=True
)

_Teams = Annotated[list[str] | None, typer.Argument(help="Which teams; absent: all that are installed.")]


@app.command("new")
def new_team(
    name: Annotated[str, typer.Argument(help="A short lower-case noun, as in greeters.")],
    *,
    owner: Annotated[
        str | None, typer.Option("--owner", help="Who answers for it; 'Greeters team' by default.")
    ] = None,
    contact: Annotated[str | None, typer.Option("--contact", help="Where to reach the owner.")] = None,
) -> None:
    """Make a room with a contract, a query and a task that work; what was made is printed, a path per line."""
    from callboard.scaffold.checkout import checkout
    from callboard.scaffold.room import NewTeam, make_room

    team = NewTeam(name=name, owner=owner or f"{name.capitalize()} team", contact=contact or f"{name}@example.com")
    for path in make_room(team, root=checkout()):
        print_result(path)
    say("to install it, run 'make setup'; to serve it, 'callboard up' ('callboard down' first, where a mesh runs)")
    say(f"""then: callboard call {name}.v1 write_note --input '{{"text": "The kettle is on."}}'""")


@app.command("serve")
def serve_team(
    name: Annotated[str, typer.Argument(help="The team; start the mesh with 'up --without' it.")],
) -> None:
    """Serve one team here, as a member of the running mesh, until Ctrl-C: start it again after each change of code."""
    from callboard.stack.lifecycle import running

    packages = _packages([name])
    join_mesh()
    found = running(home())
    if found is not None and name in found.addresses:
        say(f"the mesh serves {name} too, and calls go to either; start it with 'callboard up --without {name}'")
    if found is not None and "offline-model" in found.addresses:
        # A real key is none of its business.
        os.environ["OPENAI_API_KEY"] = "offline"
    os.execv(sys.executable, [sys.executable, "-m", packages[name]])


@app.command("provision")
def provision_team(names: _Teams = None) -> None:
    """Make namespaces, search attributes and endpoints where the cluster lacks them; may be run again at any time."""
    from callboard.stack.enrolment import provision_teams
    from callboard_kit.settings import Settings

    packages = _packages(names)
    join_mesh()

    async def work() -> None:
        done = await provision_teams(await _cluster(), packages, Settings.from_environment())
        for kind, made in (
            ("namespace", done.namespaces),
            ("search attribute", done.search_attributes),
            ("endpoint", (*done.endpoints_created, *done.endpoints_updated)),
        ):
            for each in made:
                print_result(f"{kind} {each}")
        say(f"the cluster has what {', '.join(packages)} need")

    asyncio.run(work())


@app.command("enrol")
def enrol_team(names: _Teams = None) -> None:
    """Make a key for each team that has none here, and have the registry vouch for it, as its administrator."""
    from callboard.stack.enrolment import enrol_keys
    from callboard_kit.settings import Settings

    packages = _packages(names)
    address = registry_address()
    settings = Settings.from_environment()
    if settings.key_file is not None and len(packages) > 1:
        raise CommandError("CALLBOARD_KEY_FILE is one team's key; say which team, or unset it")
    asyncio.run(enrol_keys(settings.home, packages, registry=address, settings=settings))
    for name in packages:
        print_result(f"{name} {settings.key_path(name)}")
    say("the registry vouches for these keys; workers that run know within 30 s")


@app.command("list")
def list_teams(*, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the installed teams: who answers for each, what it serves and what it calls."""
    from callboard_contracts import services
    from callboard_kit.settings import Settings
    from callboard_kit.teams import Team, installed_teams

    profile = Settings.from_environment().profile
    packages = installed_teams()
    teams = [Team.load(package, profile=profile) for package in packages.values()]
    served = {name: [each for each in services if each.partition(".")[0] == name] for name in packages}
    if as_json:
        print_json(
            [
                {
                    "team": team.name,
                    "package": packages[team.name],
                    "owner": team.owner,
                    "contact": team.contact,
                    "description": team.description,
                    "services": served[team.name],
                    "calls": list(team.calls),
                }
                for team in teams
            ]
        )
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None)
    for title in ("team", "owner", "contact", "serves", "calls"):
        table.add_column(title, overflow="fold")
    for team in teams:
        table.add_row(team.name, team.owner, team.contact, ", ".join(served[team.name]), ", ".join(team.calls))
    Console().print(table)


async def _cluster() -> "Client":
    """Connect the way Temporal's own variables say, as nobody in particular."""
    from temporalio.client import Client
    from temporalio.envconfig import ClientConfigProfile

    config = ClientConfigProfile.load().to_client_connect_config()
    address = config.setdefault("target_host", "localhost:7233")
    try:
        return await Client.connect(**config)
    except RuntimeError as error:
        raise CommandError(f"no Temporal answers at {address!r}, or it does not let this client in: {error}") from error


def _packages(names: Sequence[str] | None) -> Mapping[str, str]:
    """Return team and package of those named, or of every installed room."""
    from callboard_kit.teams import installed_teams

    packages = installed_teams()
    if unknown := sorted(set(names or ()) - set(packages)):
        raise CommandError(f"there is no team {unknown[0]!r} here; the teams are {', '.join(packages)}")
    return {name: packages[name] for name in names or packages}
