"""TCP ports of this machine: find free ones, and say so when a wanted one is taken."""

import socket
from typing import Final

LOOPBACK: Final = "127.0.0.1"
"""The only address that local servers bind to."""


class PortInUseError(Exception):
    """A port that a server was told to use already has a listener, or may not be bound."""

    def __init__(self, port: int, *, wanted_by: str) -> None:
        self.port = port
        self.wanted_by = wanted_by
        super().__init__(f"port {port} for {wanted_by} is in use; stop what listens there or choose another port")


def free_ports(count: int) -> tuple[int, ...]:
    """Return `count` different ports that nothing listened on a moment ago.

    Another process may take one before it is used; whoever binds it has to say so then.
    """
    # All are held open until the last one is found, so that none is handed out twice.
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in range(count)]
    try:
        for each in sockets:
            each.bind((LOOPBACK, 0))
        return tuple(int(each.getsockname()[1]) for each in sockets)
    finally:
        for each in sockets:
            each.close()


def is_free(port: int) -> bool:
    """Return whether a server could listen on `port` now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: a connection of an earlier one that is still closing is no hindrance.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def require_free(port: int, *, wanted_by: str) -> None:
    """Do nothing if `port` is free.

    Raises:
        PortInUseError: It is not.
    """
    if not is_free(port):
        raise PortInUseError(port, wanted_by=wanted_by)
