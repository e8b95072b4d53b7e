"""Whatever a client sends, it is answered or refused: nothing it can say is an internal error."""

import asyncio
import json
from collections.abc import Callable

import grpc
import hypothesis
import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st

from callboard_kit.identity import digest
from callboard_registry_api.v1 import registry_pb2 as pb

EXAMPLES = 30
"""For each method and kind of database."""

SERVICE = pb.DESCRIPTOR.services_by_name["RegistryService"]
ANSWERS = {
    grpc.StatusCode.OK,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.OUT_OF_RANGE,
}
SIGNED = ("document", "batch", "signed", "heartbeat", "public_bytes")
"""What a token is signed over, where a request has it."""

DEEPEST = 3

TEXTS = st.sampled_from(
    ["", "shop", "bank", "shop.v1", "sell", "read", "\x00", "' OR 1=1 --", "%", "ß\u2028", "x" * 3000, "sha256:0", "e1"]
) | st.text(max_size=12)
NUMBERS = {
    FieldDescriptor.TYPE_INT32: st.integers(-(2**31), 2**31 - 1) | st.integers(-2, 300),
    FieldDescriptor.TYPE_INT64: st.integers(-(2**63), 2**63 - 1) | st.integers(-2, 300),
    FieldDescriptor.TYPE_DOUBLE: st.floats(),
    FieldDescriptor.TYPE_BOOL: st.booleans(),
    FieldDescriptor.TYPE_ENUM: st.integers(-1, 9) | st.integers(-(2**31), 2**31 - 1),
}
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def documents(draw: st.DrawFn, good: bytes) -> bytes:
    """Something that is nearly a listing or a policy, or nothing like it."""
    kind = draw(st.sampled_from(["nearly a listing", "nearly a policy", "JSON", "bytes"]))
    if kind == "bytes":
        return draw(st.binary(max_size=40) | st.sampled_from([b"{}", b"\xff", b"x" * 32, b'{"calls":["shop.v1"]}']))
    if kind == "JSON":
        return json.dumps(draw(VALUES)).encode()
    rule = {"name": "r", "callers": ["bank"], "services": ["shop.v1"], "operations": ["*"]}
    document = json.loads(good) if kind == "nearly a listing" else {"rules": [rule]}
    for _ in range(draw(st.integers(0, 2))):
        spoil(draw, document)
    return json.dumps(document).encode()


def spoil(draw: st.DrawFn, document: object) -> None:
    """Put something else in one place of a document, or nothing."""
    for _ in range(draw(st.integers(0, 8))):
        places = list(document) if isinstance(document, dict) else range(len(document))
        inner = [each for each in places if isinstance(document[each], dict | list) and document[each]]
        if not inner:
            break
        document = document[draw(st.sampled_from(inner))]
    if not document:
        return
    place = draw(st.sampled_from(list(document) if isinstance(document, dict) else list(range(len(document)))))
    if draw(st.booleans()):
        document[place] = draw(VALUES)
    else:
        del document[place]


def messages(kind: type[Message], good: bytes, *, depth: int = 0) -> st.SearchStrategy[Message]:
    """Any message of this kind."""

    def value(field: FieldDescriptor) -> st.SearchStrategy[object]:
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            inner = GetMessageClass(field.message_type)
            return messages(inner, good, depth=depth + 1) if depth < DEEPEST else st.just(inner())
        if field.type == FieldDescriptor.TYPE_STRING:
            return TEXTS
        if field.type != FieldDescriptor.TYPE_BYTES:
            return NUMBERS[field.type]
        within = {"batch": pb.CallBatch, "heartbeat": pb.Heartbeat, "signed": kind}.get(field.name)
        if within is None or depth >= DEEPEST:
            return documents(good)
        written = messages(within, good, depth=depth + 1).map(lambda each: each.SerializeToString())
        return written | st.binary(max_size=20)

    @st.composite
    def built(draw: st.DrawFn) -> Message:
        message = kind()
        for field in kind.DESCRIPTOR.fields:
            if draw(st.integers(0, 3)) == 0:
                continue
            one = value(field)
            if field.is_repeated:
                getattr(message, field.name).extend(draw(st.lists(one, max_size=2)))
            elif field.type == FieldDescriptor.TYPE_MESSAGE:
                getattr(message, field.name).CopyFrom(draw(one))
            else:
                setattr(message, field.name, draw(one))
        return message

    return built()


def status_of(call: Callable, request: Message, token: str, *, stream: bool) -> grpc.StatusCode:
    metadata = (("authorization", f"Bearer {token}"),) if token else ()
    try:
        answer = call(request, metadata=metadata, timeout=60)
        if stream:
            next(answer)
            answer.cancel()
    except grpc.RpcError as error:
        return error.code()
    return grpc.StatusCode.OK


@pytest.mark.parametrize("method", [method.name for method in SERVICE.methods])
async def test_any_message_is_answered_or_refused(running, shop, client, document, method):
    await client.publish_listing(document())
    described = SERVICE.methods_by_name[method]
    request, response = GetMessageClass(described.input_type), GetMessageClass(described.output_type)
    stream = described.server_streaming

    def ask_all() -> None:
        with grpc.insecure_channel(str(running.grpc)) as channel:
            call = (channel.unary_stream if stream else channel.unary_unary)(
                f"/{SERVICE.full_name}/{method}",
                request_serializer=request.SerializeToString,
                response_deserializer=response.FromString,
            )

            @hypothesis.settings(
                max_examples=EXAMPLES,
                derandomize=True,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
                phases=[Phase.explicit, Phase.generate, Phase.shrink],
            )
            @hypothesis.given(
                message=messages(request, document()),
                proof=st.sampled_from(["signed", "signed", "signed to be checked", "administrator", "?", ""]),
            )
            def ask(message: Message, proof: str) -> None:
                signed = next((getattr(message, name) for name in SIGNED if getattr(message, name, b"")), b"")
                tokens = {
                    "signed": shop.sign(method, digest(signed)),
                    "signed to be checked": shop.sign(f"{method}:validate_only", digest(signed)),
                    "administrator": "administrator-for-tests",
                }
                status = status_of(call, message, tokens.get(proof, proof), stream=stream)
                assert status in ANSWERS, status

            ask()

    await asyncio.to_thread(ask_all)
