"""How a command reaches a team's namespace: as Temporal's own variables say, as nobody in particular."""

from typing import TYPE_CHECKING

from callboard.failures import CommandError

if TYPE_CHECKING:
    from temporalio.client import Client


async def namespace_client(team: str) -> "Client":
    """Connect to a team's namespace.

    Raises:
        CommandError: No Temporal answers, or it does not let this client in.
    """
    from temporalio.client import Client
    from temporalio.contrib.pydantic import pydantic_data_converter
    from temporalio.envconfig import ClientConfigProfile

    from callboard_kit.settings import Settings

    config = ClientConfigProfile.load().to_client_connect_config()
    address = config.setdefault("target_host", "localhost:7233")
    config["namespace"] = Settings.from_environment().namespace(team)
    try:
        return await Client.connect(**config, data_converter=pydantic_data_converter)
    except RuntimeError as error:
        raise CommandError(f"no Temporal answers at {address!r}, or it does not let this client in: {error}") from error
