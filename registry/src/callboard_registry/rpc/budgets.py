"""What gRPC answers about budgets, and about what was spent."""

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp
from typing_extensions import override

from callboard_registry.ledger.keeping import WhichSpending
from callboard_registry.refusals import Refusal
from callboard_registry.rpc.answering import Context, answering
from callboard_registry.rpc.family import Family
from callboard_registry.rpc.requests import token_of
from callboard_registry_api.v1 import registry_pb2 as pb


class BudgetsRpc(Family):
    """Sets and lists budgets, gives blocks of them to workers, and keeps what was spent."""

    @override
    async def SetBudget(self, request: pb.SetBudgetRequest, context: Context) -> pb.SetBudgetResponse:
        async with answering(context):
            budget = await self.registry.budgets.set(request, token=token_of(context))
            return pb.SetBudgetResponse(budget=None if budget is None else budget.to_message())

    @override
    async def ListBudgets(self, request: pb.ListBudgetsRequest, context: Context) -> pb.ListBudgetsResponse:
        async with answering(context):
            found = await self.registry.budgets.list(request.team)
            return pb.ListBudgetsResponse(budgets=[each.to_message() for each in found])

    @override
    async def UseBudgets(self, request: pb.UseBudgetsRequest, context: Context) -> pb.UseBudgetsResponse:
        async with answering(context):
            blocks = await self.registry.budgets.use(request.signed, token=token_of(context))
            return pb.UseBudgetsResponse(blocks=[each.to_message() for each in blocks])

    @override
    async def ReportUsage(self, request: pb.ReportUsageRequest, context: Context) -> pb.ReportUsageResponse:
        async with answering(context):
            return pb.ReportUsageResponse(
                kept=await self.registry.spending.report(request.batch, token=token_of(context))
            )

    @override
    async def SumSpending(self, request: pb.SumSpendingRequest, context: Context) -> pb.SumSpendingResponse:
        async with answering(context):
            which = WhichSpending(
                team=request.team,
                caller=request.caller,
                since=_moment(request.since, "since") if request.HasField("since") else None,
                until=_moment(request.until, "until") if request.HasField("until") else None,
            )
            rows = await self.registry.spending.spending(which, by=list(request.by))
            return pb.SumSpendingResponse(rows=[each.to_message() for each in rows])


def _moment(timestamp: Timestamp, field: str) -> datetime:
    try:
        return timestamp.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise Refusal("invalid", field, f"{field} is no time between the years 1 and 9999") from error
