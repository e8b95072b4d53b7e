"""Change the build of an agent while its runs go on: `python -m tests.lab.rolling`.

Exit code 0 when no run failed, none changed its build, every share was what was set, within what chance allows, and a
build that fails 30 % was rolled back within its first 50 runs; 1 otherwise.
"""

import argparse
import asyncio
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Final

from callboard_kit.process import run_guarded
from tests.lab.rolling.trial import Findings, change_builds, mesh_of_builds, ramp_a_bad_build

MOST_BAD: Final = 50
_RESULTS: Final = Path(__file__).resolve().parents[3] / "bench-results" / "rolling.json"


def main() -> int:
    """Run both trials once."""
    options = _options()
    changed, rolled_back = asyncio.run(_run(options))
    options.json.parent.mkdir(parents=True, exist_ok=True)
    document = {"changing_builds": asdict(changed), "a_bad_build": asdict(rolled_back)}
    options.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    wrong = [*changed.faults(), *rolled_back.faults()]
    if rolled_back.ending != "rolled back" or rolled_back.bad_runs > MOST_BAD:
        wrong.append(f"the bad build began {rolled_back.bad_runs} runs and was {rolled_back.ending}")
    for line in wrong[:20]:
        _say(f"wrong: {line}")
    shares = ", ".join(f"{name} {new} of {every}" for name, (new, every) in changed.shares.items())
    _say(
        f"rolling: {changed.asked} runs in {changed.seconds:.0f} s, {changed.approved} of which waited for a person,"
        f" {len(changed.failed)} failed,"
        f" {len(changed.wandered)} changed their build ({shares}); the bad build was {rolled_back.ending} after"
        f" {rolled_back.bad_runs} of its runs: {'FAILED' if wrong else 'passed'} ({options.json})"
    )
    return 1 if wrong else 0


async def _run(options: argparse.Namespace) -> tuple[Findings, Findings]:
    async with mesh_of_builds() as rolling:
        _say(f"{options.runs} runs, half of which wait for a person, while two builds change places")
        changed = await change_builds(rolling, options.runs, say=_say)
    async with mesh_of_builds() as rolling:
        _say(f"a build that fails 30 % of its runs, ramped by itself from {options.percent:g} %")
        return changed, await ramp_a_bad_build(rolling, percent=options.percent, at_once=6, say=_say)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.lab.rolling", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=200, help="how many, half of which wait for a person")
    parser.add_argument("--percent", type=float, default=10.0, help="the share that the bad build begins with")
    parser.add_argument("--json", type=Path, default=_RESULTS, help="the file for the figures")
    return parser.parse_args()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    run_guarded(main)
