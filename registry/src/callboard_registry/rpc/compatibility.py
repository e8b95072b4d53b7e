"""What gRPC answers about whether one revision may take the place of another."""

from typing_extensions import override

from callboard_registry.gate.gate import Comparison
from callboard_registry.refusals import Refusal
from callboard_registry.rpc.answering import Context, answering
from callboard_registry.rpc.family import Family
from callboard_registry_api.v1 import registry_pb2 as pb
from callboard_registry_api.verdicts import Level, level_of


class CompatibilityRpc(Family):
    """Compares listings."""

    @override
    async def CompareListings(self, request: pb.CompareListingsRequest, context: Context) -> pb.CompareListingsResponse:
        async with answering(context):
            asked = Comparison(
                service=request.service,
                from_digest=request.from_digest,
                to_digest=request.to_digest,
                document=request.document,
                level=_level(request.level),
                strict=request.strict if request.HasField("strict") else None,
            )
            verdict = await self.registry.compare_listings(asked)
            return pb.CompareListingsResponse(verdict=verdict.to_message())


def _level(number: int) -> Level | None:
    try:
        return level_of(number)
    except ValueError as error:
        raise Refusal("invalid", "level", str(error)) from error
