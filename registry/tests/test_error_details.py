"""What a client of Google's error model reads in an error."""

from collections.abc import Mapping

import grpc
import pytest
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, PreconditionFailure
from grpc_status import rpc_status

from callboard_registry_api.v1 import registry_pb2 as pb
from callboard_registry_api.v1.registry_pb2_grpc import RegistryServiceStub


@pytest.fixture
async def stub(running):
    async with grpc.aio.insecure_channel(str(running.grpc)) as channel:
        yield RegistryServiceStub(channel)


def details(error: grpc.aio.AioRpcError) -> Mapping[str, Message]:
    status = rpc_status.from_call(error)
    assert status is not None
    assert (status.code, status.message) == (error.code().value[0], error.details())
    kinds = {kind.DESCRIPTOR.full_name: kind for kind in (BadRequest, ErrorInfo, PreconditionFailure)}
    found = {}
    for packed in status.details:
        found[packed.TypeName().rpartition(".")[2]] = message = kinds[packed.TypeName()]()
        assert packed.Unpack(message)
    return found


async def test_what_is_wrong_as_sent_is_a_violation_of_a_field(stub):
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stub.ListListings(pb.ListListingsRequest(page_size=-1))

    found = details(refused.value)
    assert [each.field for each in found["BadRequest"].field_violations] == ["page_size"]
    assert "page_size is -1" in found["BadRequest"].field_violations[0].description
    assert (found["ErrorInfo"].reason, found["ErrorInfo"].domain) == ("INVALID", "registry.callboard")
    assert found["ErrorInfo"].metadata == {"field": "page_size"}


async def test_what_is_not_there_says_by_which_field_it_was_asked_for(stub):
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stub.GetListing(pb.GetListingRequest(service="nobody.v1"))

    assert refused.value.code() is grpc.StatusCode.NOT_FOUND
    assert details(refused.value)["ErrorInfo"].metadata == {"field": "service"}


async def test_an_etag_of_the_past_is_a_precondition_that_failed(stub, client, document):
    listing = await client.publish_listing(document())
    request = pb.SetStateRequest(service="shop.v1", digest=listing.digest, state=pb.LISTING_STATE_APPROVED, etag="e99")

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stub.SetState(request, metadata=(("authorization", "Bearer administrator-for-tests"),))

    assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    [violation] = details(refused.value)["PreconditionFailure"].violations
    assert (violation.type, violation.subject) == ("ETAG", "etag")


async def test_whoever_is_not_proved_is_told_so_and_no_more(stub):
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stub.PublishListing(pb.PublishListingRequest(document=b"{}"))

    found = details(refused.value)
    assert (set(found), found["ErrorInfo"].reason) == ({"ErrorInfo"}, "UNAUTHENTICATED")


async def test_an_error_about_a_very_long_text_still_arrives(stub):
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stub.GetListing(pb.GetListingRequest(service="ü" * 20_000))

    assert refused.value.code() is grpc.StatusCode.NOT_FOUND
    assert refused.value.details().endswith("...")
