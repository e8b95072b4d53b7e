"""The connection to one registry: how a method is called and signed for, and what its errors become."""

import base64
import hashlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Protocol, TypeVar, cast

import grpc
import grpc.aio
from google.protobuf.message import Message

from callboard_registry_api.errors import (
    RegistryNotFoundError,
    RegistryRefusedError,
    RegistryUnavailableError,
)

Sign = Callable[[str, str], str]
"""Returns a bearer token for a method's name and the digest of what it sends (see `registry.proto` for the claims).
It is good for a minute at least."""

READING: Final = "Read"
"""What a token is signed for that reads, whatever it reads."""

_TOKEN_AGE: Final = 30.0
"""Seconds for which a token to read with is used."""

FIELD_METADATA: Final = "callboard-field-bin"
"""The trailing metadata in which the registry names the part of the request at fault."""

RETRY_METADATA: Final = "retry-after"
"""The trailing metadata in which the registry says after how many seconds to try again, when it was asked too much."""

_SERVICE: Final = "/callboard.registry.v1.RegistryService/"

_REFUSALS: Final = frozenset(
    {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.ALREADY_EXISTS,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.OUT_OF_RANGE,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.UNIMPLEMENTED,
    }
)

_CHANNEL_OPTIONS: Final = (
    # A registry that comes back is found again within two seconds, not after gRPC's default of up to two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 500),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    # The registry is a neighbour: a proxy meant for the internet is not on the way to it.
    ("grpc.enable_http_proxy", 0),
)

_Response = TypeVar("_Response", bound=Message, covariant=True)


class ResponseType(Protocol[_Response]):
    """A kind of message that can be read."""

    def FromString(self, s: bytes, /) -> _Response:  # noqa: N802 - protobuf's own name
        """Read one."""
        ...


class _UnaryCall(Protocol[_Response]):
    def __call__(
        self, request: Message, *, timeout: float, metadata: Sequence[tuple[str, str]]
    ) -> Awaitable[_Response]: ...


class _Answers(Protocol[_Response]):
    def __aiter__(self) -> AsyncIterator[_Response]: ...

    def cancel(self) -> bool: ...


class _StreamCall(Protocol[_Response]):
    def __call__(self, request: Message, *, metadata: Sequence[tuple[str, str]]) -> _Answers[_Response]: ...


@dataclass(frozen=True)
class Tls:
    """How a registry that encrypts is met. All in PEM."""

    roots: bytes | None = None
    """Who must have signed its certificate. None: those whom gRPC trusts by itself."""

    certificate: bytes | None = None
    """What the client proves itself with, where the registry asks for that; with those between it and the root."""

    key: bytes | None = field(default=None, repr=False)
    """The private key of `certificate`."""


class Connection:
    """Calls methods of one registry. Belongs to the event loop that is running when it is made."""

    def __init__(
        self,
        address: str,
        *,
        sign: Sign | None,
        administrator_token: str | None,
        timeout: timedelta,
        tls: Tls | None = None,
    ) -> None:
        self._address = address
        self._sign = sign
        self._administrator_token = administrator_token
        self._timeout = timeout.total_seconds()
        self._reading = ("", float("-inf"))
        if tls is None:
            self._channel = grpc.aio.insecure_channel(address, options=_CHANNEL_OPTIONS)
        else:
            credentials = grpc.ssl_channel_credentials(tls.roots, tls.key, tls.certificate)
            self._channel = grpc.aio.secure_channel(address, credentials, options=_CHANNEL_OPTIONS)

    @property
    def signs_as_team(self) -> bool:
        """Whether what both may do is done as a team, for want of the administrator's token."""
        return self._administrator_token is None and self._sign is not None

    async def close(self) -> None:
        """Close the connection; calls still running are cancelled."""
        await self._channel.close(grace=None)

    def signed(self, method: str, data: bytes) -> str:
        """Return a team's token for sending `data` to `method`.

        Raises:
            RegistryRefusedError: There is nothing to sign with.
        """
        if self._sign is None:
            raise RegistryRefusedError(field="authorization", message=f"{method!r} is signed: pass `sign`")
        return self._sign(method, digest_of(data))

    def administrator(self, method: str) -> str:
        """Return the administrator's token.

        Raises:
            RegistryRefusedError: There is none.
        """
        if self._administrator_token is None:
            raise RegistryRefusedError(
                field="authorization", message=f"{method!r} is for the administrator: pass `administrator_token`"
            )
        return self._administrator_token

    def reading(self) -> str:
        """Return a token to read with: the team's, else the administrator's; empty when there is neither."""
        if self._sign is None:
            return self._administrator_token or ""
        token, signed_at = self._reading
        if time.monotonic() - signed_at > _TOKEN_AGE:
            token = self._sign(READING, digest_of(b""))
            self._reading = (token, time.monotonic())
        return token

    async def call(
        self, method: str, request: Message, response: ResponseType[_Response], *, token: str = ""
    ) -> _Response:
        """Call `method` and return what it answers; with `token` as the one who has it, without one as a reader."""
        # The published types of grpc.aio leave both messages open.
        call = cast(
            _UnaryCall[_Response],
            self._channel.unary_unary(  # pyright: ignore[reportUnknownMemberType] - see above
                _SERVICE + method,
                request_serializer=lambda message: message.SerializeToString(),
                response_deserializer=response.FromString,
            ),
        )
        metadata = _bearing(token or self.reading())
        try:
            return await call(request, timeout=self._timeout, metadata=metadata)
        except grpc.aio.AioRpcError as error:
            raise self._refused(method, error) from error

    async def stream(
        self, method: str, request: Message, response: ResponseType[_Response]
    ) -> AsyncGenerator[_Response]:
        """Call `method` as a reader and yield what it answers, until the registry ends the stream or this is closed."""
        # The published types of grpc.aio leave both messages open.
        call = cast(
            _StreamCall[_Response],
            self._channel.unary_stream(  # pyright: ignore[reportUnknownMemberType] - see above
                _SERVICE + method,
                request_serializer=lambda message: message.SerializeToString(),
                response_deserializer=response.FromString,
            ),
        )
        answers = call(request, metadata=_bearing(self.reading()))
        try:
            async for answer in answers:
                yield answer
        except grpc.aio.AioRpcError as error:
            raise self._refused(method, error) from error
        finally:
            answers.cancel()

    def _refused(self, method: str, error: grpc.aio.AioRpcError) -> Exception:
        message = error.details() or "no reason given"
        code = error.code()
        at_fault = after = ""
        for key, value in cast(Iterable[tuple[str, str | bytes]], error.trailing_metadata()):
            if key == FIELD_METADATA and isinstance(value, bytes):
                at_fault = value.decode(errors="replace")
            if key == RETRY_METADATA and isinstance(value, str):
                after = value
        if after:
            return RegistryUnavailableError(
                f"the registry at {self._address!r} is asked too much at once: {message}; try again in {after} s"
            )
        if code is grpc.StatusCode.NOT_FOUND:
            return RegistryNotFoundError(field=at_fault, message=message)
        if code in _REFUSALS:
            return RegistryRefusedError(field=at_fault, message=message)
        return RegistryUnavailableError(
            f"the registry at {self._address!r} did not answer {method!r} ({code.name.lower()}): {message}"
        )


def _bearing(token: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {token}"),) if token else ()


def signed_method(method: str, *, validate_only: bool) -> str:
    """Return what a token says that it was signed for.

    What was signed to be checked cannot be sent to be published.
    """
    return f"{method}:validate_only" if validate_only else method


def digest_of(data: bytes) -> str:
    """Return the digest of what is sent, as tokens carry it."""
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
