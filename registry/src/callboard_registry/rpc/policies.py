"""What gRPC answers about policies."""

from typing_extensions import override

from callboard_registry.rpc.answering import Context, answering
from callboard_registry.rpc.family import Family
from callboard_registry.rpc.requests import token_of
from callboard_registry_api.v1 import registry_pb2 as pb


class PoliciesRpc(Family):
    """Publishes and finds policies."""

    @override
    async def PublishPolicy(self, request: pb.PublishPolicyRequest, context: Context) -> pb.PublishPolicyResponse:
        async with answering(context):
            policy, created = await self.registry.publish_policy(
                request.team, request.document, token=token_of(context), validate_only=request.validate_only
            )
            warnings = [each.to_message() for each in policy.warnings]
            return pb.PublishPolicyResponse(policy=policy.to_message(), created=created, warnings=warnings)

    @override
    async def GetPolicy(self, request: pb.GetPolicyRequest, context: Context) -> pb.GetPolicyResponse:
        async with answering(context):
            policy = await self.registry.get_policy(request.team, version=request.version)
            return pb.GetPolicyResponse(policy=policy.to_message())

    @override
    async def ListPolicies(self, request: pb.ListPoliciesRequest, context: Context) -> pb.ListPoliciesResponse:
        async with answering(context):
            page = await self.registry.list_policies(size=request.page_size, page_token=request.page_token)
            return pb.ListPoliciesResponse(
                policies=[policy.to_message() for policy in page.items], next_page_token=page.next_page_token
            )
