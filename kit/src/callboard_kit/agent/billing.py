"""Who pays for a model call beside its tree: the budgets of the team, by day and month; and the ledger of it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from temporalio import activity

from callboard_kit import mesh
from callboard_kit.agent.affording import worst_cost
from callboard_kit.agent.estimating import SHORTEST_ANSWER
from callboard_kit.agent.messages import ModelReply, ModelRequest
from callboard_kit.agent.prices import Prices
from callboard_kit.budgets.blocks import Bill, Tab
from callboard_kit.budgets.sharing import Amount, nanos
from callboard_kit.events.telling import current_step
from callboard_registry_api.budgets import ModelUse

_LONGEST: Final = 300

SHADOW: Final = "shadow"
"""Who the ledger and the team's budgets have as the caller of a dry run."""


@dataclass(frozen=True)
class Billed:
    """A model call that the team can pay: within what it must stay, and who is told what it took."""

    request: ModelRequest
    bill: Bill


async def billed(tab: Tab, request: ModelRequest, *, model: str, base_url: str, prices: Prices) -> Billed | ModelReply:
    """Return the call as the team can pay for it, or the reply that says which of its budgets cannot."""
    least = _amount(worst_cost(request, SHORTEST_ANSWER, model=model, base_url=base_url, prices=prices))
    most = _amount(worst_cost(request, None, model=model, base_url=base_url, prices=prices))
    bill = await tab.pay(_caller(), least=least, most=most)
    if isinstance(bill, str):
        return ModelReply(finish_reason="over_budget", model=model, budget=bill)
    given = bill.given
    if given is None or given == most:
        return Billed(request, bill)
    tokens, money = given.tokens, given.cost_usd
    told: dict[str, object] = {}
    if tokens < most.tokens:
        told["budget_tokens"] = tokens if request.budget_tokens is None else min(request.budget_tokens, tokens)
    if given.nanos < most.nanos:
        told["budget_usd"] = money if request.budget_usd is None else min(request.budget_usd, money)
    return Billed(request.model_copy(update=told), bill)


def tell(tab: Tab, reply: ModelReply, *, model: str) -> None:
    """Take down for the ledger what a model was asked."""
    info, call, step = activity.info(), mesh.maybe_current(), current_step()
    usage = reply.usage
    if not usage.model_calls:
        return
    tab.tell(
        ModelUse(
            key=f"{info.workflow_run_id or info.activity_run_id}/{info.activity_id}",
            root="" if call is None else call.root,
            caller=_caller(),
            operation=((step.operation if step else "") or info.workflow_type or "")[:_LONGEST],
            model=(reply.model or model)[:_LONGEST],
            at=datetime.now(UTC),
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cost=None if usage.cost_usd is None else nanos(usage.cost_usd),
        )
    )


def _amount(worst: tuple[int, float]) -> Amount:
    tokens, cost = worst
    return Amount(tokens, nanos(cost))


def _caller() -> str:
    call = mesh.maybe_current()
    if call is not None and call.dry:
        return SHADOW  # What is tried out takes nothing of what a caller may spend.
    return "" if call is None else call.caller or call.team
