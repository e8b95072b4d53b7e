"""What a stack's cluster and registry must know of its teams before the first of them works."""

import os
from collections.abc import Mapping
from pathlib import Path

from temporalio.client import Client

from callboard.failures import CommandError
from callboard.stack.parts import ADMINISTRATOR_TOKEN
from callboard_kit.identity import SigningKey
from callboard_kit.provision import EndpointPlan, Provisioned, provision
from callboard_kit.settings import Settings
from callboard_kit.teams import Team
from callboard_registry_api.client import RegistryClient


def endpoint_plans(teams: Mapping[str, str], settings: Settings) -> list[EndpointPlan]:
    """Return the endpoint of every team, described by its `team.toml`.

    Args:
        teams: Packages by team.
        settings: How logical names become physical ones.
    """
    return [_endpoint(Team.load(package, profile=settings.profile), settings) for package in teams.values()]


async def provision_teams(client: Client, teams: Mapping[str, str], settings: Settings) -> Provisioned:
    """Make every team's namespace, search attributes and endpoint on the cluster.

    What is there already is kept, but for an endpoint that leads elsewhere.
    """
    namespaces = [settings.namespace(team) for team in teams]
    return await provision(client, namespaces=namespaces, endpoints=endpoint_plans(teams, settings))


async def enrol_keys(home: Path, teams: Mapping[str, str], *, registry: str, settings: Settings) -> None:
    """Make a key for every team that has none, and enrol all of them at the registry as its administrator."""
    async with RegistryClient(registry, administrator_token=administrator_token(home)) as client:
        for team in teams:
            key = _key(settings.key_path(team), team)
            await client.register_key(team, key.key_id, key.public_key.public_bytes)


def administrator_token(home: Path) -> str:
    """Return the secret of the registry's administrator: from the environment, else from the file in `home`.

    Raises:
        CommandError: There is neither.
    """
    given = os.environ.get("CALLBOARD_REGISTRY_ADMIN_TOKEN")
    if given:
        return given
    path = home / ADMINISTRATOR_TOKEN
    try:
        return path.read_text(encoding="utf-8").strip()
    except FileNotFoundError as error:
        raise CommandError(
            f"there is no administrator's token at {str(path)!r}; set CALLBOARD_REGISTRY_ADMIN_TOKEN"
        ) from error


def _key(path: Path, team: str) -> SigningKey:
    if path.exists():
        return SigningKey.load(path, team=team)
    key = SigningKey.generate(team)
    key.save(path)
    return key


def _endpoint(team: Team, settings: Settings) -> EndpointPlan:
    physical = settings.physical(team.name)
    return EndpointPlan(
        name=physical,
        namespace=settings.namespace(team.name),
        task_queue=physical,
        description=f"{team.description}\n\nOwner: {team.owner} ({team.contact})\n".lstrip(),
        # What the observer or `callboard endpoints reconcile` has written since says more.
        redescribe=False,
    )
