"""Calls as a company's teams make them: who calls whom, in trees, over a month. The same ones every time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final

from callboard_registry.calls import Calls
from callboard_registry.database import Database
from callboard_registry.declarations import Declarations
from callboard_registry.health.workers import Workers
from callboard_registry.ledger.keeping import Ledger
from callboard_registry.stories.keeping import Stories
from callboard_registry.stories.model import Execution, Happening, Story
from callboard_registry_api.budgets import DOLLAR, ModelUse
from callboard_registry_api.health import Heartbeat, ServedRevision
from callboard_registry_api.model import CallRecord, Outcome

TEAMS_OF_AN_OWNER: Final = 10
OPERATIONS: Final = 10
SERVICES: Final = 5

_CALLS_OF_A_TREE: Final = 10
_CALLEES: Final = 6
_DAYS: Final = 30
_AT_ONCE: Final = 1000
_OUTCOMES: Final[Mapping[Outcome, int]] = {"ok": 93, "refused": 3, "failed": 2, "unavailable": 1, "cancelled": 1}
"""How many of a hundred calls end how."""

_REASONS: Final = {
    "ok": "callers-may",
    "refused": "order '#W1' is delivered; only pending orders can be cancelled",
    "failed": "it failed for a reason of its own",
    "unavailable": "it gave no answer in time",
    "cancelled": "its caller took it back",
}


@dataclass(frozen=True)
class Filled:
    """What a page can be asked about."""

    root: str
    entity: str
    team: str


def team_name(number: int) -> str:
    """Return what the team with this number is called."""
    return f"team{number:03}"


def fill_calls(database: Database, teams: int, records: int, *, now: datetime | None = None) -> Filled:
    """Keep `records` call records of `teams` teams, their declarations and a heartbeat of each."""
    chance = Random(20261122)
    now = now or datetime.now(UTC)
    calls, workers = Calls(database), Workers(database)
    declared = Declarations(database)
    callees = {caller: _callees(caller, teams, chance) for caller in range(teams)}
    for number in range(teams):
        team = team_name(number)
        workers.keep(team, _heartbeat(team, number // TEAMS_OF_AN_OWNER, now))
        # One that is never called, and one that is called without being declared.
        told = [*callees[number][1:], (number * 7 + 3) % teams]
        services = sorted({f"{team_name(each)}.v1" for each in told})
        declared.replace(team, services, signed_at=int(now.timestamp()))
    stories, ledger = Stories(database), Ledger(database)
    kept: list[CallRecord] = []
    filled = Filled("", "", team_name(0))
    for record in _records(chance, callees, records, now):
        filled = Filled(record.root, record.entity, record.caller)
        kept.append(record)
        if len(kept) == _AT_ONCE:
            # Whose view it is makes no difference to what pages ask.
            calls.derive([(each.endpoint, each) for each in kept])
            stories.keep([_story(each, chance) for each in kept if each.outcome != "started"])
            ledger.add([_use(each, chance) for each in kept if each.input_tokens])
            kept.clear()
    if kept:
        calls.derive([(each.endpoint, each) for each in kept])
    return filled


def _records(chance: Random, callees: dict[int, Sequence[int]], records: int, now: datetime) -> Iterator[CallRecord]:
    """Yield two records of each call, ten calls of each tree, from the oldest tree to the newest."""
    trees = max(1, records // (2 * _CALLS_OF_A_TREE))
    for tree in range(trees):
        begun = now - timedelta(days=_DAYS) * (1 - tree / trees)
        root, caller = f"{chance.getrandbits(64):016x}", chance.randrange(len(callees))
        for step in range(_CALLS_OF_A_TREE):
            callee = chance.choice(callees[caller])
            outcome = chance.choices(list(_OUTCOMES), list(_OUTCOMES.values()))[0]
            service = f"{team_name(callee)}.v{chance.randrange(SERVICES) + 1}"
            start = begun + timedelta(milliseconds=300 * step)
            call = CallRecord(
                root=root,
                token_id=f"{root}:{step}",
                caller=team_name(caller),
                person="ada@example.com",
                endpoint=team_name(callee),
                service=service,
                operation=f"operation_{chance.randrange(OPERATIONS)}",
                entity=f"#W{chance.randrange(10_000):07}",
                start=start,
                outcome="started",
                reason="callers-may",
            )
            yield call
            agent = chance.random() < 0.2
            yield replace(
                call,
                outcome=outcome,
                reason=_REASONS[outcome],
                duration=timedelta(milliseconds=chance.lognormvariate(4, 1)),
                input_tokens=1500 if agent else 0,
                output_tokens=200 if agent else 0,
                cost_usd=0.004 if agent else None,
            )
            if chance.random() < 0.4:
                caller = callee


def _callees(caller: int, teams: int, chance: Random) -> Sequence[int]:
    """Return whom a team calls: mostly those of its own owner, and a few that everybody calls."""
    own = caller - caller % TEAMS_OF_AN_OWNER
    near = [(own + chance.randrange(TEAMS_OF_AN_OWNER)) % teams for _ in range(_CALLEES - 2)]
    return list(dict.fromkeys([*near, chance.randrange(min(5, teams)), chance.randrange(teams)]))


def _heartbeat(team: str, owner: int, now: datetime) -> Heartbeat:
    return Heartbeat(
        worker="one",
        namespace=team,
        task_queue=team,
        identity="1@bench",
        build="b1",
        kit_version="0.1",
        sdk_version="1.35.0",
        serves=tuple(ServedRevision(f"{team}.v{version}", "sha256:0") for version in range(1, SERVICES + 1)),
        started=now,
        sent=now,
        every=timedelta(minutes=10),
        owner=f"Division {owner:02}",
        contact="division@example.com",
        description="One of many teams.",
    )


def _use(call: CallRecord, chance: Random) -> tuple[str, ModelUse]:
    """Return what the ledger is told of a call that an agent answered."""
    use = ModelUse(
        key=call.token_id,
        root=call.root,
        caller=call.caller,
        operation=call.operation,
        model=f"model-{chance.randrange(4)}",
        at=call.start,
        input_tokens=call.input_tokens,
        output_tokens=call.output_tokens,
        cost=round((call.cost_usd or 0.0) * DOLLAR),
    )
    return call.endpoint, use


def _story(call: CallRecord, chance: Random) -> Story:
    """Return what the team that was called did: it asked a model, worked, and now and then a person."""
    end = call.start + (call.duration or timedelta(0))
    execution = Execution(
        namespace=call.endpoint,
        run_id=call.token_id,
        workflow_id=call.token_id,
        root=call.root,
        team=call.endpoint,
        kind="Work",
        token_id=call.token_id,
        caller=call.caller,
        service=call.service,
        operation=call.operation,
        entity=call.entity,
        person=call.person,
        started=call.start,
        ended=end,
        outcome=call.outcome,
    )
    happenings = [
        Happening(number=5, kind="activity", at=call.start, ended=end, title="look_at_order", outcome="ok", attempts=2)
    ]
    if call.input_tokens:
        happenings.append(
            Happening(
                number=9,
                kind="model",
                at=call.start,
                ended=end,
                title="Asks the model",
                outcome="ok",
                model=f"model-{chance.randrange(4)}",
                input_tokens=call.input_tokens,
                output_tokens=call.output_tokens,
                cost_usd=call.cost_usd,
                detail={"answer": "It is done. " * 20, "said": [{"role": "user", "text": "Do it, please."}]},
            )
        )
    if chance.random() < 0.02:
        decision = chance.choice(("approved", "approved", "refused", "expired"))
        title = f"{call.service} {call.operation}"
        happenings.append(
            Happening(number=13, kind="approval", at=call.start, ended=end, title=title, outcome=decision)
        )
    return Story(execution, tuple(happenings))
