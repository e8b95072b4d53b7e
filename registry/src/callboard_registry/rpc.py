"""The gRPC side: `callboard.registry.v1.RegistryService`, each method one call of the registry."""

from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, timedelta
from typing import Final, Protocol, TypeVar

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError
from sqlalchemy.exc import DataError, OperationalError
from typing_extensions import override

from callboard_kit.identity import VerifyingKey
from callboard_registry.access import bearer
from callboard_registry.catalog import ListingFilter
from callboard_registry.life import Move
from callboard_registry.refusals import Kind, Refusal
from callboard_registry.registry import Registry
from callboard_registry.search import Question
from callboard_registry_api.client import FIELD_METADATA
from callboard_registry_api.model import State, state_of
from callboard_registry_api.v1 import registry_pb2 as pb
from callboard_registry_api.v1.registry_pb2_grpc import RegistryServiceServicer

_CODES: Final[Mapping[Kind, grpc.StatusCode]] = {
    "invalid": grpc.StatusCode.INVALID_ARGUMENT,
    "not_found": grpc.StatusCode.NOT_FOUND,
    "unauthenticated": grpc.StatusCode.UNAUTHENTICATED,
    "denied": grpc.StatusCode.PERMISSION_DENIED,
    "conflict": grpc.StatusCode.FAILED_PRECONDITION,
}


Signed = TypeVar("Signed", pb.SetStateRequest, pb.RotateKeyRequest, pb.RevokeKeyRequest)
"""A request that travels as the bytes that a team signed."""


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


