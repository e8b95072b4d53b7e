"""`callboard contracts`: what a team promises, and getting it into the registry."""

import asyncio
from typing import Annotated

import typer

from callboard.command import comparing, diffing, interchange
from callboard.command.registry import open_registry
from callboard.command.surroundings import join_mesh
from callboard.command.terminal import print_result, say
from callboard.command.verdicts import print_verdict
from callboard.failures import CommandError

app = typer.Typer(
    help="Publishes what a team promises, checks what a change would break, and speaks the formats of others.",
    no_args_is_help=True,
)
app.command("check")(comparing.check)
app.command("compare")(comparing.compare)
app.command("diff")(diffing.diff)
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
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what publishing would answer; nothing is kept.")
    ] = False,
) -> None:
    """Publish a team's services and policy, signed with its key, and say what that does to callers."""
    if approve and dry_run:
        raise CommandError("--approve and --dry-run contradict each other; leave one out")
    asyncio.run(_publish(team, approve=approve, dry_run=dry_run))


async def _publish(name: str, *, approve: bool, dry_run: bool) -> None:
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
        published = await publish(team, listings, registry, validate_only=dry_run)
    for each in published.listings:
        print_result(f"{each.service} {each.revision} ({each.state})")
        if each.verdict is not None:
            print_verdict(each.verdict, indent="  ")
    for warning in published.warnings:
        print_result(f"policy of {name}, warning: {warning.sentence}")
    if approve:
        async with open_registry(administrator_token=administrator_token(settings.home)) as registry:
            for listing in listings:
                await registry.set_state(listing.service, listing.digest, "approved")
    done = "would publish" if dry_run else "published and approved" if approve else "published"
    say(f"{done} {', '.join(each.service for each in listings) or 'no service'} and the policy of {name}")
