"""Play the tasks while a fifth of all model calls go wrong: `python -m tests.lab.faulting`.

The provider says 429 with a `Retry-After`, or 500; it sends nothing until nobody waits any more; it cuts its stream, or
ends it too early; what it writes is no JSON, or breaks the tool's schema. Exit code 0 when every task ends as its
reference says all the same, no effect happened twice or not at all, and no finished model call was made again.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from callboard_kit.process import run_guarded
from tests.lab import report
from tests.lab.trial import Trial
from tests.playing.stage import standing
from tests.playing.tasks import own, retail

KINDS: Final = (
    "rate_limited",
    "server_error",
    "malformed_arguments",
    "broken_stream",
    "ended_stream",
    "silent",
    "misfit_arguments",
)
"""What goes wrong, each as often as any other."""

SILENCE: Final = 1.5
"""Seconds after which a worker of this lab gives up a silent provider."""

ENVIRONMENT: Final = {"CALLBOARD_MODEL_SILENCE": str(SILENCE)}


def plan(*, seed: int, share: float) -> dict[str, Any]:
    """Return a plan for the offline model by which `share` of all requests go wrong, each kind as often."""
    # Each is drawn by itself, in turn, until one strikes.
    each = 1 - (1 - share) ** (1 / len(KINDS))
    return {
        "seed": seed,
        "rates": dict.fromkeys(KINDS, each),
        "retry_after_seconds": 0.5,
        "silent_seconds": 2 * SILENCE,
    }


def struck(requests: Sequence[Mapping[str, Any]]) -> Mapping[str, int]:
    """Return how often each fault struck."""
    return Counter(each["fault"] for each in requests if each.get("fault"))


def main() -> int:
    """Play them all once, and say how it went."""
    parser = argparse.ArgumentParser(prog="tests.lab.faulting", description="Plays the tasks with a faulty model.")
    parser.add_argument("--seed", type=int, default=20261122, help="draws the faults")
    parser.add_argument("--share", type=float, default=0.2, help="share of model requests that go wrong")
    parser.add_argument("--at-once", type=int, default=4, help="tasks that run at the same time")
    parser.add_argument("--own", action="store_true", help="play the tests' own tasks")
    parser.add_argument("--limit", type=int, default=None, help="play only so many tasks")
    return asyncio.run(_play(parser.parse_args()))


async def _play(options: argparse.Namespace) -> int:
    tasks = own() if options.own else retail() or own()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="callboard-faulting-") as folder:
        async with standing(Path(folder), say=_say, environment=ENVIRONMENT) as stage:
            faults = plan(seed=options.seed, share=options.share)
            (await stage.model.put("/offline/faults", json=faults)).raise_for_status()
            trial = Trial(stage, tasks, at_once=options.at_once, say=_say)
            findings = await trial.play(tasks.tasks[: options.limit])
            found = report.document(findings, await trial.traces(), [], settings={"seed": options.seed})
            requests = await stage.requests()
    for task, wrong in found["wrong"].items():
        _say(f"wrong: task {task or 'unknown'}: {'; '.join(wrong)[:2000]}")
    hit = struck(requests)
    kinds = ", ".join(f"{kind} {hit[kind]}" for kind in KINDS)
    _say(f"faults: {sum(hit.values())} of {len(requests)} model requests went wrong ({kinds})")
    passed = report.passed(found)
    _say(
        f"faulting: {found['right']} of {found['tasks']} tasks right, effects {len(found['effects_twice'])} twice and"
        f" {len(found['effects_lost'])} lost, {len(found['model_calls_repeated'])} finished model calls made again, in"
        f" {time.monotonic() - began:.0f} s: {'passed' if passed else 'FAILED'}"
    )
    return 0 if passed else 1


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    run_guarded(main)
