"""Have a refund agreed to late, by a person whom billing demands: `python -m tests.lab.late_approval`.

Orders asks billing, billing's policy asks finance, and finance answers after 45 s: later than orders waits for
anything else. Exit code 0 when the order is cancelled and the money moved once; 1 otherwise.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from callboard_kit.process import run_guarded
from callboard_orchestrator.client import start_orchestrate
from tests.playing.approving import approver
from tests.playing.asking import billing_asks
from tests.playing.books import expected_effects, surplus
from tests.playing.judging import wrong_records
from tests.playing.stage import Stage, standing
from tests.playing.tasks import own

CASE: Final = "cancel-to-gift-card"


def main() -> int:
    """Play it once."""
    parser = argparse.ArgumentParser(prog="tests.lab.late_approval", description="Approves a refund late.")
    parser.add_argument("--seconds", type=float, default=45, help="how long the person takes")
    return asyncio.run(_play(parser.parse_args().seconds))


async def _play(seconds: float) -> int:
    with tempfile.TemporaryDirectory(prefix="callboard-late-") as folder:
        async with standing(Path(folder)) as stage:
            wrong = await faults_of(stage, seconds)
    for line in wrong:
        sys.stdout.write(f"wrong: {line}\n")
    verdict = "FAILED" if wrong else "passed"
    sys.stdout.write(f"late approval: billing's question was answered after {seconds:.0f} s: {verdict}\n")
    return 1 if wrong else 0


async def faults_of(stage: Stage, seconds: float) -> list[str]:
    """Have the person take so long, and return in words what is wrong with what came of it."""
    tasks = own()
    await stage.fill(tasks)
    [task] = [task for task in tasks.tasks if task.id == CASE]
    root = f"late-{int(time.time() * 1000)}"
    async with billing_asks(stage, patience=100), approver(stage) as person:
        handle = await start_orchestrate(await stage.client("orchestrator"), task.words, root=root)
        [asked] = await person.waiting(root)
        await asyncio.sleep(seconds)  # The person thinks: longer than the call used to wait.
        still = await person.waiting(root)
        before = stage.books.effects()
        await person.inbox.answer(asked.gate, person.credential, approve=True)
        async with person.answering(root):
            await handle.result()
    return [
        *([] if asked.team == "billing" else [f"{asked.team} asked, not billing"]),
        *([] if still == [asked] else [f"{[each.gate for each in still]} waited in the end, not {asked.gate}"]),
        *([] if before == {} else [f"before the answer there was {before}"]),
        *([] if not person.answered else [f"{len(person.answered)} more questions were asked"]),
        *wrong_records(task.changed, stage.books.changed(tasks.records)),
        *surplus(expected_effects([task], tasks.records), stage.books.effects()),
    ]


if __name__ == "__main__":
    run_guarded(main)
