"""Whether what came of a task is what the reference says."""

import json
from collections.abc import Sequence
from typing import Any, Final

from tests.playing.histories import Told
from tests.playing.tasks import Action, Records, Task, as_reference

REFUSALS: Final = frozenset({"refused", "malformed"})
"""How a model hears that a call was refused: by its provider, or since its arguments break the contract's schema."""


def wrong_results(task: Task, told: Sequence[Told]) -> list[str]:
    """Return in words every action whose result the model did not see as the reference has it."""
    left = [each for each in told if each.readable]
    wrong: list[str] = []
    for action in task.actions:
        match = next((each for each in left if each.tool == action.tool and _same(action, each)), None)
        if match is None:
            wrong.append(f"{action.name} {dict(action.arguments)!r} was never called")
            continue
        left.remove(match)
        if action.ok and as_reference(match.content) != action.answer:
            wrong.append(f"{action.name} {dict(action.arguments)!r} answered {match.content!r}, not {action.answer!r}")
        elif not action.ok and match.error_kind not in REFUSALS:
            wrong.append(f"{action.name} {dict(action.arguments)!r} was not refused but answered {match.content!r}")
    return wrong + [f"{each.tool} {each.arguments} was called beyond the reference" for each in left]


def wrong_records(expected: Records, found: Records) -> list[str]:
    """Return in words every record that is not as it should be; `found` has those that changed."""
    wrong: list[str] = []
    for table in sorted(expected.keys() | found.keys()):
        should, has = expected.get(table, {}), found.get(table, {})
        for key in sorted(should.keys() | has.keys()):
            if key not in should:
                wrong.append(f"{table} {key!r} changed and should not have: {has[key]!r}")
            elif key not in has:
                wrong.append(f"{table} {key!r} did not change and should have")
            elif should[key] != has[key]:
                wrong.append(f"{table} {key!r} is {has[key]!r}, not {should[key]!r}")
    return wrong


def merged(tasks: Sequence[Task]) -> dict[str, dict[str, Any]]:
    """Return what several tasks that share no record change together."""
    tables: dict[str, dict[str, Any]] = {}
    for task in tasks:
        for table, records in task.changed.items():
            tables.setdefault(table, {}).update(records)
    return {table: records for table, records in tables.items() if records}


def _same(action: Action, told: Told) -> bool:
    return json.loads(told.arguments) == action.arguments
