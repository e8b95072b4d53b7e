"""`callboard team`: the rooms that are installed, a room for a new team, and one team's worker by itself."""

import os
import sys
from typing import Annotated

import typer

from callboard.command.surroundings import join_mesh
from callboard.command.terminal import home, print_json, print_result, say
from callboard.failures import CommandError

app = typer.Typer(help="Lists the teams, makes a room for a new one, serves one by itself.", no_args_is_help=True)


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
    from callboard_kit.teams import installed_teams

    packages = installed_teams()
    if name not in packages:
        raise CommandError(f"there is no team {name!r} here; the teams are {', '.join(packages)}")
    join_mesh()
    found = running(home())
    if found is not None and name in found.addresses:
        say(f"the mesh serves {name} too, and calls go to either; start it with 'callboard up --without {name}'")
    if found is not None and "offline-model" in found.addresses:
        # A real key is none of its business.
        os.environ["OPENAI_API_KEY"] = "offline"
    os.execv(sys.executable, [sys.executable, "-m", packages[name]])


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
