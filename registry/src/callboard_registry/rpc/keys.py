"""What gRPC answers about keys."""

from typing_extensions import override

from callboard_kit.identity import VerifyingKey
from callboard_registry.rpc.answering import Context, answering
from callboard_registry.rpc.family import Family
from callboard_registry.rpc.requests import read_signed, span_of, token_of
from callboard_registry_api.v1 import registry_pb2 as pb


class KeysRpc(Family):
    """Enrols, replaces, revokes and lists the teams' keys."""

    @override
    async def RegisterKey(self, request: pb.RegisterKeyRequest, context: Context) -> pb.RegisterKeyResponse:
        async with answering(context):
            key, created = await self.registry.register_key(
                request.team, request.key_id, request.public_bytes, token=token_of(context)
            )
            return pb.RegisterKeyResponse(key=key.to_message(), created=created)

    @override
    async def InviteTeam(self, request: pb.InviteTeamRequest, context: Context) -> pb.InviteTeamResponse:
        async with answering(context):
            lifetime = span_of(request.lifetime, "lifetime") if request.HasField("lifetime") else None
            invitation = await self.registry.invite_team(request.team, lifetime, token=token_of(context))
            return pb.InviteTeamResponse(code=invitation.code, expires=invitation.expires)

    @override
    async def EnrolKey(self, request: pb.EnrolKeyRequest, context: Context) -> pb.EnrolKeyResponse:
        async with answering(context):
            key = await self.registry.enrol_key(
                request.team, request.key_id, request.public_bytes, code=request.code, token=token_of(context)
            )
            return pb.EnrolKeyResponse(key=key.to_message())

    @override
    async def RotateKey(self, request: pb.RotateKeyRequest, context: Context) -> pb.RotateKeyResponse:
        async with answering(context):
            asked = read_signed(pb.RotateKeyRequest, request.signed)
            new = VerifyingKey(team=asked.team, key_id=asked.key_id, public_bytes=asked.public_bytes)
            overlap = span_of(asked.overlap, "overlap")
            key, created = await self.registry.rotate_key(
                new, overlap, proof=asked.proof, token=token_of(context), signed=request.signed
            )
            return pb.RotateKeyResponse(key=key.to_message(), created=created)

    @override
    async def RevokeKey(self, request: pb.RevokeKeyRequest, context: Context) -> pb.RevokeKeyResponse:
        async with answering(context):
            asked = read_signed(pb.RevokeKeyRequest, request.signed) if request.signed else request
            key = await self.registry.revoke_key(
                asked.team, asked.key_id, reason=asked.reason, token=token_of(context), signed=request.signed
            )
            return pb.RevokeKeyResponse(key=key.to_message())

    @override
    async def ListPublicKeys(self, request: pb.ListPublicKeysRequest, context: Context) -> pb.ListPublicKeysResponse:
        async with answering(context):
            page = await self.registry.list_public_keys(
                team=request.team, size=request.page_size, page_token=request.page_token, past=request.past
            )
            return pb.ListPublicKeysResponse(
                keys=[key.to_message() for key in page.items], next_page_token=page.next_page_token
            )
