"""TLS for both servers, when the registry is told to: a certificate and its key, and who may come in."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import grpc

from callboard_kit.settings import SettingsError


@dataclass(frozen=True)
class Encryption:
    """What the registry proves itself with, and what it asks its clients for. Files in PEM."""

    certificate: Path
    """The registry's certificate, and those between it and the root (`CALLBOARD_REGISTRY_TLS_CERTIFICATE`)."""

    key: Path
    """Its private key (`CALLBOARD_REGISTRY_TLS_KEY`)."""

    client_authority: Path | None = None
    """Who must have signed the certificate of every client (`CALLBOARD_REGISTRY_TLS_CLIENT_CA`). None: clients need
    none."""

    @classmethod
    def from_environment(cls, variables: Mapping[str, str]) -> "Encryption | None":
        """Read the variables that start with `CALLBOARD_REGISTRY_TLS_`; None when there are none.

        Raises:
            SettingsError: One is missing, or a file cannot be used.
        """
        certificate = variables.get("CALLBOARD_REGISTRY_TLS_CERTIFICATE")
        key = variables.get("CALLBOARD_REGISTRY_TLS_KEY")
        authority = variables.get("CALLBOARD_REGISTRY_TLS_CLIENT_CA")
        if not certificate and not key and not authority:
            return None
        if not certificate or not key:
            missing = "CERTIFICATE" if not certificate else "KEY"
            raise SettingsError(
                f"CALLBOARD_REGISTRY_TLS_{missing} is not set; TLS needs a certificate and its key, set both or neither"
            )
        encryption = cls(Path(certificate), Path(key), Path(authority) if authority else None)
        encryption.for_http()
        return encryption

    def for_http(self) -> ssl.SSLContext:
        """Return what the HTTP server encrypts with.

        Raises:
            SettingsError: A file cannot be used.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_cert_chain(self.certificate, self.key)
        except (OSError, ssl.SSLError) as error:
            raise SettingsError(
                f"{str(self.certificate)!r} and {str(self.key)!r} cannot be served with ({_reason(error)}); "
                "CALLBOARD_REGISTRY_TLS_CERTIFICATE and _KEY must name a certificate and its key in PEM"
            ) from error
        if self.client_authority is not None:
            try:
                context.load_verify_locations(self.client_authority)
            except (OSError, ssl.SSLError) as error:
                raise SettingsError(
                    f"{str(self.client_authority)!r} cannot be used ({_reason(error)}); "
                    "CALLBOARD_REGISTRY_TLS_CLIENT_CA names a certificate in PEM"
                ) from error
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def for_grpc(self) -> grpc.ServerCredentials:
        """Return what the gRPC server encrypts with."""
        authority = self.client_authority.read_bytes() if self.client_authority else None
        pair = (self.key.read_bytes(), self.certificate.read_bytes())
        return grpc.ssl_server_credentials([pair], authority, require_client_auth=authority is not None)


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
