"""Whatever a client sends, it is answered or refused: nothing it can say is an internal error."""

import asyncio
import random

import grpc
import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from callboard_kit.identity import digest
from callboard_registry_api.v1 import registry_pb2 as pb

SERVICE = pb.DESCRIPTOR.services_by_name["RegistryService"]
TEXTS = ["", "shop", "shop.v1", "\x00", "' OR 1=1 --", "%", "ß\u2028", "x" * 3000, "sha256:0", "W1sxXSwieCJd"]
NUMBERS = [0, 1, -1, 2**31 - 1, -(2**31), 7]
LONG_NUMBERS = [*NUMBERS, 2**63 - 1, -(2**63)]
BYTES = [b"", b"{}", b"[]", b"\xff", b'{"rules":[]}', b'{"service":"shop.v1"}', b"\n\x00", b"x" * 32]
SIGNED = ("document", "batch", "signed")
ANSWERS = {
    grpc.StatusCode.OK,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.FAILED_PRECONDITION,
}


def any_message(kind: type[Message], chance: random.Random) -> Message:
    message = kind()
    for field in message.DESCRIPTOR.fields:
        if chance.random() < 0.3:
            continue
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            getattr(message, field.name).CopyFrom(any_message(GetMessageClass(field.message_type), chance))
            continue
        choices = {
            FieldDescriptor.TYPE_STRING: TEXTS,
            FieldDescriptor.TYPE_BYTES: BYTES,
            FieldDescriptor.TYPE_BOOL: [True, False],
            FieldDescriptor.TYPE_ENUM: [0, 1, 2, 3, 4, 5, 6, 77, -1],
            FieldDescriptor.TYPE_INT32: NUMBERS,
            FieldDescriptor.TYPE_INT64: LONG_NUMBERS,
        }[field.type]
        if field.is_repeated:
            getattr(message, field.name).extend(chance.choices(choices, k=chance.randrange(3)))
        else:
            setattr(message, field.name, chance.choice(choices))
    return message


@pytest.mark.parametrize("method", [method.name for method in SERVICE.methods])
async def test_any_message_is_answered_or_refused(running, shop, client, document, method):
    await client.publish_listing(document())
    described = SERVICE.methods_by_name[method]
    request, response = GetMessageClass(described.input_type), GetMessageClass(described.output_type)
    chance = random.Random(method)
    async with grpc.aio.insecure_channel(str(running.grpc)) as channel:
        stream = described.server_streaming
        call = (channel.unary_stream if stream else channel.unary_unary)(
            f"/{SERVICE.full_name}/{method}",
            request_serializer=request.SerializeToString,
            response_deserializer=response.FromString,
        )

        async def status(message: Message) -> grpc.StatusCode:
            signed = next((getattr(message, name, b"") for name in SIGNED if getattr(message, name, b"")), b"")
            token = chance.choice(["administrator-for-tests", shop.sign(method, digest(signed)), "?", ""])
            answering = call(message, metadata=(("authorization", f"Bearer {token}"),), timeout=10)
            if not stream:
                return await answering.code()
            try:
                first = await answering.read()
            except grpc.aio.AioRpcError as error:
                return error.code()
            answering.cancel()
            return grpc.StatusCode.OK if first is not grpc.aio.EOF else await answering.code()

        messages = [any_message(request, chance) for _ in range(60)]
        statuses = await asyncio.gather(*map(status, messages))

    strange = [(code, message) for code, message in zip(statuses, messages, strict=True) if code not in ANSWERS]
    assert strange == []
