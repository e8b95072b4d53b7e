"""Tasks by delegation: the orchestrator's model only speaks to each team's `assist`; the teams' own models act.

What one team has to do without another between is one part of a task, and one `assist`. The words of a part are those
by which the team's model finds its script, so that each conversation is a whole one: nobody is told what to call but by
what it was asked.
"""

import json
import time
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory

from callboard_orchestrator.client import start_orchestrate
from tests.playing.histories import Told, conversation
from tests.playing.scripts import closing_words, steps_of
from tests.playing.stage import Played, Stage
from tests.playing.tasks import Action, Task

ASSIST: Final = "assist"

_STARTED: Final = EventType.EVENT_TYPE_NEXUS_OPERATION_STARTED


@dataclass(frozen=True)
class Part:
    """What one team has to do of a task, in one go."""

    team: str
    goal: str
    """What it is told, in words."""

    actions: Sequence[Action]

    @property
    def tool(self) -> str:
        """What the orchestrator's model calls the team by."""
        return f"{self.team}_v1__{ASSIST}"

    @property
    def answer(self) -> str:
        """What the team's model says when all is done."""
        return f"Done: {self.goal}"


def parts_of(task: Task) -> Sequence[Part]:
    """Return the parts of a task, in the order in which they are to be done."""
    runs = [(team, tuple(actions)) for team, actions in groupby(task.actions, key=_team)]
    return [
        Part(team, f"Part {number} of case {task.id}: {'; then '.join(map(_in_words, actions))}.", actions)
        for number, (team, actions) in enumerate(runs, start=1)
    ]


def words_of(task: Task) -> str:
    """Return what the orchestrator is asked: the task, and that it is to be delegated."""
    return f"{task.words}\nLeave everything to the teams, in words."


def scripts_of(task: Task) -> Sequence[Mapping[str, Any]]:
    """Return the scripts for the offline model: the orchestrator's, and one for each part."""
    parts = parts_of(task)
    planner = [{"tool_calls": [{"name": part.tool, "arguments": {"goal": part.goal}}]} for part in parts]
    whole = {
        "id": f"delegated-{task.id}",
        "match": words_of(task),
        "equals": True,
        "steps": [*planner, {"content": closing_words(task)}],
    }
    return [whole, *(_script_of(part, f"delegated-{task.id}-{number}") for number, part in enumerate(parts))]


async def play_by_delegation(stage: Stage, task: Task) -> Played:
    """Have one task settled by delegation; what is told is what the teams' models called."""
    await stage.rehearse(*scripts_of(task))
    began = time.monotonic()
    root = f"delegated-{task.id}-{uuid.uuid4().hex[:8]}"
    handle = await start_orchestrate(await stage.client("orchestrator"), words_of(task), root=root)
    settled = await handle.result()
    played = await stage.finished(task, handle, settled, began)
    told = [each async for each in _told_to_teams(stage, played.history)]
    return Played(task=task, settled=settled, told=told, history=played.history, seconds=played.seconds)


def not_delegated(task: Task, played: Played) -> list[str]:
    """Return in words what the orchestrator called itself, or what it left out."""
    called = [(call.service.partition(".")[0], call.operation, call.outcome) for call in played.settled.calls]
    expected = [(part.team, ASSIST, "ok") for part in parts_of(task)]
    return [] if called == expected else [f"the orchestrator called {called}, not {expected}"]


async def _told_to_teams(stage: Stage, history: WorkflowHistory) -> AsyncIterator[Told]:
    """Yield every tool call of the agents behind the operations that a run called, in the order of those."""
    for event in history.events:
        for link in event.links if event.event_type == _STARTED else ():
            place = link.workflow_event
            team = next(team for team in stage.workers if stage.settings.namespace(team) == place.namespace)
            client = await stage.client(team)
            handle = client.get_workflow_handle(place.workflow_id, run_id=place.run_id)
            for told in conversation(await handle.fetch_history()):
                yield told


def _script_of(part: Part, name: str) -> Mapping[str, Any]:
    steps = [
        {"tool_calls": [{"name": action.tool, "arguments": action.arguments} for action in step]}
        for step in steps_of(part.actions)
    ]
    return {"id": name, "match": part.goal, "equals": True, "steps": [*steps, {"content": part.answer}]}


def _team(action: Action) -> str:
    return action.tool.partition("_v1__")[0]


def _in_words(action: Action) -> str:
    details = ", ".join(
        f"{name.replace('_', ' ')} {json.dumps(value, ensure_ascii=False)}" for name, value in action.arguments.items()
    )
    return f"{action.name.replace('_', ' ')}{f' with {details}' if details else ''}"
