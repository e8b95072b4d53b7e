"""The analytics: a plot, its table and its CSV for each question that is asked of the past."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, TypeVar
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, Response

from callboard_registry.console.answer import Answer, Cell
from callboard_registry.console.filters import WINDOWS, beginning, one_of
from callboard_registry.console.knowledge import Knowledge
from callboard_registry.console.plots import Bar, plot
from callboard_registry.console.recent import Recent
from callboard_registry.console.rendering import NOTHING, count, page, span
from callboard_registry.console.routes import PageRoute
from callboard_registry.console.spending import SPENT_BY, spent
from callboard_registry.console.spreadsheets import spreadsheet
from callboard_registry.ledger.keeping import WhichSpending
from callboard_registry.overview.analytics import Answered, Failing, Latency, Stuck
from callboard_registry.refusals import Refusal

RowT = TypeVar("RowT")
_LONGEST: Final = 2.0
"""How often what is promised the longest bar is: one that is slow beyond measure leaves the others to be seen."""

Team = Annotated[str, Query(max_length=100)]


@dataclass(frozen=True)
class Question:
    """Something that is asked of the past."""

    title: str
    words: str
    nothing: str
    """What is said when there is nothing to tell."""


QUESTIONS: Final[Mapping[str, Question]] = {
    "tools": Question(
        "Which tools fail most",
        "Calls of operations that did not end well, by how they ended. The sums are kept for ever.",
        "No call failed",
    ),
    "stuck": Question(
        "Where agents get stuck",
        "What went wrong inside of runs, was tried again, or had to wait for a lock.",
        "Nothing went wrong, was tried again or had to wait",
    ),
    "people": Question(
        "Where people refuse",
        "Questions that were put before people, and what they said.",
        "Nobody was asked anything",
    ),
    **{
        f"spend-{by}": Question(
            f"Spend by {by}",
            f"What models took, {how}. Days are whole ones, in UTC. The sums are kept for ever.",
            "No model was asked",
        )
        for by, how in (
            ("team", "by the team whose worker asked them"),
            ("caller", "by who called the team whose worker asked them, or by the team itself for work of its own"),
            ("operation", "by the operation that they were asked for"),
            ("model", "by model"),
            ("day", "day by day"),
        )
    },
    "latency": Question(
        "Latency against promise",
        "The busiest operations: 95 of 100 good calls took no longer than the bar, drawn as a share of what is "
        "promised, which the line marks. A bar ends at twice that.",
        "No call ended well",
    ),
}


def analytics_router(knowledge: Knowledge) -> APIRouter:
    """Serve the analytics."""
    router = APIRouter(route_class=PageRoute, include_in_schema=False)
    answers = {
        (show, window): Recent(lambda show=show, window=window: _answer(knowledge, show, window))
        for show in QUESTIONS
        for window in WINDOWS
    }

    async def found(show: str, window: str, team: str) -> tuple[str, str, Answer]:
        chosen, length = one_of("show", show, list(QUESTIONS)), one_of("window", window, list(WINDOWS))
        if team and not chosen.startswith("spend-"):
            raise Refusal("invalid", "team", f"only spending is told for one team; {chosen!r} is about all of them")
        if team:
            return chosen, length, await _answer(knowledge, chosen, length, team)
        return chosen, length, await answers[chosen, length].get()

    @router.get("/analytics", response_class=HTMLResponse)
    async def analytics(show: str = "tools", window: str = "week", team: Team = "") -> HTMLResponse:
        """Show the answer to one question."""
        chosen, length, answer = await found(show, window, team)
        return page(
            "analytics.html",
            section="analytics",
            questions=QUESTIONS,
            show=chosen,
            window=length,
            windows=list(WINDOWS),
            team=team,
            answer=answer,
            plot=plot(answer.bars),
        )

    @router.get("/analytics.csv")
    async def table(show: str = "tools", window: str = "week", team: Team = "") -> Response:
        """Return the answer to one question as rows."""
        chosen, length, answer = await found(show, window, team)
        return spreadsheet(f"{chosen}-{length}", answer.titles, answer.raw)

    del analytics, table  # they live in the router now
    return router


async def _answer(knowledge: Knowledge, show: str, window: str, team: str = "") -> Answer:
    overview, since = knowledge.registry.overview, beginning(window)
    asking: Mapping[str, Callable[[], Awaitable[Answer]]] = {
        "tools": lambda: _then(overview.failing(since), lambda rows: _failing(rows, window)),
        "stuck": lambda: _then(overview.stuck(since), _stuck),
        "people": lambda: _then(overview.answered(since), _answered),
        "latency": lambda: _then(overview.latency(since), _latency),
    }
    if show in asking:
        return await asking[show]()
    by = one_of("by", show.removeprefix("spend-"), SPENT_BY)
    which = WhichSpending(team=team, since=since)
    rows = await knowledge.registry.spending.spending(which, by=(by,), models_only=True)
    return spent(rows, by, window=window)


async def _then(rows: Awaitable[Sequence[RowT]], shown: Callable[[Sequence[RowT]], Answer]) -> Answer:
    return shown(await rows)


def _failing(rows: Sequence[Failing], window: str) -> Answer:
    def link(row: Failing, **more: str) -> str:
        asked = {"service": row.service, "operation": row.operation, "window": window, **more}
        return f"/runs?{urlencode(asked)}"

    return Answer(
        ("operation", "calls", "refused", "unavailable", "failed", "not well"),
        [
            [
                Cell(f"{row.service} {row.operation}", _service(row.service, row.operation)),
                Cell(count(row.calls), link(row), number=True),
                *(
                    Cell(count(number) if number else NOTHING, link(row, outcome=name) if number else "", number=True)
                    for name, number in (
                        ("refused", row.refused),
                        ("unavailable", row.unavailable),
                        ("failed", row.failed),
                    )
                ),
                Cell(f"{row.errors / row.calls:.1%}", link(row, outcome="not well"), number=True),
            ]
            for row in rows
        ],
        [
            Bar(
                f"{row.service} {row.operation}",
                row.errors,
                f"{count(row.errors)} of {count(row.calls)}",
                "many" if row.errors >= row.calls / 10 else "some",
            )
            for row in rows[:12]
        ],
        [
            (
                f"{row.service} {row.operation}",
                row.calls,
                row.refused,
                row.unavailable,
                row.failed,
                row.errors / row.calls,
            )
            for row in rows
        ],
    )


def _stuck(rows: Sequence[Stuck]) -> Answer:
    kinds = {
        "model": "asks a model",
        "call": "calls a team",
        "activity": "works",
        "lock": "waits for a lock",
        "trouble": "worker",
        "stop": "stops",
    }
    return Answer(
        ("team", "does", "what", "times", "tried again", "not well", "took"),
        [
            [
                Cell(row.team, f"/runs?{urlencode({'team': row.team})}"),
                Cell(kinds.get(row.kind, row.kind)),
                Cell(row.title),
                Cell(count(row.times), number=True),
                Cell(count(row.again) if row.again else NOTHING, number=True),
                Cell(count(row.wrong) if row.wrong else NOTHING, number=True),
                Cell(span(row.waited), number=True),
            ]
            for row in rows
        ],
        [
            Bar(
                f"{row.team}: {row.title}",
                row.wrong + row.again + (row.times if row.kind == "lock" else 0),
                f"{count(row.wrong)} wrong, {count(row.again)} again",
                "many" if row.wrong else "some",
            )
            for row in rows[:12]
        ],
        [(row.team, row.kind, row.title, row.times, row.again, row.wrong, row.waited.total_seconds()) for row in rows],
    )


def _answered(rows: Sequence[Answered]) -> Answer:
    return Answer(
        ("team that asks", "what for", "approved", "refused", "nobody answered", "waiting", "waited on average"),
        [
            [
                Cell(row.team, f"/runs?{urlencode({'team': row.team})}"),
                Cell(row.title),
                *(
                    Cell(count(number) if number else NOTHING, number=True)
                    for number in (row.approved, row.refused, row.expired, row.waiting)
                ),
                Cell(span(row.mean), number=True),
            ]
            for row in rows
        ],
        [
            Bar(
                f"{row.team}: {row.title}",
                row.refused,
                f"{count(row.refused)} of {count(row.approved + row.refused + row.expired)}",
                "many" if row.refused > row.approved else "some" if row.refused else "well",
            )
            for row in rows[:12]
        ],
        [
            (
                row.team,
                row.title,
                row.approved,
                row.refused,
                row.expired,
                row.waiting,
                "" if row.mean is None else row.mean.total_seconds(),
            )
            for row in rows
        ],
    )


def _latency(rows: Sequence[Latency]) -> Answer:
    return Answer(
        ("operation", "calls", "median", "p95", "promised", "keeps it"),
        [
            [
                Cell(f"{row.service} {row.operation}", _service(row.service, row.operation)),
                Cell(count(row.calls), number=True),
                Cell(span(row.p50), number=True),
                Cell(span(row.p95), number=True),
                Cell(span(row.promised), number=True),
                Cell({True: "yes", False: "no", None: "not known"}[row.keeps]),
            ]
            for row in rows
        ],
        [
            Bar(
                f"{row.service} {row.operation}",
                min(row.p95 / row.promised, _LONGEST),
                f"{span(row.p95)} of {span(row.promised)}",
                "well" if row.keeps else "many",
                mark=1.0,
            )
            for row in rows[:12]
            if row.p95 is not None and row.promised
        ],
        [
            (
                f"{row.service} {row.operation}",
                row.calls,
                *("" if each is None else each.total_seconds() for each in (row.p50, row.p95, row.promised)),
                {True: "yes", False: "no", None: ""}[row.keeps],
            )
            for row in rows
        ],
    )


def _service(service: str, operation: str) -> str:
    return f"/services/{service}#{operation}"
