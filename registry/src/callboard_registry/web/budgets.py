"""What HTTP answers about budgets, and about what was spent."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime
from typing_extensions import TypedDict

from callboard_registry.ledger.keeping import WhichSpending
from callboard_registry.registry import Registry
from callboard_registry.web.moments import moment
from callboard_registry_api.budgets import DOLLAR, Budget, Spending, SpendingDimension


class ShownAmount(TypedDict):
    """So much of a budget. A limit that is not set is null."""

    tokens: int | None
    cost_usd: float | None


class ShownBudget(TypedDict):
    """What a team may spend in a day or a month; for whoever calls, if `caller` is empty."""

    team: str
    caller: str
    period: str
    limit: ShownAmount
    spent: ShownAmount
    held: ShownAmount
    author: str
    changed: AwareDatetime


class ShownBudgets(TypedDict):
    """Budgets, ordered by team, caller and period."""

    budgets: list[ShownBudget]


class ShownSpending(TypedDict):
    """What was spent, added up; what is not told apart is empty or null."""

    team: str
    caller: str
    operation: str
    model: str
    day: str | None
    calls: int
    errors: int
    model_calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    unpriced_model_calls: int


class ShownSpendings(TypedDict):
    """Rows, the most expensive first; day by day, if they are told apart by day."""

    spending: list[ShownSpending]


def budgets_router(registry: Registry) -> APIRouter:
    """Serve budgets and spending."""
    router = APIRouter()

    @router.get("/v1/budgets", response_model=ShownBudgets)
    async def budgets(team: str = "") -> JSONResponse:
        """List what teams may spend, what they have spent in the period that is now, and what their workers hold."""
        found = await registry.budgets.list(team)
        return JSONResponse({"budgets": [shown_budget(each) for each in found]})

    @router.get("/v1/spend", response_model=ShownSpendings)
    async def spend(
        by: Annotated[list[SpendingDimension], Query()] = [],  # noqa: B006 - FastAPI reads the default and never changes it
        team: str = "",
        caller: str = "",
        since: AwareDatetime | None = None,
        until: AwareDatetime | None = None,
    ) -> JSONResponse:
        """Add up what models took and how many calls were made, a row for each combination of `by`; days are whole."""
        which = WhichSpending(team=team, caller=caller, since=since, until=until)
        rows = await registry.spending.spending(which, by=by)
        return JSONResponse({"spending": [shown_spending(each) for each in rows]})

    del budgets, spend  # they live in the router now
    return router


def shown_budget(budget: Budget) -> dict[str, object]:
    """Return a budget as JSON holds it."""
    return {
        "team": budget.team,
        "caller": budget.caller,
        "period": budget.period,
        "limit": _amount(budget.tokens, budget.cost),
        "spent": _amount(budget.spent_tokens, budget.spent_cost),
        "held": _amount(budget.held_tokens, budget.held_cost),
        "author": budget.author,
        "changed": moment(budget.changed),
    }


def shown_spending(row: Spending) -> dict[str, object]:
    """Return a row of spending as JSON holds it."""
    return {
        "team": row.team,
        "caller": row.caller,
        "operation": row.operation,
        "model": row.model,
        "day": None if row.day is None else row.day.date().isoformat(),
        "calls": row.calls,
        "errors": row.errors,
        "model_calls": row.model_calls,
        "input_tokens": row.input_tokens,
        "output_tokens": row.output_tokens,
        "cost_usd": row.cost_usd,
        "unpriced_model_calls": row.unpriced,
    }


def _amount(tokens: int | None, cost: int | None) -> dict[str, object]:
    return {"tokens": tokens, "cost_usd": None if cost is None else cost / DOLLAR}
