"""The one Temporal server that the tests of the mesh share."""

from dataclasses import dataclass

from callboard_kit import devserver


@dataclass(frozen=True, kw_only=True)
class ServerWithHttp(devserver.DevServer):
    """A server whose HTTP API is on a port that is known."""

    http_port: int

    def argv(self) -> list[str]:
        """Return the command line, as the base class does."""
        return [*super().argv(), "--http-port", str(self.http_port)]


@dataclass(frozen=True)
class Temporal:
    """Where the server answers."""

    address: str
    http_port: int
