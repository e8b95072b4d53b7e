"""What models took, from the ledger of usage: by team, caller, operation, model or day, as a table with a plot."""

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlencode

from callboard_registry.console.answer import Answer, Cell
from callboard_registry.console.plots import Bar
from callboard_registry.console.rendering import NOTHING, count, money
from callboard_registry_api.budgets import Spending, SpendingDimension

SPENT_BY: Final[Sequence[SpendingDimension]] = ("team", "caller", "operation", "model", "day")
"""What spending can be told apart by."""

_SHOWN: Final = 50
_PLOTTED: Final = 12
_DAYS: Final = 31


def spent(rows: Sequence[Spending], by: SpendingDimension, *, window: str) -> Answer:
    """Return spending by one dimension, in the order in which it comes; the first rows of it are shown."""
    shown = rows[:_SHOWN]
    priced = any(row.cost for row in rows)
    return Answer(
        (
            by,
            "calls",
            "errors",
            "model calls",
            "tokens read",
            "tokens written",
            "without a price",
            "cost, US dollars",
        ),
        [
            [
                Cell(_name(row, by), _link(row, by, window)),
                *(
                    Cell(count(number) if number else NOTHING, number=True)
                    for number in (
                        row.calls,
                        row.errors,
                        row.model_calls,
                        row.input_tokens,
                        row.output_tokens,
                        row.unpriced,
                    )
                ),
                Cell(money(row.cost_usd), number=True),
            ]
            for row in shown
        ],
        [_bar(row, by, priced=priced) for row in rows[: _DAYS if by == "day" else _PLOTTED]],
        [
            (
                _name(row, by),
                row.calls,
                row.errors,
                row.model_calls,
                row.input_tokens,
                row.output_tokens,
                row.unpriced,
                "" if row.cost_usd is None else row.cost_usd,
            )
            for row in rows
        ],
    )


def _bar(row: Spending, by: SpendingDimension, *, priced: bool) -> Bar:
    if priced:
        return Bar(_name(row, by), row.cost_usd or 0.0, money(row.cost_usd))
    tokens = row.input_tokens + row.output_tokens
    return Bar(_name(row, by), tokens, f"{count(tokens)} tokens")


def _name(row: Spending, by: SpendingDimension) -> str:
    if by == "day":
        return f"{row.day:%Y-%m-%d}"
    return str(getattr(row, by)) or "not told"


def _link(row: Spending, by: SpendingDimension, window: str) -> str:
    """Return where the next question is answered: what of a team it was, and which runs of an operation."""
    if by == "team":
        return f"/analytics?{urlencode({'show': 'spend-operation', 'window': window, 'team': row.team})}"
    if by == "operation":
        service, _, operation = row.operation.rpartition(".")
        # An operation of which no service is known goes by its team's name.
        return f"/runs?{urlencode({'service': service, 'operation': operation})}" if "." in service else ""
    return ""
