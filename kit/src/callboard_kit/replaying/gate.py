"""Judges whether runs under way can go on with today's code: each recorded history is replayed on it.

Three things can come of it. A run is *the same*: the code asks for what the history says. It is *changed*: it goes on,
but asks for something else than was recorded, which Temporal's own replayer does not notice (another endpoint, input,
header or time limit). Or it is *broken*: it takes another turn, and a run that stands there would be stuck for ever.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

from temporalio.client import WorkflowHistory
from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter
from temporalio.worker import Plugin, Replayer

from callboard_kit.identity import SigningKey
from callboard_kit.plugin import MeshPlugin
from callboard_kit.replaying.scheduled import (
    Event,
    commanded_events,
    differences,
    numbered_events,
    scheduled_events,
)
from callboard_kit.replaying.watching import Watching
from callboard_kit.settings import Settings

Verdict = Literal["same", "changed", "broken"]
"""What becomes of a run."""

_MESSAGE: Final = re.compile(r"\[TMPRL1100\] ([^\"]+)")
_EVENT: Final = re.compile(r"HistoryEvent\(id: (\d+)")
_ENDS: Final = frozenset(
    {
        "workflow_execution_completed_event_attributes",
        "workflow_execution_failed_event_attributes",
        "workflow_execution_timed_out_event_attributes",
        "workflow_execution_canceled_event_attributes",
        "workflow_execution_terminated_event_attributes",
        "workflow_execution_continued_as_new_event_attributes",
    }
)
_PATCH: Final = "guard the new steps with `workflow.patched(...)`, or give the changed workflow a new name"
_REVIEW: Final = "look at each difference; where it is meant, runs under way can live with it and it may be accepted"


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What becomes of one run with today's code."""

    workflow: str
    """The workflow's type."""

    run: str
    """The workflow's id, as far as the history tells."""

    verdict: Verdict
    event: int = 0
    """The event of the history at which the run breaks; 0 when that is not known."""

    why: tuple[str, ...] = ()
    """What is different, one line each."""

    advice: str = ""
    """What to do about it."""

    now: tuple[Event, ...] = ()
    """What today's code asks for."""


class Gate:
    """Today's code of one team, against which histories are held.

    Args:
        team: Whose workflows they are.
        workflows: All of the team's workflows.
        contracts: Contract classes that are not in the contracts package.
        plugins: What the team's worker has beside the mesh's plugin.
    """

    def __init__(
        self, team: str, workflows: Sequence[type], *, contracts: Sequence[type] = (), plugins: Sequence[Plugin] = ()
    ) -> None:
        self._team = team
        self._workflows = list(workflows)
        self._contracts = contracts
        self._plugins = plugins

    async def judge(self, history: WorkflowHistory) -> Judged:
        """Replay one history. A run that has not ended is replayed as far as it has come."""
        workflow = _workflow(history)
        watching = Watching()
        # A key of its own: what a token is signed with does not change what a run does.
        mesh = MeshPlugin(SigningKey.generate(self._team), settings=Settings(profile="dev"), services=self._contracts)
        replayer = Replayer(
            workflows=self._workflows, plugins=[mesh, *self._plugins, watching], runtime=_quiet_runtime()
        )
        result = await replayer.replay_workflow(history, raise_on_replay_failure=False)
        now = commanded_events(watching.commands, history)
        if result.replay_failure is not None:
            return _broken(workflow, history, now, " ".join(str(result.replay_failure).split()))
        then = scheduled_events(history)
        # Behind the end of a run under way there is only what has not happened yet.
        compared = now if _has_ended(history) else now[: len(then)]
        why = tuple(differences(then, compared))
        return Judged(
            workflow=workflow,
            run=history.workflow_id,
            verdict="changed" if why else "same",
            why=why,
            advice=_REVIEW if why else "",
            now=tuple(now),
        )


@cache
def _quiet_runtime() -> Runtime:
    """Return a runtime that does not log each run that breaks, on standard output too: the verdict says it."""
    quiet = TelemetryFilter(core_level="OFF", other_level="OFF")
    return Runtime(telemetry=TelemetryConfig(logging=LoggingConfig(filter=quiet)))


def worst(judged: Iterable[Judged]) -> Verdict:
    """Return the worst of several verdicts; "same" where there is none."""
    order: tuple[Verdict, ...] = ("same", "changed", "broken")
    return order[max((order.index(each.verdict) for each in judged), default=0)]


def _broken(workflow: str, history: WorkflowHistory, now: Sequence[Event], failure: str) -> Judged:
    found = _EVENT.search(failure)
    message = _MESSAGE.search(failure)
    advice = _PATCH
    if "not registered" in failure:
        advice = (
            "keep the workflow under its old name until no run of it is left (`callboard replay sample` finds them)"
        )
    return Judged(
        workflow=workflow,
        run=history.workflow_id,
        verdict="broken",
        event=int(found[1]) if found else _parting(history, now),
        why=(message[1] if message else failure,),
        advice=advice,
        now=tuple(now),
    )


def _parting(history: WorkflowHistory, now: Sequence[Event]) -> int:
    """Return the event of the history at which it and today's code part; 0 when today's code only wants more."""
    then = list(numbered_events(history))
    for place, (number, event) in enumerate(then):
        if place >= len(now) or any(differences([event], [now[place]])):
            return number
    return 0


def _workflow(history: WorkflowHistory) -> str:
    return history.events[0].workflow_execution_started_event_attributes.workflow_type.name


def _has_ended(history: WorkflowHistory) -> bool:
    return history.events[-1].WhichOneof("attributes") in _ENDS
