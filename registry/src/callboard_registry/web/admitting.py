"""Has requests over HTTP ask whether they are admitted."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from callboard_registry.access import READING
from callboard_registry.admission import Admission

_TOKEN = HTTPBearer(
    scheme_name="token",
    bearerFormat="compact JWS",
    description="A token signed by a team's key for what is sent, or to read with; or the administrator's token.",
    auto_error=False,
)

_Credentials = Annotated[HTTPAuthorizationCredentials | None, Security(_TOKEN)]


def admitting(admission: Admission) -> Callable[[Request, HTTPAuthorizationCredentials | None], Awaitable[None]]:
    """Return what a route depends on so that a request gets to it only when it is admitted."""

    async def admit(request: Request, credentials: _Credentials) -> None:
        await admission.admit(
            token=credentials.credentials if credentials else None,
            address=request.client.host if request.client else "",
            # What writes looks at its token itself, more closely.
            method=READING if request.method in ("GET", "HEAD") else None,
        )

    return admit
