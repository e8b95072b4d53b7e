"""`callboard contracts`: what a team promises, and getting it into the registry."""

import asyncio
from typing import Annotated

import typer

from callboard.command import comparing, interchange
from callboard.command.registry import open_registry
from callboard.command.surroundings import join_mesh
from callboard.command.terminal import say
from callboard.failures import CommandError

app = typer.Typer(
    help="Publishes what a team promises, checks what a change would break, and speaks the formats of others.",
    no_args_is_help=True,
)
app.command("check")(comparing.check)
app.command("compare")(comparing.compare)
app.command("export")(interchange.export_service)
app.command("import")(interchange.import_file)
app.command("lint")(interchange.lint_contract)


@app.command("publish")
def publish_team(
    team: Annotated[str, typer.Argument(help="The team, whose key must be at hand.")],
    *,
    approve: Annotated[
        bool, typer.Option("--approve", help="Approve it too, with the administrator's token of the home.")
    ] = False,
) -> None:
    """Publish a team's services and policy, signed with its key."""
    asyncio.run(_publish(team, approve=approve))


async def _publish(name: str, *, approve: bool) -> None:
    join_mesh(need_temporal=False)
    from callboard.stack.enrolment import administrator_token
    from callboard_contracts import describe, services
    from callboard_kit.client import load_key
    from callboard_kit.publishing import publish, registry_signature
    from callboard_kit.settings import Settings
    from callboard_kit.teams import Team, installed_teams

    packages = installed_teams()
    if name not in packages:
        raise CommandError(f"there is no team {name!r} here; the teams are {', '.join(packages)}")
    settings = Settings.from_environment()
    team = Team.load(packages[name], profile=settings.profile)
    listings = [each for each in map(describe, services.values()) if each.team == name]
    key = load_key(name, settings)
    async with open_registry(sign=registry_signature(key)) as registry:
        await publish(team, listings, registry)
    if approve:
        async with open_registry(administrator_token=administrator_token(settings.home)) as registry:
            for listing in listings:
                await registry.set_state(listing.service, listing.digest, "approved")
    done = "published and approved" if approve else "published"
    say(f"{done} {', '.join(each.service for each in listings) or 'no service'} and the policy of {name}")
