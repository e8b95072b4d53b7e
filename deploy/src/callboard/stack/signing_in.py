"""Has the registry make a link that signs a person in to the console, once."""

import getpass
import re
import ssl
from collections.abc import Sequence
from typing import Final

from callboard.failures import CommandError

MINUTES: Final = 10.0
"""How long a link is good unless somebody says otherwise."""

_NO_NAME: Final = re.compile(r"[^A-Za-z0-9._@+-]")


def own_name() -> str:
    """Return what the person at this machine is called, as far as can be said."""
    try:
        name = _NO_NAME.sub("", getpass.getuser())[:100]
    except (OSError, KeyError):
        name = ""
    return name if name[:1].isalnum() else "local"


async def make_link(
    console: str,
    *,
    token: str,
    name: str,
    may: Sequence[str] = ("administrator",),
    roles: Sequence[str] = (),
    minutes: float = MINUTES,
    trusted: str | None = None,
) -> str:
    """Return a link that signs `name` in, good once.

    Args:
        console: Where the console is, without a path.
        token: The registry administrator's.
        name: Whom it signs in.
        may: What they may do there.
        roles: What lists of approvers call them.
        minutes: How long it is good.
        trusted: Who must have signed the console's certificate, a file in PEM. None: whom this machine trusts.

    Raises:
        CommandError: The registry does not answer, or makes none.
    """
    # It takes a tenth of a second, which commands that make no link need not pay.
    import httpx2

    wanted = {"name": name, "granted": {"may": list(may), "roles": list(roles)}, "minutes": minutes}
    verify: ssl.SSLContext | bool = ssl.create_default_context(cafile=trusted) if trusted else True
    try:
        async with httpx2.AsyncClient(base_url=console, verify=verify, timeout=10, trust_env=False) as http:
            answer = await http.post("/v1/signin-links", json=wanted, headers={"authorization": f"Bearer {token}"})
            told = answer.json()
    except (httpx2.HTTPError, ValueError) as error:
        raise CommandError(f"no console answers at {console!r}; is the registry running?") from error
    if answer.status_code != 201:
        raise CommandError(str(told.get("error", {}).get("message", f"the console answers {answer.status_code}")))
    return f"{console}{told['path']}"
