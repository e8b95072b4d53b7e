"""How a process of the mesh reaches the registry: where it is and how it is met are settings."""

from datetime import timedelta
from pathlib import Path

from callboard_kit.settings import Settings, SettingsError
from callboard_registry_api.client import RegistryClient, Sign, Tls

SYSTEM_ROOTS = "system"
"""Said in the place of a file: whom gRPC trusts by itself."""


def registry_client(
    settings: Settings,
    *,
    sign: Sign | None = None,
    administrator_token: str | None = None,
    timeout: timedelta = timedelta(seconds=5),
) -> RegistryClient:
    """Return a client of the registry that `settings` name, encrypted if they say so.

    Raises:
        SettingsError: They name none, or a file that cannot be read.
    """
    if settings.registry_address is None:
        raise SettingsError("CALLBOARD_REGISTRY is not set; it says where the registry is, as host:port")
    return RegistryClient(
        settings.registry_address,
        sign=sign,
        administrator_token=administrator_token,
        timeout=timeout,
        tls=registry_tls(settings),
    )


def registry_tls(settings: Settings) -> Tls | None:
    """Return how the registry is met that `settings` name; None when it does not encrypt.

    Raises:
        SettingsError: A file cannot be read, or a certificate comes without its key.
    """
    roots, certificate, key = settings.registry_roots, settings.registry_certificate, settings.registry_certificate_key
    if (certificate is None) != (key is None):
        missing = "CALLBOARD_REGISTRY_CERTIFICATE" + ("_KEY" if key is None else "")
        raise SettingsError(f"{missing} is not set; a certificate and its key go together")
    if roots is None:
        if certificate is not None:
            raise SettingsError("CALLBOARD_REGISTRY_ROOTS is not set; say whom to trust, or 'system'")
        return None
    return Tls(
        roots=None if roots == SYSTEM_ROOTS else _read("CALLBOARD_REGISTRY_ROOTS", Path(roots)),
        certificate=_read("CALLBOARD_REGISTRY_CERTIFICATE", certificate) if certificate else None,
        key=_read("CALLBOARD_REGISTRY_CERTIFICATE_KEY", key) if key else None,
    )


def _read(name: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{name} is {str(path)!r}, which cannot be read: {error.strerror}") from error
