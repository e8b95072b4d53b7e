"""Has every method of the registry's service ask whether the request is admitted."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Final, Protocol, cast

import grpc
import grpc.aio
from google.protobuf.message import Message
from typing_extensions import override

from callboard_registry.admission import Admission
from callboard_registry.rpc.answering import Context, address_of, answering
from callboard_registry.rpc.requests import token_of
from callboard_registry_api.v1 import registry_pb2

SERVICE: Final = registry_pb2.DESCRIPTOR.services_by_name["RegistryService"].full_name

_Unary = Callable[[Message, Context], Awaitable[Message]]
_Stream = Callable[[Message, Context], AsyncIterator[Message]]


class _Handler(Protocol):
    """A method as gRPC keeps it; the published types leave the parts open."""

    response_streaming: bool
    request_deserializer: Callable[[bytes], Message]
    response_serializer: Callable[[Message], bytes]
    unary_unary: _Unary
    unary_stream: _Stream


class Admitting(grpc.aio.ServerInterceptor):  # pyright: ignore[reportMissingTypeArgument] - only its types take any
    """Lets health and reflection pass, and every method of the registry only when it is admitted."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission

    @override
    async def intercept_service(
        self,
        continuation: "Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Message, Message]]]",
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "grpc.RpcMethodHandler[Message, Message]":
        handler = await continuation(handler_call_details)
        service, _, method = handler_call_details.method.removeprefix("/").rpartition("/")
        # Who calls a method that does not exist gets no handler, and is told so.
        if service != SERVICE or cast(_Handler | None, handler) is None:
            return handler
        return self._admitted(cast(_Handler, handler), method)

    def _admitted(self, handler: _Handler, method: str) -> "grpc.RpcMethodHandler[Message, Message]":
        async def admit(context: Context) -> None:
            async with answering(context):
                await self._admission.admit(token=token_of(context), address=address_of(context.peer()), method=method)

        async def answer(request: Message, context: Context) -> Message:
            await admit(context)
            return await handler.unary_unary(request, context)

        async def stream(request: Message, context: Context) -> AsyncGenerator[Message]:
            await admit(context)
            async for message in handler.unary_stream(request, context):
                yield message

        parts = {
            "request_deserializer": handler.request_deserializer,
            "response_serializer": handler.response_serializer,
        }
        # The published types know handlers of the blocking server only.
        if handler.response_streaming:
            return grpc.unary_stream_rpc_method_handler(stream, **parts)  # pyright: ignore - see above
        return grpc.unary_unary_rpc_method_handler(answer, **parts)  # pyright: ignore - see above
