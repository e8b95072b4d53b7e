"""What every number of the lab has: a case with one effect, something that is killed meanwhile, and what is counted."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any, Final, TypeVar
from uuid import uuid4

import httpx
from temporalio.service import RPCError

from tests.lab.killing import Killer
from tests.lab.trial import Trial
from tests.playing.books import Tally, expected_effects
from tests.playing.following import Heard, follow
from tests.playing.judging import wrong_records
from tests.playing.scripts import script
from tests.playing.stage import Stage
from tests.playing.tasks import TaskSet, own
from tests.playing.waiting import until

ResultT = TypeVar("ResultT")

CASE: Final = "cancel-to-gift-card"
"""The case that is worked on: an order is cancelled, and money goes back to a gift card."""

PIECE: Final = 6
"""Characters of what the model writes at a time."""

FEW: Final = 5
"""Pieces that are heard before anything is killed."""

_PATIENCE: Final = 120
_BETWEEN_TRIES: Final = 0.2


@dataclass
class Findings:
    """What one number of the lab came to."""

    number: int
    title: str
    killed: list[str] = field(default_factory=list[str])
    seen: list[str] = field(default_factory=list[str])
    model_calls: int = 0
    """Model calls that had finished."""

    model_requests: int = 0
    """Requests that the model received for them: those that were killed are made again."""

    repeated: list[str] = field(default_factory=list[str])
    """Model calls that were made again after they had finished."""

    effects: int = 0
    twice: list[str] = field(default_factory=list[str])
    """Effects that happened more often than they should."""

    results: int = 0
    lost: list[str] = field(default_factory=list[str])
    """Results, effects and events that should be there and are not."""

    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether nothing was repeated, nothing happened twice, and nothing was lost."""
        return not (self.repeated or self.twice or self.lost)

    def lines(self) -> list[str]:
        """Return it for people."""
        return [
            f"{self.number}. {self.title}",
            *(f"   killed  {each}" for each in self.killed),
            *(f"   seen    {each}" for each in self.seen),
            f"   model calls repeated after they had finished: {len(self.repeated)}"
            f" ({self.model_calls} finished, {self.model_requests} requests);"
            f" effects twice: {len(self.twice)} (of {self.effects});"
            f" results lost: {len(self.lost)} (of {self.results})",
            *(f"   WRONG   {each}" for each in [*self.repeated, *self.twice, *self.lost]),
        ]


