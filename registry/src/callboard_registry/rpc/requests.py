"""How the gRPC side reads what it is sent."""

from collections.abc import Iterable
from datetime import timedelta
from typing import TypeVar

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError

from callboard_registry.access import bearer
from callboard_registry.refusals import Refusal
from callboard_registry.rpc.answering import Context
from callboard_registry_api.model import State, state_of
from callboard_registry_api.v1 import registry_pb2 as pb

Signed = TypeVar("Signed", pb.SetStateRequest, pb.RotateKeyRequest, pb.RevokeKeyRequest)
"""A request that travels as the bytes that a team signed."""


def token_of(context: Context) -> str | None:
    """Return the bearer token that came with a call; None when there was none."""
    for key, value in context.invocation_metadata() or ():
        if key == "authorization" and isinstance(value, str):
            return bearer(value)
    return None


def states_of(numbers: Iterable[int], *, field: str = "states") -> tuple[State, ...]:
    """Return what the numbers of an enum stand for.

    Raises:
        Refusal: One stands for nothing.
    """
    try:
        return tuple(state_of(number) for number in numbers)
    except ValueError as error:
        raise Refusal("invalid", field, str(error)) from error


def read_signed(kind: type[Signed], signed: bytes) -> Signed:
    """Return the request that a team signed.

    Raises:
        Refusal: It is none.
    """
    try:
        return kind.FromString(signed)
    except DecodeError as error:
        raise Refusal("invalid", "signed", f"signed is no serialized {kind.DESCRIPTOR.name}") from error


def span_of(duration: Duration, field: str) -> timedelta:
    """Return a span of time.

    Raises:
        Refusal: It is none that can be counted with.
    """
    try:
        return duration.ToTimedelta()
    except (ValueError, OverflowError) as error:
        raise Refusal("invalid", field, f"{field} is no span of time") from error
