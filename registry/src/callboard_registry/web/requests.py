"""How the HTTP side reads what it is sent."""

from typing import Annotated

from fastapi import Header, Query, Request

from callboard_registry.documents import LARGEST
from callboard_registry.refusals import Refusal
from callboard_registry_api.model import State

States = Annotated[list[State], Query()]
"""Any number of `states=`."""

Token = Annotated[str | None, Header()]
"""The header `authorization`."""


async def body_of(request: Request) -> bytes:
    """Return the body, no more of which is read than is taken.

    Raises:
        Refusal: It is too long.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST:
            raise Refusal("invalid", "document", f"document has more than {LARGEST} bytes; at most that many are taken")
    return bytes(body)
