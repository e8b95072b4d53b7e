"""Change the same few records from many sides while workers are killed: `python -m tests.lab.contention`.

Exit code 0 when the records are those of some serial order, nothing was lost, nothing happened twice, no lock is left
standing, and the same without locks loses updates; 1 otherwise.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Final

from callboard_kit.process import run_guarded
from tests.lab.contention.trial import Findings, Plan, run

_RESULTS: Final = Path(__file__).resolve().parents[3] / "bench-results" / "contention.json"


def main() -> int:
    """Run the trial with locks and a smaller one without."""
    options = _options()
    plan = Plan(agents=options.agents, changes=options.changes, seed=options.seed)
    locked = _run(plan)
    loose = _run(replace(plan, changes=max(plan.agents, plan.changes // 5), locks=False, pause=None))
    options.json.parent.mkdir(parents=True, exist_ok=True)
    document = {"with_locks": locked.document(), "without_locks": loose.document()}
    options.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    for line in [*locked.lost_updates, *locked.faults, *locked.standing][:20]:
        _say(f"wrong: {line}")
    ok = not (locked.lost_updates or locked.faults or locked.standing) and bool(loose.lost_updates)
    kills = sum(locked.kills.values())
    _say(
        f"contention: {len(locked.changes)} changes by {plan.agents} agents under {kills} kills in "
        f"{locked.seconds:.0f} s: {len(locked.lost_updates)} updates lost, {len(locked.faults)} faults; without locks "
        f"{len(loose.lost_updates)} of {2 * len(loose.changes)} writes lost another: {'passed' if ok else 'FAILED'} "
        f"({options.json})"
    )
    return 0 if ok else 1


def _run(plan: Plan) -> Findings:
    with tempfile.TemporaryDirectory(prefix="callboard-contention-") as folder:
        _say(f"{plan.changes} changes, locks {'on' if plan.locks else 'off'}; seed {plan.seed}")
        findings = asyncio.run(run(Path(folder), plan, say=_say))
    _say(f"  {json.dumps(findings.document())}")
    return findings


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.lab.contention", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--agents", type=int, default=50, help="how many, spread over five teams")
    parser.add_argument("--changes", type=int, default=1000, help="how many, all agents together")
    parser.add_argument("--seed", type=int, default=20261122, help="draws the changes, the victims and the moments")
    parser.add_argument("--json", type=Path, default=_RESULTS, help="the file for the figures")
    return parser.parse_args()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    run_guarded(main)
