"""Play the tasks by delegation: `python -m tests.lab.delegating`.

The orchestrator's model speaks to each team's `assist` and to nothing else; the teams' own models make the calls of the
reference. All of the public retail tasks where they are at hand, else the tests' own. Exit code 0 when every task ends
as its reference says and no call of the orchestrator's was anything but an `assist`.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from callboard_kit.process import run_guarded
from tests.playing.books import expected_effects, surplus
from tests.playing.delegating import not_delegated, parts_of, play_by_delegation
from tests.playing.judging import wrong_records, wrong_results
from tests.playing.scripts import closing_words
from tests.playing.stage import Stage, standing
from tests.playing.tasks import Task, TaskSet, own, retail


def main() -> int:
    """Play them all once, and say how it went."""
    parser = argparse.ArgumentParser(prog="tests.lab.delegating", description="Plays the tasks by delegation.")
    parser.add_argument("--own", action="store_true", help="play the tests' own tasks")
    parser.add_argument("--limit", type=int, default=None, help="play only so many tasks")
    options = parser.parse_args()
    return asyncio.run(_play(own() if options.own else retail() or own(), options.limit))


async def faults_of(stage: Stage, tasks: TaskSet, task: Task) -> list[str]:
    """Play one task by delegation and return in words what is wrong with what came of it."""
    await stage.fill(tasks)
    played = await play_by_delegation(stage, task)
    answer = played.settled.answer
    return [
        *not_delegated(task, played),
        *wrong_results(task, played.told),
        *wrong_records(task.changed, stage.books.changed(tasks.records)),
        *map(str, surplus(expected_effects([task], tasks.records), stage.books.effects())),
        *([] if answer == closing_words(task) else [f"the answer was {answer!r}"]),
    ]


async def _play(tasks: TaskSet, limit: int | None) -> int:
    chosen = tasks.tasks[:limit]
    began, right = time.monotonic(), 0
    with tempfile.TemporaryDirectory(prefix="callboard-delegating-") as folder:
        async with standing(Path(folder), say=_say) as stage:
            for number, task in enumerate(chosen, start=1):
                wrong = await faults_of(stage, tasks, task)
                right += not wrong
                _say(f"{number:3d} of {len(chosen)}: task {task.id}: {'; '.join(wrong)[:2000] or 'right'}")
    parts = sum(len(parts_of(task)) for task in chosen)
    seconds = time.monotonic() - began
    _say(f"delegating: {right} of {len(chosen)} tasks right by {parts} goals in words, in {seconds:.0f} s")
    return 0 if right == len(chosen) else 1


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    run_guarded(main)
