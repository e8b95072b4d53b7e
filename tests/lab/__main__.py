"""Play the tasks while processes are killed at random: `python -m tests.lab`, or `make lab`.

Exit code 0 when every task ends as its reference says, no effect happened twice or not at all, and no model call was
made again whose completion stands in a history; 1 otherwise.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from callboard_kit.process import run_guarded
from tests.lab import report
from tests.lab.killing import Killer
from tests.lab.trial import Trial, faults
from tests.playing.stage import standing
from tests.playing.tasks import RETAIL, own, retail

_RESULTS: Final = Path(__file__).resolve().parents[2] / "bench-results" / "lab.json"


def main() -> int:
    """Run the lab once."""
    options = _options()
    found = asyncio.run(_run(options))
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    _say("")
    for line in report.lines(found):
        _say(line)
    for task, wrong in found["wrong"].items():
        _say(f"wrong: task {task or 'unknown'}: {'; '.join(wrong)[:2000]}")
    ok = report.passed(found)
    _say(
        f"lab: {found['right']} of {found['tasks']} tasks right under {sum(found['kills'].values())} kills in"
        f" {found['settings']['seconds']:.0f} s: {'passed' if ok else 'FAILED'} ({options.json})"
    )
    return 0 if ok else 1


async def _run(options: argparse.Namespace) -> dict[str, Any]:
    began = time.monotonic()
    tasks = own() if options.own else retail() or own()
    if tasks.name == "own" and not options.own:
        _say(f"the public retail tasks are not in {RETAIL}: the tests' own tasks are played instead")
    chosen = tasks.tasks[: options.limit]
    with tempfile.TemporaryDirectory(prefix="callboard-lab-") as folder:
        _say(f"starting a mesh in {folder}; seed {options.seed}")
        async with standing(Path(folder), say=_say) as stage:
            plan = faults(seed=options.seed, share=options.model_faults, slow_seconds=options.model_seconds)
            (await stage.model.put("/offline/faults", json=plan)).raise_for_status()
            trial = Trial(stage, tasks, at_once=options.at_once, say=_say)
            pause = (options.pause * 0.5, options.pause * 1.5)
            killer = Killer(stage, seed=options.seed, victims=stage.workers, pause=pause, say=_say)
            async with killer.at_large():
                findings = await trial.play(chosen, halfway=lambda: killer.kill("temporal"))
            traces = await trial.traces()
    settings = {"seed": options.seed, "tasks": tasks.name, "at_once": options.at_once, "pause": options.pause}
    settings |= {"model_faults": options.model_faults, "model_seconds": options.model_seconds}
    settings |= {"died_on_their_own": killer.died, "seconds": round(time.monotonic() - began, 1)}
    return report.document(findings, traces, killer.kills, settings=settings)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.lab", description="Plays tasks while processes are killed at random.")
    parser.add_argument("--seed", type=int, default=20261121, help="draws the victims and the moments")
    parser.add_argument("--pause", type=float, default=3.5, help="seconds between two kills, on average")
    parser.add_argument("--at-once", type=int, default=4, help="tasks that run at the same time")
    parser.add_argument("--model-seconds", type=float, default=0.8, help="how long every other model call takes")
    parser.add_argument("--model-faults", type=float, default=0.0, help="share of model requests that go wrong")
    parser.add_argument("--own", action="store_true", help="play the tests' own tasks")
    parser.add_argument("--limit", type=int, default=None, help="play only so many tasks")
    parser.add_argument("--json", type=Path, default=_RESULTS, help="the file for the figures")
    return parser.parse_args()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    run_guarded(main)
