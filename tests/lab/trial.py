"""Plays tasks while processes are killed, and holds what came of them against the reference."""

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from temporalio.client import WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from callboard_kit.entities.lock import LOCK
from callboard_orchestrator.messages import Settled
from callboard_orchestrator.workflows import Orchestrate
from callboard_team_customers.following import FollowOrder
from tests.playing.books import Tally, expected_effects, surplus
from tests.playing.histories import activities_tried_again, all_histories, call_durations, finished_model_calls
from tests.playing.judging import merged, wrong_records, wrong_results
from tests.playing.stage import Played, Stage
from tests.playing.tasks import Task, TaskSet

ResultT = TypeVar("ResultT")

_PATIENCE: Final = 300
"""Seconds that one task may take."""

_BETWEEN_TRIES: Final = 0.2

_AWAY: Final = frozenset(
    {RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED, RPCStatusCode.UNKNOWN}
)
"""What a call is told when the server goes away: unknown is a connection that breaks in the middle."""


@dataclass
class Findings:
    """What a trial came to."""

    tasks: int = 0
    right: int = 0
    wrong: dict[str, list[str]] = field(default_factory=dict)
    """What is wrong, by task; what belongs to none is under an empty name."""

    effects: int = 0
    twice: list[str] = field(default_factory=list)
    """Effects that happened more often than they should."""

    lost: list[str] = field(default_factory=list)
    """Effects that happened less often."""

    seconds: list[float] = field(default_factory=list)
    """How long each task took."""


@dataclass(frozen=True)
class Traces:
    """What histories and the model's ledger say of a trial."""

    finished: int
    """Model calls whose completion stands in a history."""

    requests: int
    """Requests that the model received for them."""

    repeated: Sequence[str]
    """Model calls that were made again although their completion stood in a history."""

    unfinished: Sequence[str]
    """Workflows that are not over."""

    tried_again: int
    """Activities that needed more than one attempt."""

    longest_call: float
    """Seconds that the slowest call over Nexus took, kills included."""


