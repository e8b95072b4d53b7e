"""Header names of a Nexus call that are not for callers to set."""

from typing import Final

RESERVED: Final = frozenset(
    (
        # Disallowed by a server as it is shipped,
        "request-timeout",
        "xdc-redirection",
        "xdc-redirection-api",
        "caller-name",
        "caller-type",
        "call-initiation",
        "temporal-principal-type",
        "temporal-principal-name",
        # and what a caller's workflow could otherwise put in place of what the server says.
        "nexus-link",
        "nexus-request-id",
        "nexus-callback-url",
        "nexus-callback-temporal-callback-token",
        "operation-timeout",
        "user-agent",
        "content-type",
    )
)
"""On the local stack Temporal refuses them, in a way that nobody can catch; so a member's calls are refused earlier."""
