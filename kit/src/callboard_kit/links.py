"""What Temporal itself says about where a call comes from.

Every Nexus request carries a link to the event in the caller's namespace that scheduled it. On a stock server a
caller can forge it, so it proves nothing; but a true link that disagrees with the token means that the token was taken
from somebody else.
"""

from collections.abc import Sequence
from typing import Final
from urllib.parse import unquote, urlsplit

import nexusrpc

from callboard_kit.settings import Settings
from callboard_kit.tokens import Call

STANDALONE: Final = "client"
"""What the ids of tokens start with that were signed outside of workflows."""


def disagreement(links: Sequence[nexusrpc.Link], call: Call, settings: Settings) -> str | None:
    """Say how Temporal's links disagree with the token of `call`, or None when they agree.

    A workflow's token id starts with its run id, so a token is bound to the run that signed it, not only to the
    namespace; that of a standalone operation says that it is none of a workflow's.
    """
    origins = [origin for link in links if (origin := _origin(link.url)) is not None]
    if not origins:
        return "Temporal does not say where the call comes from; calls must come over Nexus"
    expected = settings.namespace(call.caller)
    for namespace, run in origins:
        if namespace != expected:
            return f"the call comes from namespace {namespace!r}, but its token was signed by {call.caller!r}"
        if not call.token_id.startswith(f"{STANDALONE if run is None else run}:"):
            return f"the call comes from another workflow of {call.caller!r} than its token"
    return None


def _origin(url: str) -> tuple[str, str | None] | None:
    """Return the namespace of a link and, where a workflow scheduled the call, its run id."""
    parts = urlsplit(url)
    match [unquote(part) for part in parts.path.strip("/").split("/")]:
        case ["namespaces", namespace, "workflows", _, run, *_] if parts.scheme == "temporal":
            return namespace, run
        case ["namespaces", namespace, *_] if parts.scheme == "temporal":
            return namespace, None
        case _:
            return None
