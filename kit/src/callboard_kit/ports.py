"""TCP ports of this machine: find free ones, and say so when a wanted one is taken."""

import errno
import itertools
import random
import socket
from typing import Final

LOOPBACK: Final = "127.0.0.1"
"""The only address that local servers bind to."""

_ASSIGNABLE: Final = range(10_000, 32_768)
"""Below the ports of outgoing connections (Linux, macOS, Windows), one of which could take it before it is used."""


class PortInUseError(Exception):
    """A port that a server was told to use already has a listener, or may not be bound."""

    def __init__(self, port: int, *, wanted_by: str) -> None:
        self.port = port
        self.wanted_by = wanted_by
        super().__init__(f"port {port} for {wanted_by} is in use; stop what listens there or choose another port")


def free_ports(count: int) -> tuple[int, ...]:
    """Return `count` different ports that nothing listened on a moment ago.

    They are drawn at random, so that two processes that look at once hardly find the same. Another may still take one
    before it is used; whoever binds it has to say so then.
    """
    drawn = iter(random.sample(_ASSIGNABLE, len(_ASSIGNABLE)))
    found = tuple(itertools.islice(filter(is_free, drawn), count))
    if len(found) < count:
        raise OSError(errno.EADDRINUSE, f"{count} ports are wanted and {len(found)} are free on {LOOPBACK}")
    return found


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
