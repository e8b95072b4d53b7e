import asyncio
from datetime import timedelta

import grpc
import pytest

from callboard_registry_api.client import FIELD_METADATA, RegistryClient
from callboard_registry_api.errors import (
    RegistryError,
    RegistryNotFoundError,
    RegistryRefusedError,
    RegistryUnavailableError,
)
from callboard_registry_api.v1 import registry_pb2 as pb
from callboard_registry_api.v1.registry_pb2_grpc import RegistryServiceServicer, add_RegistryServiceServicer_to_server


class ScriptedRegistry(RegistryServiceServicer):
    """Answers as told, and remembers what it was asked."""

    def __init__(self) -> None:
        self.status = grpc.StatusCode.OK
        self.trailing: tuple[tuple[str, str | bytes], ...] = ()
        self.answers_at_all = asyncio.Event()
        self.answers_at_all.set()
        self.asked: list[tuple[object, dict[str, object]]] = []

    async def _answer(self, request, context):
        self.asked.append((request, dict(context.invocation_metadata())))
        await self.answers_at_all.wait()
        if self.status is not grpc.StatusCode.OK:
            await context.abort(self.status, "told to", trailing_metadata=self.trailing)

    async def GetListing(self, request, context):  # noqa: N802 - the protocol's name
        await self._answer(request, context)
        return pb.GetListingResponse(listing=pb.Listing(service=request.service, state=pb.LISTING_STATE_DRAFT))

    async def PublishListing(self, request, context):  # noqa: N802 - the protocol's name
        await self._answer(request, context)
        return pb.PublishListingResponse(listing=pb.Listing(state=pb.LISTING_STATE_DRAFT), created=True)

    async def RegisterKey(self, request, context):  # noqa: N802 - the protocol's name
        await self._answer(request, context)
        return pb.RegisterKeyResponse(key=pb.PublicKey(team=request.team), created=True)


@pytest.fixture
async def scripted():
    """A scripted registry and its address."""
    registry = ScriptedRegistry()
    server = grpc.aio.server()
    add_RegistryServiceServicer_to_server(registry, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield registry, f"127.0.0.1:{port}"
    registry.answers_at_all.set()
    await server.stop(None)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (grpc.StatusCode.NOT_FOUND, RegistryNotFoundError),
        (grpc.StatusCode.INVALID_ARGUMENT, RegistryRefusedError),
        (grpc.StatusCode.PERMISSION_DENIED, RegistryRefusedError),
        (grpc.StatusCode.UNAUTHENTICATED, RegistryRefusedError),
        (grpc.StatusCode.FAILED_PRECONDITION, RegistryRefusedError),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, RegistryRefusedError),
        (grpc.StatusCode.UNAVAILABLE, RegistryUnavailableError),
        (grpc.StatusCode.DEADLINE_EXCEEDED, RegistryUnavailableError),
        (grpc.StatusCode.INTERNAL, RegistryUnavailableError),
        (grpc.StatusCode.UNKNOWN, RegistryUnavailableError),
        (grpc.StatusCode.CANCELLED, RegistryUnavailableError),
    ],
)
async def test_every_status_tells_whether_to_try_again(scripted, status, error):
    registry, address = scripted
    registry.status = status
    async with RegistryClient(address) as client:
        with pytest.raises(RegistryError, match="told to") as failed:
            await client.get_listing("shop.v1")

    assert type(failed.value) is error


async def test_a_refusal_names_the_field(scripted):
    registry, address = scripted
    registry.status = grpc.StatusCode.INVALID_ARGUMENT
    registry.trailing = ((FIELD_METADATA, "document.süß".encode()), ("other", "x"))
    async with RegistryClient(address) as client:
        with pytest.raises(RegistryRefusedError) as refused:
            await client.get_listing("shop.v1")

    assert (refused.value.field, refused.value.message) == ("document.süß", "told to")
    assert str(refused.value) == "document.süß: told to"


async def test_no_registry_is_told_at_once():
    async with RegistryClient("127.0.0.1:1") as client:
        with pytest.raises(RegistryUnavailableError, match=r"'127\.0\.0\.1:1' did not answer 'GetListing'"):
            await client.get_listing("shop.v1")


async def test_a_registry_that_does_not_answer_is_given_up_after_the_time_limit(scripted):
    registry, address = scripted
    registry.answers_at_all.clear()
    async with RegistryClient(address, timeout=timedelta(milliseconds=50)) as client:
        with pytest.raises(RegistryUnavailableError, match="deadline_exceeded"):
            await client.get_listing("shop.v1")


async def test_what_is_written_is_signed_for_its_method_and_content(scripted):
    registry, address = scripted
    signed = []

    def sign(method: str, digest: str) -> str:
        signed.append((method, digest))
        return "a-token"

    async with RegistryClient(address, sign=sign) as client:
        await client.publish_listing(b"{}")

    # The digest of b"{}", as `printf '{}' | openssl dgst -sha256 -binary | basenc --base64url` prints it.
    assert signed == [("PublishListing", "RBNvo1WzZ4oRRq0W9-hknpT7T8If536DEMBg9hyq_4o")]
    assert [metadata.get("authorization") for _, metadata in registry.asked] == ["Bearer a-token"]


async def test_a_client_that_can_sign_reads_with_one_token_for_many_calls(scripted):
    registry, address = scripted
    signed = []

    def sign(method: str, digest: str) -> str:
        signed.append(method)
        return f"token-{len(signed)}"

    async with RegistryClient(address, sign=sign, administrator_token="secret") as client:
        await client.get_listing("shop.v1")
        await client.get_listing("bank.v1")

    assert signed == ["Read"]
    assert [metadata.get("authorization") for _, metadata in registry.asked] == ["Bearer token-1"] * 2


async def test_a_client_without_a_key_reads_as_the_administrator_or_as_nobody(scripted):
    registry, address = scripted
    for token in ("secret", None):
        async with RegistryClient(address, administrator_token=token) as client:
            await client.get_listing("bank.v1")

    assert [metadata.get("authorization") for _, metadata in registry.asked] == ["Bearer secret", None]


async def test_the_administrator_shows_a_token(scripted):
    registry, address = scripted
    async with RegistryClient(address, administrator_token="secret") as client:
        await client.register_key("shop", "0", b"")

    assert registry.asked[0][1]["authorization"] == "Bearer secret"


async def test_nothing_is_sent_by_a_client_that_cannot_prove_itself(scripted):
    registry, address = scripted
    async with RegistryClient(address) as client:
        with pytest.raises(RegistryRefusedError, match="pass `sign`"):
            await client.publish_listing(b"{}")
        with pytest.raises(RegistryRefusedError, match="pass `administrator_token`"):
            await client.register_key("shop", "0", b"")

    assert registry.asked == []
