"""What the offline model is told to do for a task: the reference calls, in an order that keeps their effects'."""

from collections.abc import Mapping, Sequence
from typing import Any

from tests.playing.tasks import Action, Task

MOST_AT_ONCE = 8
"""Calls in one step: as many as an agent makes at the same time."""


def script(task: Task) -> Mapping[str, Any]:
    """Return the script for the offline model. Reads that follow one another are one step; every write is its own."""
    steps = [
        {"tool_calls": [{"name": action.tool, "arguments": action.arguments} for action in step]}
        for step in steps_of(task.actions)
    ]
    return {
        "id": task.id,
        "match": task.words,
        "equals": True,
        "steps": [*steps, {"content": closing_words(task)}],
    }


def steps_of(actions: Sequence[Action]) -> Sequence[Sequence[Action]]:
    """Return the actions by step."""
    steps: list[list[Action]] = []
    for action in actions:
        together = steps and not action.writes and not steps[-1][-1].writes and len(steps[-1]) < MOST_AT_ONCE
        if together:
            steps[-1].append(action)
        else:
            steps.append([action])
    return steps


def closing_words(task: Task) -> str:
    """Return what the model says when all calls are made."""
    return f"Case {task.id} is settled."
