"""Holds today's workflows to runs that were recorded: they must still go on, and must still schedule the same.

What today's code schedules while it is replayed is compared with what the recorded history says, and both with a file
that people review:

    await record(handle, Path("histories/CancelPendingOrder.json"))       # once, on a mesh that runs
    await assert_replays(Path("histories"), team="orders", workflows=[…])  # in a test, without any server

`record` writes `<name>.json`, the history, and `<name>.scheduled.json`, what it scheduled. Ids, tokens and times that
differ from run to run are taken out of both, so that recording again changes the second file only if the code did.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowHandle, WorkflowHistory
from temporalio.worker import Plugin
from temporalio.workflow import _Definition  # pyright: ignore[reportPrivateUsage] - nothing else tells a class's name

from callboard_kit.replaying import Event, Gate, scheduled_events
from callboard_kit.replaying.cleaning import cleaned
from callboard_kit.replaying.scheduled import differences


async def record(handle: WorkflowHandle[Any, Any], path: Path) -> None:  # Any: whatever the workflow is
    """Write a finished run's history to `path`, and what it scheduled beside it."""
    write(await handle.fetch_history(), path)


def write(history: WorkflowHistory, path: Path) -> None:
    """Write a history to `path`, cleaned of what differs from run to run, and what it scheduled beside it."""
    text = json.dumps(cleaned(json.loads(history.to_json())), indent=1, ensure_ascii=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n", encoding="utf-8")
    told = scheduled_events(WorkflowHistory.from_json(path.stem, text))
    _golden(path).write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


async def assert_replays(
    folder: Path,
    *,
    team: str,
    workflows: Sequence[type],
    contracts: Sequence[type] = (),
    plugins: Sequence[Plugin] = (),
) -> None:
    """Replay every history in `folder` and compare what is scheduled now, then and on file.

    Args:
        folder: Where `record` wrote.
        team: Whose workflows they are.
        workflows: All of the team's workflows; each must have a history.
        contracts: Contract classes that are not in the contracts package.
        plugins: What the team's worker has beside the mesh's plugin.

    Raises:
        AssertionError: Something differs; the message says what, and that recording again accepts it.
    """
    paths = histories(folder)
    recorded = {path.name.split(".")[0] for path in paths}
    names = {str(_Definition.must_from_class(each).name) for each in workflows}
    assert recorded == names, (
        f"{folder}: histories are needed of {sorted(names)}, there are some of {sorted(recorded)}; "
        "record them with `make histories`"
    )
    gate = Gate(team, workflows, contracts=contracts, plugins=plugins)
    for path in paths:
        judged = await gate.judge(WorkflowHistory.from_json(path.stem, path.read_text(encoding="utf-8")))
        assert judged.verdict != "broken", f"{path.name}: today's code takes another turn: {judged.why[0]}"
        _assert_none(path.name, "scheduled when it was recorded", judged.why)
        on_file: list[Event] = json.loads(_golden(path).read_text(encoding="utf-8"))
        _assert_none(path.name, f"on file in {_golden(path).name}", list(differences(on_file, judged.now)))


def histories(folder: Path) -> list[Path]:
    """Return the recorded histories in `folder`."""
    return sorted(path for path in folder.glob("*.json") if not path.name.endswith(".scheduled.json"))


def _assert_none(name: str, before: str, differences: Sequence[str]) -> None:
    assert not differences, (
        f"{name}: what was {before} and what today's code schedules now differ:\n  "
        + "\n  ".join(differences)
        + "\nIf that is meant, and runs that are under way can live with it, record again with `make histories`"
    )


def _golden(path: Path) -> Path:
    return path.with_name(f"{path.stem}.scheduled.json")
