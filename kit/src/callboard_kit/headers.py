"""Header names of a Nexus call that are not for callers to set."""

import re
from typing import Final

NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")
"""A header's name, in lower case (RFC 9110). A call with another is tried by Temporal until its time is over."""

VALUE: Final = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")
"""A header's value: anything but control characters."""

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
