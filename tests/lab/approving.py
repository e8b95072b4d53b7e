"""Play the tasks with a person who approves every write: `python -m tests.lab.approving`.

All of the public retail tasks where they are at hand, else the tests' own. Exit code 0 when every task ends as its
reference says, and every write was asked about, and nothing else.
"""

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from callboard_kit.process import run_guarded
from tests.playing.approving import approver, play_with_approval, writes_made
from tests.playing.books import expected_effects, surplus
from tests.playing.judging import wrong_records, wrong_results
from tests.playing.stage import standing
from tests.playing.tasks import own, retail


def main() -> int:
    """Play them all once, and say how it went."""
    return asyncio.run(_play())


async def _play() -> int:
    tasks = retail() or own()
    began, right, asked = time.monotonic(), 0, 0
    with tempfile.TemporaryDirectory(prefix="callboard-approving-") as folder:
        async with standing(Path(folder), say=_say) as stage:
            for task in tasks.tasks:
                await stage.fill(tasks)
                async with approver(stage) as person:
                    played = await play_with_approval(stage, person, task)
                about = [each.question.operation for each, _ in person.answered]
                wrong = [
                    *wrong_results(task, played.told),
                    *wrong_records(task.changed, stage.books.changed(tasks.records)),
                    *map(str, surplus(expected_effects([task], tasks.records), stage.books.effects())),
                    *_not_asked_rightly(writes_made(task, played), about),
                ]
                asked += len(person.answered)
                right += not wrong
                for line in wrong:
                    _say(f"task {task.id}: {line}")
    seconds = time.monotonic() - began
    _say(f"approving: {right} of {len(tasks.tasks)} tasks right with {asked} writes approved, in {seconds:.0f} s")
    return 0 if right == len(tasks.tasks) else 1


def _not_asked_rightly(made: list[str], asked: list[str]) -> list[str]:
    return [] if made == asked else [f"the writes were {made}, those asked about {asked}"]


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    run_guarded(main)
