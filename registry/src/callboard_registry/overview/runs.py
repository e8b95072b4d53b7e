"""Which runs there were: every tree of calls as one line, from the call records and from what its models took."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, case, func, or_, select

from callboard_registry.database import Database
from callboard_registry.paging import position_of, token_at
from callboard_registry.tables import calls, happenings
from callboard_registry.totals import ENDED_WELL
from callboard_registry_api.model import Outcome

_CANARY = "-canary"


@dataclass(frozen=True, kw_only=True)
class WhichRuns:
    """Which runs: those with one call to which all of this applies. What is left empty does not matter."""

    team: str = ""
    """Called, or was called."""

    caller: str = ""
    service: str = ""
    operation: str = ""
    entity: str = ""
    person: str = ""
    outcomes: Sequence[Outcome] = ()
    since: datetime | None = None
    cost_usd: float = 0.0
    """What its models cost together, at least, as `Run.cost_usd` counts."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """One tree of calls."""

    root: str
    person: str
    team: str
    """Who made its first call."""

    start: datetime
    end: datetime
    calls: int
    wrong: int
    """Calls that did not end well."""

    under_way: int
    """Calls of which no end is known."""

    tokens: int
    """Of its models where it is known what happened inside of it. Else of its calls: what the first caller's own models
    took is not among them."""

    cost_usd: float
    """US dollars, counted as `tokens` are."""

    asked: Sequence[str]
    """The operations that its first caller called, in order, each once."""


@dataclass(frozen=True)
class RunPage:
    """Some runs, and where to go on; empty when there are no more."""

    runs: Sequence[Run]
    next: str


def runs(database: Database, which: WhichRuns, *, after: str, size: int) -> RunPage:
    """Return up to `size` runs, those with the newest records first."""
    filters = ["runs", str(sorted(vars(which).items()))]
    before = int(position_of(after, like=(0,), filters=filters, field="after")[0]) if after else 0
    newest = func.max(calls.c.sequence)
    query = select(calls.c.root, newest).where(calls.c.root != "", *_conditions(which)).group_by(calls.c.root)
    if before:
        query = query.having(newest < before)
    if which.cost_usd > 0:
        counted = case((calls.c.counted, func.coalesce(calls.c.cost_usd, 0.0)), else_=0.0)
        model_cost = func.sum(func.coalesce(happenings.c.cost_usd, 0.0))
        asked_models = select(happenings.c.root).where(happenings.c.kind == "model").group_by(happenings.c.root)
        # As it is shown: what models took is counted where it is known, and what calls say only where it is not.
        query = query.having(
            or_(
                calls.c.root.in_(asked_models.having(model_cost >= which.cost_usd)),
                and_(func.sum(counted) >= which.cost_usd, calls.c.root.not_in(asked_models)),
            )
        )
    with database.reading() as connection:
        found = connection.execute(query.order_by(newest.desc()).limit(size + 1)).all()
        shown = found[:size]
        told = _told(connection, [root for root, _ in shown])
    position = token_at((shown[-1][1],), filters=filters) if len(found) > size else ""
    return RunPage([told[root] for root, _ in shown], position)


def _conditions(which: WhichRuns) -> list[ColumnElement[bool]]:
    plain = ("caller", "service", "operation", "entity", "person")
    found: list[ColumnElement[bool]] = [calls.c[name] == value for name in plain if (value := getattr(which, name))]
    if which.team:
        found.append(or_(calls.c.caller == which.team, calls.c.endpoint.in_((which.team, which.team + _CANARY))))
    if which.outcomes:
        found.append(calls.c.outcome.in_(sorted(which.outcomes)))
    if tuple(which.outcomes) == ("started",):
        # Every call has a record that it began; under way is one that has no other.
        other = calls.alias()
        ended = select(other.c.sequence).where(other.c.token_id == calls.c.token_id, other.c.outcome != "started")
        found.append(~ended.exists())
    if which.since is not None:
        found.append(calls.c.start >= which.since)
    return found


def _told(connection: Connection, roots: Sequence[str]) -> Mapping[str, Run]:
    counted = calls.c.counted
    one_each = func.count(func.distinct(func.coalesce(calls.c.token_id, "")))
    wrong = case((and_(counted, calls.c.outcome.not_in(sorted(ENDED_WELL))), 1), else_=0)
    sums = (
        select(
            calls.c.root,
            func.max(calls.c.person),
            func.min(calls.c.start),
            func.max(calls.c.ended),
            one_each,
            func.sum(wrong),
            func.sum(case((counted, 1), else_=0)),
        )
        .where(calls.c.root.in_(roots))
        .group_by(calls.c.root)
    )
    pair = (calls.c.root, calls.c.caller, calls.c.service, calls.c.operation)
    tokens = func.sum(case((counted, calls.c.input_tokens + calls.c.output_tokens), else_=0))
    cost = func.sum(case((counted, func.coalesce(calls.c.cost_usd, 0.0)), else_=0.0))
    first = func.min(calls.c.start)
    steps = (
        select(*pair, tokens, cost).where(calls.c.root.in_(roots)).group_by(*pair).order_by(first, calls.c.operation)
    )
    asked: defaultdict[str, list[tuple[str, str, int, float]]] = defaultdict(list)
    for root, caller, service, operation, used, spent in connection.execute(steps):
        asked[root].append((caller, f"{service} {operation}", int(used), float(spent)))
    took = {
        root: (int(used), float(spent))
        for root, used, spent in connection.execute(
            select(
                happenings.c.root,
                func.sum(happenings.c.input_tokens + happenings.c.output_tokens),
                func.sum(func.coalesce(happenings.c.cost_usd, 0.0)),
            )
            .where(happenings.c.root.in_(roots), happenings.c.kind == "model")
            .group_by(happenings.c.root)
        )
    }
    found: dict[str, Run] = {}
    for root, person, start, end, number, bad, over in connection.execute(sums):
        team = asked[root][0][0]
        # What an agent used holds what those used that it called: only the first caller's calls are added up.
        own = [each for each in asked[root] if each[0] == team]
        used, spent = took.get(root) or (sum(each[2] for each in own), sum(each[3] for each in own))
        found[root] = Run(
            root=root,
            person=person,
            team=team,
            start=start,
            end=end,
            calls=int(number),
            wrong=int(bad),
            under_way=max(0, int(number) - int(over)),
            tokens=used,
            cost_usd=spent,
            asked=[each[1] for each in own],
        )
    return found
