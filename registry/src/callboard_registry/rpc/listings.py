"""What gRPC answers about listings."""

from datetime import UTC
from functools import partial

from typing_extensions import override

from callboard_registry.catalog import ListingFilter
from callboard_registry.life import Move
from callboard_registry.refusals import Refusal
from callboard_registry.rpc.answering import Context, answering
from callboard_registry.rpc.family import Family
from callboard_registry.rpc.requests import read_signed, states_of, token_of
from callboard_registry_api.v1 import registry_pb2 as pb


class ListingsRpc(Family):
    """Publishes, finds and moves listings."""

    @override
    async def PublishListing(self, request: pb.PublishListingRequest, context: Context) -> pb.PublishListingResponse:
        async with answering(context):
            listing, created = await self.registry.publish_listing(
                request.document, token=token_of(context), validate_only=request.validate_only
            )
            return pb.PublishListingResponse(listing=listing.to_message(), created=created)

    @override
    async def GetListing(self, request: pb.GetListingRequest, context: Context) -> pb.GetListingResponse:
        async with answering(context):
            return await self.registry.listings_told.to(request.SerializeToString(), partial(self._listing, request))

    async def _listing(self, request: pb.GetListingRequest) -> pb.GetListingResponse:
        listing = await self.registry.get_listing(
            request.service, digest=request.digest, states=states_of(request.states)
        )
        return pb.GetListingResponse(listing=listing.to_message())

    @override
    async def ListListings(self, request: pb.ListListingsRequest, context: Context) -> pb.ListListingsResponse:
        async with answering(context):
            which = ListingFilter(
                team=request.team,
                states=states_of(request.states),
                all_revisions=request.all_revisions,
                with_documents=request.view != pb.LISTING_VIEW_SUMMARY,
            )
            page = await self.registry.list_listings(which, size=request.page_size, page_token=request.page_token)
            return pb.ListListingsResponse(
                listings=[listing.to_message() for listing in page.items], next_page_token=page.next_page_token
            )

    @override
    async def SetState(self, request: pb.SetStateRequest, context: Context) -> pb.SetStateResponse:
        async with answering(context):
            signed = request.signed
            move = _move(read_signed(pb.SetStateRequest, signed) if signed else request)
            listing = await self.registry.set_state(move, token=token_of(context), signed=signed)
            return pb.SetStateResponse(listing=listing.to_message())


def _move(request: pb.SetStateRequest) -> Move:
    try:
        sunset = request.sunset.ToDatetime(tzinfo=UTC) if request.HasField("sunset") else None
    except (ValueError, OverflowError) as error:
        raise Refusal("invalid", "sunset", "sunset is no time between the years 1 and 9999") from error
    return Move(
        service=request.service,
        digest=request.digest,
        state=states_of([request.state], field="state")[0],
        etag=request.etag,
        sunset=sunset,
        successor=request.successor,
        reason=request.reason,
        force=request.force,
        override=request.override,
    )
