"""How the HTTP side reads what it is sent."""

from typing import Annotated, TypeVar

from fastapi import Header, Query, Request
from pydantic import BaseModel, ValidationError

from callboard_registry.documents import LARGEST
from callboard_registry.refusals import Refusal
from callboard_registry_api.model import State

States = Annotated[list[State], Query()]
"""Any number of `states=`."""

Token = Annotated[str | None, Header()]
"""The header `authorization`."""


Body = TypeVar("Body", bound=BaseModel)


def read_as(kind: type[Body], body: bytes) -> Body:
    """Return what a JSON body says.

    Raises:
        Refusal: It is none, or not of this kind.
    """
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise Refusal("invalid", place or "body", first["msg"].lower()) from error


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