class Scene:
    """One number while it goes on.

    Args:
        stage: The mesh.
        gateway: A client of its gateway.
        findings: Where it is written down.
        short: Whether the model writes little, so that it is over soon.
    """

    def __init__(self, stage: Stage, gateway: httpx.AsyncClient, findings: Findings, *, short: bool) -> None:
        self.stage = stage
        self.gateway = gateway
        self.short = short
        self.found = findings
        [task] = [task for task in own().tasks if task.id == CASE]
        # Words of its own, so that the case may be played several times on one mesh.
        self.task = replace(task, words=f"{task.words} ({uuid4().hex})")
        self.answer = "Your order is cancelled, and the money is on your gift card. " * (3 if short else 9)
        self._killer = Killer(stage, seed=0, victims=())

    @property
    def steps(self) -> list[Mapping[str, Any]]:
        """What the model does: the calls that settle the case, and then a long answer, piece by piece. Any: JSON."""
        *calls, _ = script(self.task)["steps"]
        return [*calls, self.writing(self.answer)]

    def writing(self, text: str) -> Mapping[str, Any]:
        """Return a step in which the model writes slowly."""
        return {"content": text, "piece_length": PIECE, "pause_seconds": 0.05}

    async def rehearse(self) -> None:
        """Give the model the case's script."""
        words = self.task.words
        await self.stage.rehearse({"id": words, "match": words, "equals": True, "steps": self.steps})

    def saw(self, what: str) -> None:
        """Note what somebody saw."""
        self.found.seen.append(what)

    def must(self, holds: bool, what: str) -> None:
        """Note something that has to be so, or that it is lost."""
        (self.found.seen if holds else self.found.lost).append(what if holds else f"not so: {what}")

    async def kill(self, part: str) -> None:
        """Kill a process as a power cut would, and wait until its successor does its work."""
        kill = self._killer.kill(part)
        await self._killer.all_back()
        self.found.killed.append(f"{part} (process {kill.pid}); another did its work after {kill.away or 0:.1f} s")

    async def start(self, *, approvals: str = "none") -> str:
        """Start a run over the gateway and return its id."""
        started = await self.gateway.post("/v1/runs", json={"words": self.task.words, "approvals": approvals})
        started.raise_for_status()
        return started.json()["id"]

    @asynccontextmanager
    async def followed(self, run_id: str) -> AsyncIterator[Heard]:
        """Follow a run; the block begins once the model writes its answer, and ends when the run has."""
        heard, writes = Heard(), asyncio.Event()

        def note(so_far: Heard) -> None:
            if so_far.kinds["text.delta"] > FEW:
                writes.set()

        following = asyncio.create_task(follow(self.gateway, run_id, heard, note))
        try:
            async with asyncio.timeout(_PATIENCE):
                await writes.wait()
                yield heard
                await following
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    async def view(self, place: str) -> Mapping[str, Any]:
        """Read something over the gateway, again while it cannot be had just now. Any: JSON."""
        answers: list[httpx.Response] = []

        async def answered() -> bool:
            answers.append(await self.gateway.get(place))
            return answers[-1].status_code != HTTPStatus.SERVICE_UNAVAILABLE

        await until(answered, within=_PATIENCE)
        return answers[-1].raise_for_status().json()

    async def judge(self, run_id: str) -> None:
        """Hold a run that is over against what should have come of it."""
        views: list[Mapping[str, Any]] = []

        async def is_over() -> bool:
            # The end is told by the workflow's last activity, a moment before it is over.
            views.append(await self.view(f"/v1/runs/{run_id}"))
            return views[-1]["state"] != "running"

        await until(is_over, within=_PATIENCE)
        view = views[-1]
        self.found.results += 1
        answer = (view.get("result") or {}).get("answer")
        self.must(answer == self.answer, f"run {run_id} is {view['state']!r}, and its answer is whole")

    def judge_heard(self, heard: Heard) -> None:
        """Hold what a client heard against what there was to hear."""
        doubled, missing = heard.doubled(), heard.missing()
        self.must(
            heard.text() == self.answer and not doubled and not missing,
            f"the client heard {len(heard.events)} events over {heard.connections} connections;"
            f" {len(missing)} are missing, {len(doubled)} came twice, and the text is whole",
        )

    async def count(self, trial: Trial, tasks: TaskSet) -> None:
        """Count what histories, stores and the model's ledger say."""
        traces = await patiently(trial.traces)
        self.found.model_calls, self.found.model_requests = traces.finished, traces.requests
        self.found.repeated.extend(traces.repeated)
        should, has = expected_effects([self.task], tasks.records), self.stage.books.effects()
        self.found.effects = sum(sum(kind.values()) for kind in has.values())
        self.found.twice.extend(_beyond(has, should))
        self.found.lost.extend(_beyond(should, has))
        self.found.lost.extend(wrong_records(self.task.changed, self.stage.books.changed(tasks.records)))


async def played(
    play: Callable[[Scene], Awaitable[None]], stage: Stage, gateway: httpx.AsyncClient, found: Findings, *, short: bool
) -> Findings:
    """Play one number on a mesh, and count."""
    tasks = own()
    await stage.fill(tasks)
    scene = Scene(stage, gateway, found, short=short)
    await scene.rehearse()
    trial = Trial(stage, tasks, at_once=1, say=lambda _: None)
    clock = asyncio.get_running_loop().time
    began = clock()
    await play(scene)
    found.seconds = round(clock() - began, 1)
    await scene.count(trial, tasks)
    return found


async def patiently(ask: Callable[[], Awaitable[ResultT]]) -> ResultT:
    """Ask Temporal until it answers: it may be away for a moment."""
    async with asyncio.timeout(_PATIENCE):
        while True:
            try:
                return await ask()
            except RPCError:
                await asyncio.sleep(_BETWEEN_TRIES)


def _beyond(tally: Tally, limit: Tally) -> list[str]:
    return [
        f"{kind}: {whom!r} {times} times, not {limit.get(kind, {}).get(whom, 0)}"
        for kind, count in tally.items()
        for whom, times in count.items()
        if times > limit.get(kind, {}).get(whom, 0)
    ]
