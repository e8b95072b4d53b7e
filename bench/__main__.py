"""Runs the benchmarks: `python -m bench [--quick] [--only PART] [--rounds N]`.

The tables go to stdout, progress to stderr, everything to `bench-results/<date>.json`. Ends with 1 when a figure
misses its bar, but for a quick look, and with 130 when it was stopped; what was known by then is shown and kept.
"""

import argparse
import asyncio
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

from bench import growth, imports, locks, loop, overhead, streaming
from bench.answer import Answer
from bench.console import measures as console_pages
from bench.machine import this_machine
from bench.processes import BenchError
from bench.progress import Progress
from bench.registry import measures as registry
from callboard_kit.process import INTERRUPTED, run_guarded

PARTS: Final = ("imports", "registry", "console", "plugin", "loop", "locks", "streams", "size")
RESULTS: Final = Path("bench-results")


@dataclass(frozen=True)
class Plan:
    """What is run, and for how long."""

    parts: tuple[str, ...]
    rounds: int
    """Of everything that is judged."""

    rounds_on_defaults: int
    """On Temporal's default settings, which are several times slower and not judged."""

    imports: int
    quick: bool


def _plan() -> Plan:
    parser = argparse.ArgumentParser(prog="python -m bench", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a look in a few minutes: 4 rounds, wide intervals")
    parser.add_argument("--only", choices=PARTS, action="append", help="run this part only; may be given twice")
    parser.add_argument("--rounds", type=int, help="rounds of everything that is judged (20, or 4 with --quick)")
    arguments = parser.parse_args()
    rounds: int = arguments.rounds or (4 if arguments.quick else 20)
    if rounds < 1:
        parser.error(f"--rounds is {rounds}; at least one is needed")
    return Plan(
        parts=tuple(arguments.only or PARTS),
        rounds=rounds,
        rounds_on_defaults=min(rounds, 2 if arguments.quick else 8),
        imports=5 if arguments.quick else 15,
        quick=arguments.quick,
    )


async def _run(plan: Plan, home: Path, answer: Answer, progress: Progress) -> None:
    if "imports" in plan.parts:
        progress.say("imports: starting fresh processes")
        answer.imports = await imports.measure(plan.imports)
    if "registry" in plan.parts:
        lines = registry.measure(home / "registry", rounds=plan.rounds, progress=progress)
        await answer.take(lines, progress=progress)
    if "console" in plan.parts:
        lines = console_pages.measure(home / "console", rounds=plan.rounds, progress=progress)
        await answer.take(lines, progress=progress)
    if "plugin" in plan.parts:
        for tuned, rounds in ((True, plan.rounds), (False, plan.rounds_on_defaults)):
            folder = home / ("tuned" if tuned else "default")
            lines = overhead.measure(folder, tuned=tuned, rounds=rounds, progress=progress)
            await answer.take(lines, progress=progress)
    if "loop" in plan.parts:
        await answer.take(loop.measure(home / "loop", rounds=plan.rounds, progress=progress), progress=progress)
    if "locks" in plan.parts:
        await answer.take(locks.measure(home / "locks", rounds=plan.rounds, progress=progress), progress=progress)
    if "streams" in plan.parts:
        lines = streaming.measure(home / "streams", rounds=plan.rounds, progress=progress)
        await answer.take(lines, progress=progress)
    if "size" in plan.parts:
        lines = growth.measure(home / "size", rounds=plan.rounds, progress=progress)
        await answer.take(lines, progress=progress)


async def _run_unless_stopped(plan: Plan, home: Path, answer: Answer, progress: Progress) -> bool:
    """Run everything; False when told to stop, after the blocks that stop processes have ended."""
    work = asyncio.create_task(_run(plan, home, answer, progress))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, work.cancel)
    try:
        await work
    except asyncio.CancelledError:
        return False
    return True


def main() -> int:
    """Run what the command line asks for; return the exit code."""
    plan, progress, began = _plan(), Progress(), time.monotonic()
    home = Path(tempfile.mkdtemp(prefix="callboard-bench-"))
    answer = Answer(machine=this_machine(), quick=plan.quick)
    try:
        answer.complete = asyncio.run(_run_unless_stopped(plan, home, answer, progress))
    except BenchError as error:
        sys.stderr.write(f"bench: {error}\n")
        return 1
    finally:
        shutil.rmtree(home, ignore_errors=True)
    path = answer.save(RESULTS)
    console = Console(width=None if sys.stdout.isatty() else 160)
    answer.show(console)
    took = (time.monotonic() - began) / 60
    console.print(f"\n{path}, {took:.1f} minutes", highlight=False)
    if answer.missed:
        console.print(f"bench: {len(answer.missed)} missed: {'; '.join(answer.missed)}", style="bold red")
    if not answer.complete:
        console.print("bench: stopped before the end; these are the figures that were known by then")
        return INTERRUPTED
    if plan.quick:
        console.print("bench: a quick look; so few rounds judge nothing")
        return 0
    if answer.missed:
        return 1
    console.print("bench: every figure is within its bar")
    return 0


if __name__ == "__main__":
    run_guarded(main)