class Trial:
    """One run over a task set. Tasks that share a record are kept apart; others may run at the same time."""

    def __init__(self, stage: Stage, tasks: TaskSet, *, at_once: int, say: Callable[[str], None]) -> None:
        self._stage = stage
        self._tasks = tasks
        self._turns = asyncio.Semaphore(at_once)
        self._say = say
        self._began = datetime.now(UTC)
        self.findings = Findings()

    async def play(self, chosen: Sequence[Task], *, halfway: Callable[[], None] = lambda: None) -> Findings:
        """Play the tasks wave by wave; `halfway` is called once when half of them are done."""
        self.findings.tasks += len(chosen)
        left = {len(chosen) // 2: halfway}
        for wave in _waves(chosen, self._tasks):
            await self._stage.fill(self._tasks)
            played = [asyncio.create_task(self._one(task)) for task in wave]
            for next_done in asyncio.as_completed(played):
                await next_done
                left.pop(len(self.findings.seconds), lambda: None)()
            self._judge(wave, [task.result() for task in played])
        return self.findings

    async def traces(self) -> Traces:
        """Read what histories and the model's ledger say, of everything since this trial began."""
        finished: dict[str, datetime] = {}
        unfinished: list[str] = []
        tried_again, longest = 0, 0.0
        for team in self._stage.workers:
            async for description, history in all_histories(await self._stage.client(team), since=self._began):
                # A lock stays for a while when nobody needs it any more, and customers are told of orders afterwards.
                if description.close_time is None and description.workflow_type not in (LOCK, FollowOrder.__name__):
                    unfinished.append(f"{team} {description.id}")
                finished.update(finished_model_calls(history))
                tried_again += activities_tried_again(history)
                longest = max(longest, *call_durations(history), 0.0)
        asked = [each for each in await self._stage.requests() if each["key"] in finished]
        repeated = [
            each["key"] for each in asked if datetime.fromisoformat(each["received_at"]) > finished[each["key"]]
        ]
        return Traces(
            finished=len(finished),
            requests=len(asked),
            repeated=repeated,
            unfinished=unfinished,
            tried_again=tried_again,
            longest_call=longest,
        )

    async def _one(self, task: Task) -> Played | str:
        async with self._turns:
            began = time.monotonic()
            try:
                return await self._settle(task, began)
            except WorkflowFailureError as error:
                return f"it failed: {error.cause}"
            finally:
                self.findings.seconds.append(time.monotonic() - began)
                done, seconds = len(self.findings.seconds), self.findings.seconds[-1]
                self._say(f"{done:3d} of {self.findings.tasks}: task {task.id} is over after {seconds:.1f} s")

    async def _settle(self, task: Task, began: float) -> Played:
        handle = await self._begin(task)
        settled: Settled = await _patiently(handle.result)
        return await _patiently(lambda: self._stage.finished(task, handle, settled, began))

    async def _begin(self, task: Task) -> WorkflowHandle[Orchestrate, Settled]:
        root = f"case-{task.id}-{uuid.uuid4().hex[:8]}"
        try:
            return await _patiently(lambda: self._stage.begin(task, root=root))
        except WorkflowAlreadyStartedError as error:
            # An earlier try was heard, and the answer to it was lost.
            client = await self._stage.client("orchestrator")
            return client.get_workflow_handle_for(Orchestrate.run, error.workflow_id)

    def _judge(self, wave: Sequence[Task], played: Sequence[Played | str]) -> None:
        found = self.findings
        records = wrong_records(merged(wave), self._stage.books.changed(self._tasks.records))
        should, has = expected_effects(wave, self._tasks.records), self._stage.books.effects()
        found.effects += sum(sum(kind.values()) for kind in has.values())
        found.twice.extend(_beyond(has, should))
        found.lost.extend(_beyond(should, has))
        faults = records + surplus(should, has)
        for task, outcome in zip(wave, played, strict=True):
            wrong = [outcome] if isinstance(outcome, str) else wrong_results(task, outcome.told)
            names = task.entities(self._tasks.records)
            mine = [fault for fault in faults if any(name in fault for name in names)]
            faults = [fault for fault in faults if fault not in mine]
            if wrong or mine:
                found.wrong[task.id] = wrong + mine
                self._say(f"    task {task.id} is wrong: {'; '.join((wrong + mine)[:3])[:600]}")
            else:
                found.right += 1
        if faults:
            found.wrong.setdefault("", []).extend(faults)
            self._say(f"    wrong: {'; '.join(faults[:3])[:600]}")


def faults(*, seed: int, share: float, slow_seconds: float) -> dict[str, Any]:
    """Return a plan for the offline model in which every other answer is slow and `share` of the requests go wrong."""
    each = share / 5
    # The offline model draws kind by kind, in this order, and half of what comes after `slow` never gets its turn.
    early = dict.fromkeys(("rate_limited", "server_error"), each)
    late = dict.fromkeys(("malformed_arguments", "broken_stream", "ended_stream"), 2 * each)
    rates = {**early, "slow": 0.5, **late}
    return {"seed": seed, "rates": rates, "retry_after_seconds": 0.5, "slow_seconds": slow_seconds}


def _waves(chosen: Sequence[Task], tasks: TaskSet) -> Sequence[Sequence[Task]]:
    """Return the tasks in groups within which no two touch the same user or order."""
    waves: list[tuple[list[Task], set[str]]] = []
    for task in chosen:
        touched = task.entities(tasks.records)
        wave = next((wave for wave in waves if not wave[1] & touched), None)
        if wave is None:
            wave = ([], set())
            waves.append(wave)
        wave[0].append(task)
        wave[1].update(touched)
    return [wave for wave, _ in waves]


def _beyond(tally: Tally, limit: Tally) -> Iterator[str]:
    """Yield what happened more often than `limit` says, as often as it did."""
    for kind, count in tally.items():
        more = Counter(count) - Counter(limit.get(kind, {}))
        yield from (f"{kind}: {whom}" for whom in more.elements())


async def _patiently(ask: Callable[[], Awaitable[ResultT]]) -> ResultT:
    """Ask Temporal until it answers: it may be away for a moment."""
    async with asyncio.timeout(_PATIENCE):
        while True:
            try:
                return await ask()
            except RPCError as error:
                if error.status not in _AWAY:
                    raise
            await asyncio.sleep(_BETWEEN_TRIES)
