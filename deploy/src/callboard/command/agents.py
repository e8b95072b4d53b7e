"""`callboard agents`: what agents are made of, in digests, and for which builds their teams vouch."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from callboard.command.registry import open_registry
from callboard.command.surroundings import join_mesh, registry_address
from callboard.command.terminal import print_json, print_result, say
from callboard.failures import CommandError

if TYPE_CHECKING:
    from callboard_kit.fingerprint import Fingerprint
    from callboard_registry_api.builds import Build
    from callboard_registry_api.client import RegistryClient

app = typer.Typer(help="Shows what agents are made of, and which of their builds count.", no_args_is_help=True)

_Team = Annotated[str, typer.Argument(help="The team.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

HERE = "here"
"""What is installed here, in this environment, in the place of a build."""


@app.command("show")
def show(
    team: _Team,
    *,
    build: Annotated[str, typer.Option("--build", help="As a build has them; absent: as they are here.")] = HERE,
    as_json: _Json = False,
) -> None:
    """Print a digest of each part of a team's agents; no value can be read back from one."""
    agents = _agents_in(team, build)
    if as_json:
        print_json([each.model_dump(mode="json") for each in agents])
        return
    for each in agents:
        print_result(f"{each.agent}  {each.digest}")
        for path, digest in each.fields.items():
            print_result(f"  {digest}  {path}")
    if not agents:
        say(f"team {team!r} has no agent at the top of a module")


@app.command("diff")
def diff(
    team: _Team,
    one: Annotated[str, typer.Argument(help="A build that `agents builds` lists.")],
    other: Annotated[str, typer.Argument(help="Another one; absent: what is here.")] = HERE,
    *,
    as_json: _Json = False,
) -> None:
    """Print in what the agents of two builds differ; ends with 1 when they do."""
    from callboard_kit.fingerprint import differing

    first, second = _agents_in(team, one), _agents_in(team, other)
    found: list[dict[str, str]] = []
    for name in sorted({each.agent for each in (*first, *second)}):
        ours = [each for each in first if each.agent == name]
        theirs = [each for each in second if each.agent == name]
        if {each.digest for each in ours} & {each.digest for each in theirs}:
            continue
        if not ours or not theirs:
            found.append({"agent": name, "path": "", "only_in": one if ours else other})
            continue
        pairs = ((mine, its) for mine in ours for its in theirs)
        mine, its = min(pairs, key=lambda pair: len(differing(*pair)))
        found.extend(
            {"agent": name, "path": path, one: mine.fields.get(path, ""), other: its.fields.get(path, "")}
            for path in differing(mine, its)
        )
    if as_json:
        print_json(found)
    for each in found if not as_json else ():
        where = f" is only in {each['only_in']}" if "only_in" in each else f"  {each['path']}"
        print_result(f"{each['agent']}{where}")
    if found:
        raise typer.Exit(1)
    say(f"{one} and {other} have the same agents")


@app.command("builds")
def list_builds(team: _Team, *, as_json: _Json = False) -> None:
    """List the builds that a team vouches for: an agent that none of them has is drift."""
    builds = _builds(team, summary=True)
    if as_json:
        print_json(
            [
                {
                    "build": each.build,
                    "published": each.published.isoformat(),
                    "agents": [{"agent": one.agent, "digest": one.digest} for one in each.agents],
                }
                for each in builds
            ]
        )
        return
    for each in builds:
        agents = ", ".join(f"{one.agent} {one.digest.removeprefix('sha256:')[:12]}" for one in each.agents)
        print_result(f"{each.build}  {each.published:%Y-%m-%d %H:%M}  {agents}")
    if not builds:
        say(f"team {team!r} vouches for no build; a worker of the dev profile does, and 'callboard agents publish'")


@app.command("publish")
def publish(team: _Team) -> None:
    """Vouch, as the team, for the build that is here; run it in the environment that the build is to run in."""
    from callboard_kit.build import build_of
    from callboard_kit.fingerprint.builds import publish
    from callboard_kit.fingerprint.finding import agents_of

    agents = _here(team)
    package = _package(team)
    build = build_of(package, agents_of(package))

    async def work() -> bool:
        async with _as_team(team) as registry:
            return await publish(team, build, agents, registry=registry)

    changed = asyncio.run(work())
    print_result(build)
    say(f"{team} vouches for it" if changed else f"{team} vouched for it already")


@app.command("withdraw")
def withdraw(team: _Team, build: Annotated[str, typer.Argument(help="A build that `agents builds` lists.")]) -> None:
    """Vouch for a build no more: activities for its agents fail on workers of any other build."""

    async def work() -> None:
        async with _as_team(team) as registry:
            await registry.builds.withdraw(team, build)

    asyncio.run(work())
    say(f"{team} does not vouch for {build} any more; workers know within 30 s")


def _as_team(team: str) -> "RegistryClient":
    from callboard_kit.client import load_key
    from callboard_kit.publishing import registry_signature
    from callboard_kit.settings import Settings

    registry_address()
    return open_registry(sign=registry_signature(load_key(team, Settings.from_environment())))


def _agents_in(team: str, build: str) -> "Sequence[Fingerprint]":
    if build == HERE:
        return _here(team)
    from callboard_kit.fingerprint.builds import held

    known = _builds(team)
    found = next((each for each in known if each.build == build), None)
    if found is None:
        names = ", ".join(each.build for each in known) or "none"
        raise CommandError(f"team {team!r} vouches for no build {build!r}; the builds are: {names}")
    return [one for name in _names(found) for one in held(found, name)]


def _names(build: "Build") -> Iterable[str]:
    return dict.fromkeys(agent.agent for agent in build.agents)


def _builds(team: str, *, summary: bool = False) -> "list[Build]":
    async def fetch() -> "list[Build]":
        async with open_registry() as registry:
            return [each async for each in registry.builds.list(team, summary=summary)]

    return asyncio.run(fetch())


def _here(team: str) -> "Sequence[Fingerprint]":
    """Take the fingerprints of what is installed here, with what a worker in this environment would add."""
    from callboard_kit.agent import ModelSettings
    from callboard_kit.fingerprint.builds import fingerprints_of, surroundings_of
    from callboard_kit.fingerprint.finding import agents_of
    from callboard_kit.settings import Settings
    from callboard_kit.telemetry import collector

    package = _package(team)
    join_mesh(need_temporal=False)
    settings = Settings.from_environment()
    surroundings = surroundings_of(settings, ModelSettings.from_environment(), telemetry=collector())
    return fingerprints_of(agents_of(package), surroundings)


def _package(team: str) -> str:
    from callboard_kit.teams import installed_teams

    packages = installed_teams()
    if team not in packages:
        raise CommandError(f"there is no team {team!r} here; the teams are {', '.join(packages)}")
    return packages[team]
