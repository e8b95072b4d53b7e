"""What an experiment or a shadow may be about: builds that are there and alike to callers, work that can be placed."""

from collections.abc import Mapping, Sequence

from temporalio.client import Client

from callboard.failures import CommandError
from callboard.rollouts.handlers import differences, served_by
from callboard.rollouts.linting import unsplit
from callboard_contracts import describe, services
from callboard_kit.rollouts.deployment import Deployment
from callboard_registry_api.client import RegistryClient


def placeable(team: str, rooms: Mapping[str, str], wanted: Sequence[str]) -> tuple[str, ...]:
    """Return operations of a team as `<service>.<operation>`: those wanted, or all, that have a workflow behind them.

    Args:
        team: The team.
        rooms: Its installed package, by its name.
        wanted: Operations, with or without their service. Empty: all.

    Raises:
        CommandError: One is not the team's, or is answered by its handler, which belongs to no build.
    """
    listings = [each for each in map(describe, services.values()) if each.endpoint == team]
    every = {
        f"{listing.service}.{each.name}"
        for listing in listings
        for each in listing.operations
        if each.promise.kind != "exchange"
    }
    at_once = {f"{each.service}.{each.operation}" for each in unsplit(rooms)}
    if not wanted:
        if not every - at_once:
            raise CommandError(f"team {team!r} has no operation with a workflow behind it")
        return tuple(sorted(every - at_once))
    found: set[str] = set()
    for name in wanted:
        meant = {each for each in every if each == name or each.rpartition(".")[2] == name}
        if not meant:
            raise CommandError(f"team {team!r} has no operation {name!r}; it has {', '.join(sorted(every))}")
        if meant & at_once:
            raise CommandError(
                f"{min(meant & at_once)} is answered by its handler, which belongs to no build: it cannot be placed"
            )
        found |= meant
    return tuple(sorted(found))


async def two_builds(
    client: Client, team: str, *, registry: RegistryClient, task_queue: str, other: str, against: str = ""
) -> tuple[str, str]:
    """Return the build that serves and the one that is tried, both with a worker and the same to callers.

    Args:
        client: Of the team's namespace.
        team: The team.
        registry: Where what workers serve is told.
        task_queue: Where its workers look for work.
        other: The build that is tried. Empty: the youngest that never got work.
        against: The one it is held against. Empty: the current one.

    Raises:
        CommandError: There are no two such builds, or a rollout moves work between them.
    """
    seen = await Deployment(client, team).look()
    if seen is None or not (against or seen.current):
        raise CommandError(f"team {team!r} has no current build; 'callboard rollout status {team}' shows its builds")
    if seen.ramping:
        raise CommandError(
            f"build {seen.ramping!r} of team {team!r} is ramping, which would move work between the builds;"
            f" 'callboard rollout promote {team}' or 'callboard rollout rollback {team}' ends that"
        )
    serving = against or seen.current
    tried = other or next((each.name for each in seen.builds if each.state == "new"), "")
    if not tried:
        raise CommandError(
            f"team {team!r} has no build that never got work; start a worker of one with CALLBOARD_TAKEOVER=off, or"
            " name one with --build"
        )
    for build in (serving, tried):
        if seen.build(build) is None:
            known = ", ".join(each.name for each in seen.builds)
            raise CommandError(f"team {team!r} has no build {build!r}; it has {known}")
    if serving == tried:
        raise CommandError(f"build {tried!r} cannot be held against itself")
    workers = [each async for each in registry.health.workers(team=team)]
    before, after = (served_by(workers, build, task_queue=task_queue) for build in (serving, tried))
    if differ := await differences(registry, before, after):
        raise CommandError(
            f"the handlers of {serving} and {tried} do not serve the same, so what comes of their workflows cannot be"
            f" compared: {'; '.join(differ)}"
        )
    return serving, tried
