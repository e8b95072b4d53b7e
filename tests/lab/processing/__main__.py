"""Take many events through a processor while a worker is killed every few seconds: `python -m tests.lab.processing`.

Exit code 0 when every good event was handled exactly once and in its key's order, every poison one is among the dead
letters exactly once, and what was put back was handled exactly once as well; 1 otherwise.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Final

from callboard_kit.process import run_guarded
from tests.lab.processing.trial import Plan, run

_RESULTS: Final = Path(__file__).resolve().parents[3] / "bench-results" / "processing.json"


def main() -> int:
    """Run the trial once."""
    options = _options()
    plan = Plan(events=options.events, customers=max(1, options.events // 10), seed=options.seed)
    with tempfile.TemporaryDirectory(prefix="callboard-processing-") as folder:
        _say(f"{plan.events} events of {plan.customers} customers; seed {plan.seed}")
        findings = asyncio.run(run(Path(folder), plan, say=_say))
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(findings.document(), indent=1) + "\n", encoding="utf-8")
    for line in findings.faults[:20]:
        _say(f"wrong: {line}")
    dead = ", ".join(f"{count} because {reason!r}" for reason, count in findings.dead.items())
    kills = ", ".join(f"{name} {count}" for name, count in sorted(findings.kills.items()))
    _say(
        f"processing: {plan.events} events in {findings.seconds:.0f} s under {sum(findings.kills.values())} kills "
        f"({kills}): {findings.handled} handled once each in {findings.attempts} attempts, "
        f"{sum(findings.dead.values())} dead ({dead}), of which {findings.redriven} were handled once put back; "
        f"{len(findings.faults)} faults: {'FAILED' if findings.faults else 'passed'} ({options.json})"
    )
    return 1 if findings.faults else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.lab.processing", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--events", type=int, default=3000, help="how many")
    parser.add_argument("--seed", type=int, default=20261122, help="draws the events, the victims and the moments")
    parser.add_argument("--json", type=Path, default=_RESULTS, help="the file for the figures")
    return parser.parse_args()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    run_guarded(main)
