"""How a command reaches the registry of the mesh, and by what it proves who asks."""

from typing import TYPE_CHECKING

from callboard.command.surroundings import registry_address
from callboard.failures import CommandError

if TYPE_CHECKING:
    from callboard_kit.settings import Settings
    from callboard_registry_api.client import RegistryClient, Sign


def open_registry(*, sign: "Sign | None" = None, administrator_token: str | None = None) -> "RegistryClient":
    """Return a client of the mesh's registry; without a proof, one that reads with whatever lies in the home.

    Raises:
        CommandError: It is not known where the registry is.
        SettingsError: It cannot be met as the settings say.
    """
    registry_address()
    from callboard_kit.registry import registry_client
    from callboard_kit.settings import Settings

    settings = Settings.from_environment()
    if sign is None and administrator_token is None:
        sign, administrator_token = _proof_to_read(settings)
    return registry_client(settings, sign=sign, administrator_token=administrator_token)


def _proof_to_read(settings: "Settings") -> "tuple[Sign | None, str | None]":
    """Return some team's key, else the administrator's token, else nothing: most registries ask readers for none."""
    from callboard.stack.enrolment import administrator_token
    from callboard_kit.identity import SigningKey
    from callboard_kit.publishing import registry_signature

    for path in sorted((settings.home / "keys").glob("*.pem")):
        return registry_signature(SigningKey.load(path, team=path.stem)), None
    try:
        return None, administrator_token(settings.home)
    except CommandError:
        return None, None
