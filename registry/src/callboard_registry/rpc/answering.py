"""How the gRPC side says no: a status whose details any client of Google's error model can read.

    every error          ErrorInfo            reason INVALID, NOT_FOUND, ..., and the field
    wrong as sent        BadRequest           the field and what is wrong with it
    in another state     PreconditionFailure  the field and what stands in the way; what a revision would break
    too much at once     RetryInfo            when to try again

Beside them, for clients that have nothing to read details with, the trailing metadata `callboard-field-bin` names the
field, and `retry-after` the seconds.
"""

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from math import ceil
from typing import Final, Protocol, cast
from urllib.parse import unquote

import grpc
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, PreconditionFailure, RetryInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status
from sqlalchemy.exc import DataError, OperationalError

from callboard_registry.refusals import Kind, Refusal
from callboard_registry_api.connection import FIELD_METADATA, RETRY_METADATA
from callboard_registry_api.verdicts import Finding

DOMAIN: Final = "registry.callboard"
"""Whose reasons the ones in `ErrorInfo` are."""

_MOST_FINDINGS: Final = 5

_CODES: Final[Mapping[Kind, grpc.StatusCode]] = {
    "invalid": grpc.StatusCode.INVALID_ARGUMENT,
    "not_found": grpc.StatusCode.NOT_FOUND,
    "unauthenticated": grpc.StatusCode.UNAUTHENTICATED,
    "denied": grpc.StatusCode.PERMISSION_DENIED,
    "conflict": grpc.StatusCode.FAILED_PRECONDITION,
    "exhausted": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "gone": grpc.StatusCode.OUT_OF_RANGE,
}

_LONGEST_MESSAGE: Final = 1000
_LONGEST_FIELD: Final = 300
"""Bytes. All that an error says travels as metadata, of which clients take 8 KiB; some of it is said three times."""

Metadata = tuple[tuple[str, str | bytes], ...]


class Context(Protocol):
    """What is used of the context that gRPC hands to a method."""

    def invocation_metadata(self) -> Iterable[tuple[str, str | bytes]] | None:
        """Return what the client sent beside the message."""
        ...

    def peer(self) -> str:
        """Return where the client is."""
        ...

    async def abort(self, code: grpc.StatusCode, details: str, trailing_metadata: Metadata = ()) -> None:
        """End the call with an error, by raising."""
        ...


class _Status(Protocol):
    @property
    def trailing_metadata(self) -> Metadata: ...


def address_of(peer: str) -> str:
    """Return where a client is, without the port, which is another one for every connection."""
    kind, _, rest = unquote(peer).partition(":")
    return rest.rpartition(":")[0].strip("[]") if kind in ("ipv4", "ipv6") else peer


@asynccontextmanager
async def answering(context: Context) -> AsyncGenerator[None]:
    """Turn what the registry refuses into a status that names the field."""
    try:
        yield
    except Refusal as refusal:
        await _refuse(context, refusal)
    except DataError:
        await _refuse(context, Refusal("invalid", "", "the request holds a text that can name nothing here"))
    except OperationalError:
        await context.abort(grpc.StatusCode.UNAVAILABLE, "the registry's database does not answer; try again")


async def _refuse(context: Context, refusal: Refusal) -> None:
    code = _CODES[refusal.kind]
    field, message = _cut(refusal.field, _LONGEST_FIELD), _cut(refusal.message, _LONGEST_MESSAGE)
    status = Status(code=cast(tuple[int, str], code.value)[0], message=message)
    for detail in _details(refusal, field, message):
        status.details.add().Pack(detail)
    # The published types of gRPC leave open what this returns.
    told = cast(_Status, rpc_status.to_status(status))  # pyright: ignore[reportUnknownMemberType] - see above
    trailing: Metadata = (*told.trailing_metadata, (FIELD_METADATA, field.encode()))
    if refusal.retry_after is not None:
        trailing = (*trailing, (RETRY_METADATA, str(ceil(refusal.retry_after))))
    await context.abort(code, message, trailing_metadata=trailing)


def _cut(text: str, most: int) -> str:
    whole = text.encode()
    return text if len(whole) <= most else whole[: most - 3].decode(errors="ignore") + "..."


def _details(refusal: Refusal, field: str, message: str) -> list[Message]:
    metadata = {"field": field} if field else {}
    details: list[Message] = [ErrorInfo(reason=refusal.kind.upper(), domain=DOMAIN, metadata=metadata)]
    if refusal.kind == "invalid" and field:
        details.append(BadRequest(field_violations=[BadRequest.FieldViolation(field=field, description=message)]))
    if refusal.kind == "conflict":
        violation = PreconditionFailure.Violation(type=field.upper() or "STATE", subject=field, description=message)
        details.append(PreconditionFailure(violations=[violation, *_violations(refusal.findings)]))
    if refusal.retry_after is not None:
        wait = RetryInfo()
        wait.retry_delay.FromTimedelta(timedelta(seconds=refusal.retry_after))
        details.append(wait)
    return details


def _violations(findings: Sequence[Finding]) -> list[PreconditionFailure.Violation]:
    """Return the first findings; `CompareListings` has them all."""
    return [
        PreconditionFailure.Violation(
            type=finding.rule.upper(),
            subject=_cut("/".join(filter(None, (finding.operation, finding.part))) + finding.pointer, _LONGEST_FIELD),
            description=_cut(str(finding), _LONGEST_FIELD),
        )
        for finding in findings[:_MOST_FINDINGS]
    ]
