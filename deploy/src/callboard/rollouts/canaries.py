"""The endpoint over which changes of a team's handlers are tried: made for that time, and taken away after."""

from temporalio.api.operatorservice.v1 import DeleteNexusEndpointRequest
from temporalio.client import Client
from temporalio.service import RPCError

from callboard.failures import CommandError
from callboard_kit.provision import EndpointPlan, ProvisionError, ensure_endpoint, existing_endpoints
from callboard_kit.settings import CANARY, Settings


async def open_canary(client: Client, team: str, settings: Settings) -> str:
    """Make the endpoint, if it is not there, and return its physical name.

    Raises:
        CommandError: The cluster does not make it.
    """
    name = settings.physical(team + CANARY)
    plan = EndpointPlan(
        name=name,
        namespace=settings.namespace(team),
        task_queue=name,
        description=f"Changes of the handlers of team {team} are tried here; gone when they are everywhere.",
    )
    try:
        await ensure_endpoint(client, plan, (await existing_endpoints(client)).get(name))
    except (ProvisionError, RPCError) as error:
        raise CommandError(f"endpoint {name!r} cannot be made: {error}") from error
    return name


async def close_canary(client: Client, team: str, settings: Settings) -> str:
    """Take the endpoint away, and return its physical name. Who calls over it after that is refused.

    Raises:
        CommandError: It is not there, or the cluster keeps it.
    """
    name = settings.physical(team + CANARY)
    try:
        known = (await existing_endpoints(client)).get(name)
        if known is None:
            raise CommandError(f"there is no endpoint {name!r}; 'callboard rollout canary {team}' makes it")
        await client.operator_service.delete_nexus_endpoint(
            DeleteNexusEndpointRequest(id=known.id, version=known.version)
        )
    except RPCError as error:
        raise CommandError(f"endpoint {name!r} cannot be taken away: {error.message}") from error
    return name
