"""`callboard budgets` and `callboard spend`: what teams may spend, and who spent what."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Final

import typer

from callboard.command.audit import moment
from callboard.command.registry import open_registry
from callboard.command.surroundings import join_mesh
from callboard.command.terminal import print_json, say
from callboard.failures import CommandError

if TYPE_CHECKING:
    from callboard_registry_api.budgets import Budget, Period, Spending, SpendingDimension
    from callboard_registry_api.client import RegistryClient

app = typer.Typer(help="Says what teams may spend on models by day and month.", no_args_is_help=True)

_DOLLAR: Final = 1_000_000_000
_Team = Annotated[str, typer.Argument(help="The team.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_Caller = Annotated[str, typer.Option("--caller", help="Only what it spends on behalf of this team.")]
_PeriodOption = Annotated[str, typer.Option("--by", help="For a day or a month, in UTC.")]


@app.command("set")
def set_budget(
    team: _Team,
    *,
    tokens: Annotated[int | None, typer.Option("--tokens", min=0, help="Tokens, read and written.")] = None,
    usd: Annotated[float | None, typer.Option("--usd", min=0, help="US dollars.")] = None,
    caller: _Caller = "",
    by: _PeriodOption = "month",
    as_team: Annotated[
        bool, typer.Option("--as-team", help="Sign with the team's own key instead of being the administrator.")
    ] = False,
    none: Annotated[bool, typer.Option("--none", help="Take the budget away.")] = False,
) -> None:
    """Set what a team may spend; workers keep to it within ten seconds."""
    if none == (tokens is not None or usd is not None):
        raise CommandError("say how much with --tokens, --usd or both, or take the budget away with --none")
    period = _period(by)

    async def change() -> "Budget | None":
        async with _writing(team, as_team=as_team) as registry:
            if none:
                await registry.budgets.remove(team, caller=caller, period=period)
                return None
            cost = None if usd is None else round(usd * _DOLLAR)
            return await registry.budgets.set(team, caller=caller, period=period, tokens=tokens, cost=cost)

    budget = asyncio.run(change())
    whose = f"{team!r}" + (f" for caller {caller!r}" if caller else "")
    if budget is None:
        say(f"{whose} has no budget by {by} any more")
    else:
        say(f"{whose} may spend {_limit(budget)} by {by}; {_left(budget)} left")


@app.command("list")
def list_budgets(*, as_json: _Json = False) -> None:
    """List the budgets of all teams, and what is spent and left of each."""
    _show_budgets(asyncio.run(_fetch("")), as_json=as_json)


@app.command("show")
def show_budgets(team: _Team, *, as_json: _Json = False) -> None:
    """Show the budgets of one team."""
    found = asyncio.run(_fetch(team))
    if not found and not as_json:
        raise CommandError(f"team {team!r} has no budget; set one with 'callboard budgets set {team} --usd 100'")
    _show_budgets(found, as_json=as_json)


def spend(
    *,
    by: Annotated[
        list[str] | None,
        typer.Option("--by", help="team, caller, operation, model or day; may be said several times."),
    ] = None,
    since: Annotated[
        str, typer.Option("--since", metavar="WHEN", help="A span as in 12h or 7d, or a day in UTC. Days are whole.")
    ] = "30d",
    team: Annotated[str, typer.Option("--team", help="Only what this team spent.")] = "",
    caller: Annotated[str, typer.Option("--caller", help="Only what was spent on behalf of this team.")] = "",
    as_json: _Json = False,
) -> None:
    """Show who spent what on models, and how many calls were made, the most expensive first."""
    dimensions = _dimensions(by or ["team"])

    async def fetch() -> "tuple[Spending, ...]":
        async with open_registry() as registry:
            return await registry.budgets.spending(dimensions, since=moment(since), team=team, caller=caller)

    rows = asyncio.run(fetch())
    if as_json:
        print_json([_spending_data(each, dimensions) for each in rows])
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(*dimensions, box=None)
    for name in ("calls", "errors", "model calls", "tokens read", "written", "US$"):
        table.add_column(name, justify="right")
    for row in rows:
        counts = (row.calls, row.errors, row.model_calls, row.input_tokens, row.output_tokens)
        table.add_row(*_told(row, dimensions), *(f"{count:,}" if count else "-" for count in counts), _dollars(row))
    Console().print(table)
    if not rows:
        say(f"nothing was called or spent since {moment(since):%Y-%m-%d} UTC; ask for more with --since")
    elif any(row.unpriced for row in rows):
        say("some prices are not known, so their cost is missing; CALLBOARD_PRICES can name a file that has them")


def _writing(team: str, *, as_team: bool) -> "RegistryClient":
    join_mesh(need_temporal=False)
    from callboard.stack.enrolment import administrator_token
    from callboard_kit.client import load_key
    from callboard_kit.publishing import registry_signature
    from callboard_kit.settings import Settings

    settings = Settings.from_environment()
    if as_team:
        return open_registry(sign=registry_signature(load_key(team, settings)))
    return open_registry(administrator_token=administrator_token(settings.home))


async def _fetch(team: str) -> "tuple[Budget, ...]":
    async with open_registry() as registry:
        return await registry.budgets.list(team)


def _show_budgets(found: "Sequence[Budget]", *, as_json: bool) -> None:
    if as_json:
        print_json([_budget_data(each) for each in found])
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("team", "caller", "by", "may spend", "spent", "held", "left", "set by", box=None)
    for each in found:
        spent, held = _amount(each, each.spent_tokens, each.spent_cost), _amount(each, each.held_tokens, each.held_cost)
        table.add_row(each.team, each.caller or "any", each.period, _limit(each), spent, held, _left(each), each.author)
    Console().print(table)
    if not found:
        say("no team has a budget; set one with 'callboard budgets set TEAM --usd 100 --by month'")


def _period(by: str) -> "Period":
    from callboard_registry_api.budgets import PERIODS

    for period in PERIODS:
        if by == period:
            return period
    raise CommandError(f"{by!r} is no period; budgets are by {' or by '.join(PERIODS)}")


def _dimensions(by: Sequence[str]) -> "tuple[SpendingDimension, ...]":
    from callboard_registry_api.budgets import SPENDING_DIMENSIONS

    if unknown := [name for name in by if name not in SPENDING_DIMENSIONS]:
        raise CommandError(f"spending is not told apart by {unknown[0]!r}; use {', '.join(SPENDING_DIMENSIONS)}")
    return tuple(name for said in dict.fromkeys(by) for name in SPENDING_DIMENSIONS if name == said)


def _limit(budget: "Budget") -> str:
    return _amount(budget, budget.tokens or 0, budget.cost or 0)


def _left(budget: "Budget") -> str:
    tokens = (budget.tokens or 0) - budget.spent_tokens - budget.held_tokens
    cost = (budget.cost or 0) - budget.spent_cost - budget.held_cost
    return _amount(budget, max(0, tokens), max(0, cost))


def _amount(budget: "Budget", tokens: int, cost: int) -> str:
    """Return so much of what the budget limits."""
    parts = [f"{tokens:,} tokens"] if budget.tokens is not None else []
    if budget.cost is not None:
        parts.append(f"US$ {cost / _DOLLAR:,.4f}".removesuffix("00"))
    return ", ".join(parts)


def _dollars(row: "Spending") -> str:
    if not row.model_calls:
        return "-"
    return "unknown" if row.cost_usd is None else f"{row.cost_usd:,.4f}" + ("+" if row.unpriced else "")


def _told(row: "Spending", dimensions: "Sequence[SpendingDimension]") -> list[str]:
    return [f"{row.day:%Y-%m-%d}" if name == "day" else str(getattr(row, name)) or "-" for name in dimensions]


def _spending_data(row: "Spending", dimensions: "Sequence[SpendingDimension]") -> dict[str, object]:
    return {
        **dict(zip(dimensions, _told(row, dimensions), strict=True)),
        "calls": row.calls,
        "errors": row.errors,
        "model_calls": row.model_calls,
        "input_tokens": row.input_tokens,
        "output_tokens": row.output_tokens,
        "cost_usd": row.cost_usd,
        "unpriced_model_calls": row.unpriced,
    }


def _budget_data(budget: "Budget") -> dict[str, object]:
    def amount(tokens: int | None, cost: int | None) -> dict[str, object]:
        return {"tokens": tokens, "cost_usd": None if cost is None else cost / _DOLLAR}

    return {
        "team": budget.team,
        "caller": budget.caller,
        "period": budget.period,
        "limit": amount(budget.tokens, budget.cost),
        "spent": amount(budget.spent_tokens, budget.spent_cost),
        "held": amount(budget.held_tokens, budget.held_cost),
        "author": budget.author,
        "changed": budget.changed.isoformat(),
    }
