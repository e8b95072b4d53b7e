"""How the gRPC side says no."""

from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Final, Protocol

import grpc
from sqlalchemy.exc import DataError, OperationalError

from callboard_registry.refusals import Kind, Refusal
from callboard_registry_api.client import FIELD_METADATA

_CODES: Final[Mapping[Kind, grpc.StatusCode]] = {
    "invalid": grpc.StatusCode.INVALID_ARGUMENT,
    "not_found": grpc.StatusCode.NOT_FOUND,
    "unauthenticated": grpc.StatusCode.UNAUTHENTICATED,
    "denied": grpc.StatusCode.PERMISSION_DENIED,
    "conflict": grpc.StatusCode.FAILED_PRECONDITION,
}


class Context(Protocol):
    """What is used of the context that gRPC hands to a method."""

    def invocation_metadata(self) -> Iterable[tuple[str, str | bytes]] | None:
        """Return what the client sent beside the message."""
        ...

    async def abort(
        self, code: grpc.StatusCode, details: str, trailing_metadata: tuple[tuple[str, bytes], ...] = ()
    ) -> None:
        """End the call with an error, by raising."""
        ...


@asynccontextmanager
async def answering(context: Context) -> AsyncGenerator[None]:
    """Turn what the registry refuses into a status that names the field."""
    try:
        yield
    except Refusal as refusal:
        await context.abort(
            _CODES[refusal.kind], refusal.message, trailing_metadata=((FIELD_METADATA, refusal.field.encode()),)
        )
    except DataError:
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "the request holds a text that can name nothing here")
    except OperationalError:
        await context.abort(grpc.StatusCode.UNAVAILABLE, "the registry's database does not answer; try again")