class RegistryRpc(RegistryServiceServicer):
    """Serves the registry over gRPC."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    @override
    async def PublishListing(self, request: pb.PublishListingRequest, context: Context) -> pb.PublishListingResponse:
        async with _answering(context):
            listing, created = await self._registry.publish_listing(request.document, token=_token(context))
            return pb.PublishListingResponse(listing=listing.to_message(), created=created)

    @override
    async def GetListing(self, request: pb.GetListingRequest, context: Context) -> pb.GetListingResponse:
        async with _answering(context):
            listing = await self._registry.get_listing(
                request.service, digest=request.digest, states=_states(request.states)
            )
            return pb.GetListingResponse(listing=listing.to_message())

    @override
    async def ListListings(self, request: pb.ListListingsRequest, context: Context) -> pb.ListListingsResponse:
        async with _answering(context):
            which = ListingFilter(
                team=request.team,
                states=_states(request.states),
                all_revisions=request.all_revisions,
                with_documents=request.view != pb.LISTING_VIEW_SUMMARY,
            )
            page = await self._registry.list_listings(which, size=request.page_size, page_token=request.page_token)
            return pb.ListListingsResponse(
                listings=[listing.to_message() for listing in page.items], next_page_token=page.next_page_token
            )

    @override
    async def SearchOperations(
        self, request: pb.SearchOperationsRequest, context: Context
    ) -> pb.SearchOperationsResponse:
        async with _answering(context):
            question = Question(
                words=request.words,
                operation=request.operation,
                field=request.field,
                effect=request.effect,
                team=request.team,
                states=_states(request.states),
                for_models=request.for_models,
            )
            page = await self._registry.search(
                question, caller=request.caller, size=request.page_size, page_token=request.page_token
            )
            return pb.SearchOperationsResponse(
                operations=[each.to_message() for each in page.items], next_page_token=page.next_page_token
            )

    @override
    async def SetState(self, request: pb.SetStateRequest, context: Context) -> pb.SetStateResponse:
        async with _answering(context):
            signed = request.signed
            move = _move(_read(pb.SetStateRequest, signed) if signed else request)
            listing = await self._registry.set_state(move, token=_token(context), signed=signed)
            return pb.SetStateResponse(listing=listing.to_message())

    @override
    async def PublishPolicy(self, request: pb.PublishPolicyRequest, context: Context) -> pb.PublishPolicyResponse:
        async with _answering(context):
            policy, created = await self._registry.publish_policy(request.team, request.document, token=_token(context))
            return pb.PublishPolicyResponse(policy=policy.to_message(), created=created)

    @override
    async def GetPolicy(self, request: pb.GetPolicyRequest, context: Context) -> pb.GetPolicyResponse:
        async with _answering(context):
            policy = await self._registry.get_policy(request.team, version=request.version)
            return pb.GetPolicyResponse(policy=policy.to_message())

    @override
    async def ListPolicies(self, request: pb.ListPoliciesRequest, context: Context) -> pb.ListPoliciesResponse:
        async with _answering(context):
            page = await self._registry.list_policies(size=request.page_size, page_token=request.page_token)
            return pb.ListPoliciesResponse(
                policies=[policy.to_message() for policy in page.items], next_page_token=page.next_page_token
            )

    @override
    async def RegisterKey(self, request: pb.RegisterKeyRequest, context: Context) -> pb.RegisterKeyResponse:
        async with _answering(context):
            key, created = await self._registry.register_key(
                request.team, request.key_id, request.public_bytes, token=_token(context)
            )
            return pb.RegisterKeyResponse(key=key.to_message(), created=created)

    @override
    async def InviteTeam(self, request: pb.InviteTeamRequest, context: Context) -> pb.InviteTeamResponse:
        async with _answering(context):
            lifetime = _span(request.lifetime, "lifetime") if request.HasField("lifetime") else None
            invitation = await self._registry.invite_team(request.team, lifetime, token=_token(context))
            return pb.InviteTeamResponse(code=invitation.code, expires=invitation.expires)

    @override
    async def EnrolKey(self, request: pb.EnrolKeyRequest, context: Context) -> pb.EnrolKeyResponse:
        async with _answering(context):
            key = await self._registry.enrol_key(
                request.team, request.key_id, request.public_bytes, code=request.code, token=_token(context)
            )
            return pb.EnrolKeyResponse(key=key.to_message())

    @override
    async def RotateKey(self, request: pb.RotateKeyRequest, context: Context) -> pb.RotateKeyResponse:
        async with _answering(context):
            asked = _read(pb.RotateKeyRequest, request.signed)
            new = VerifyingKey(team=asked.team, key_id=asked.key_id, public_bytes=asked.public_bytes)
            overlap = _span(asked.overlap, "overlap")
            key, created = await self._registry.rotate_key(
                new, overlap, proof=asked.proof, token=_token(context), signed=request.signed
            )
            return pb.RotateKeyResponse(key=key.to_message(), created=created)

    @override
    async def RevokeKey(self, request: pb.RevokeKeyRequest, context: Context) -> pb.RevokeKeyResponse:
        async with _answering(context):
            asked = _read(pb.RevokeKeyRequest, request.signed) if request.signed else request
            key = await self._registry.revoke_key(
                asked.team, asked.key_id, reason=asked.reason, token=_token(context), signed=request.signed
            )
            return pb.RevokeKeyResponse(key=key.to_message())

    @override
    async def ListPublicKeys(self, request: pb.ListPublicKeysRequest, context: Context) -> pb.ListPublicKeysResponse:
        async with _answering(context):
            page = await self._registry.list_public_keys(
                team=request.team, size=request.page_size, page_token=request.page_token, past=request.past
            )
            return pb.ListPublicKeysResponse(
                keys=[key.to_message() for key in page.items], next_page_token=page.next_page_token
            )

    @override
    async def ReportCalls(self, request: pb.ReportCallsRequest, context: Context) -> pb.ReportCallsResponse:
        async with _answering(context):
            return pb.ReportCallsResponse(kept=await self._registry.report_calls(request.batch, token=_token(context)))

    @override
    async def ListCalls(self, request: pb.ListCallsRequest, context: Context) -> pb.ListCallsResponse:
        async with _answering(context):
            page = await self._registry.list_calls(root=request.root, after=request.after, size=request.page_size)
            return pb.ListCallsResponse(records=[record.to_message() for record in page.records], cursor=page.cursor)

    @override
    async def WatchChanges(
        self, request: pb.WatchChangesRequest, context: Context
    ) -> AsyncGenerator[pb.WatchChangesResponse]:
        watching = self._registry.watch(team=request.team, after=request.after, only_new=request.only_new)
        async with _answering(context), aclosing(watching):
            async for changes, cursor in watching:
                yield pb.WatchChangesResponse(changes=[each.to_message() for each in changes], cursor=cursor)


@asynccontextmanager
async def _answering(context: Context) -> AsyncGenerator[None]:
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


def _token(context: Context) -> str | None:
    for key, value in context.invocation_metadata() or ():
        if key == "authorization" and isinstance(value, str):
            return bearer(value)
    return None


def _states(numbers: Iterable[int], *, field: str = "states") -> tuple[State, ...]:
    try:
        return tuple(state_of(number) for number in numbers)
    except ValueError as error:
        raise Refusal("invalid", field, str(error)) from error


def _read(kind: type[Signed], signed: bytes) -> Signed:
    try:
        return kind.FromString(signed)
    except DecodeError as error:
        raise Refusal("invalid", "signed", f"signed is no serialized {kind.DESCRIPTOR.name}") from error


def _span(duration: Duration, field: str) -> timedelta:
    try:
        return duration.ToTimedelta()
    except (ValueError, OverflowError) as error:
        raise Refusal("invalid", field, f"{field} is no span of time") from error


def _move(request: pb.SetStateRequest) -> Move:
    try:
        sunset = request.sunset.ToDatetime(tzinfo=UTC) if request.HasField("sunset") else None
    except (ValueError, OverflowError) as error:
        raise Refusal("invalid", "sunset", "sunset is no time between the years 1 and 9999") from error
    return Move(
        service=request.service,
        digest=request.digest,
        state=_states([request.state], field="state")[0],
        etag=request.etag,
        sunset=sunset,
        successor=request.successor,
        reason=request.reason,
        force=request.force,
    )
