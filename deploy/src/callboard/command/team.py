"""`callboard team`: the rooms that are installed, and a room for a new team."""

from typing import Annotated

import typer

from callboard.command.terminal import print_json, print_result, say

app = typer.Typer(help="Lists the teams, and makes a room for a new one.", no_args_is_help=True)


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

    table = Table("team", "owner", "contact", "serves", "calls", box=None)
    for team in teams:
        table.add_row(team.name, team.owner, team.contact, ", ".join(served[team.name]), ", ".join(team.calls))
    Console().print(table)
