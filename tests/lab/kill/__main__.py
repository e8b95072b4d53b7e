"""Kill this, see that: `python -m tests.lab.kill 3`, or without a number all of them.

Prints what was killed and what was seen, and counts model calls that were made again after they had finished, effects
that happened twice, and results that were lost. Exit code 0 when all three are 0; 1 otherwise.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from callboard_kit.process import run_guarded
from tests.lab.kill.scene import Findings
from tests.lab.kill.scenes import NUMBERS, play
from tests.playing.stage import standing

_RESULTS: Final = Path(__file__).resolve().parents[3] / "bench-results" / "kill.json"


def main() -> int:
    """Play the numbers that are asked for."""
    options = _options()
    found = asyncio.run(_play(options.number or list(NUMBERS), short=options.short))
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps([asdict(each) for each in found], indent=1) + "\n", encoding="utf-8")
    passed = all(each.passed for each in found)
    _say(
        f"kill: {len(found)} numbers, {sum(each.model_calls for each in found)} model calls finished,"
        f" {sum(len(each.repeated) for each in found)} repeated; {sum(each.effects for each in found)} effects,"
        f" {sum(len(each.twice) for each in found)} twice; {sum(each.results for each in found)} results,"
        f" {sum(len(each.lost) for each in found)} lost: {'passed' if passed else 'FAILED'} ({options.json})"
    )
    return 0 if passed else 1


async def _play(numbers: Sequence[int], *, short: bool) -> list[Findings]:
    found: list[Findings] = []
    with tempfile.TemporaryDirectory(prefix="callboard-kill-") as folder:
        async with standing(Path(folder)) as stage:
            for number in numbers:
                found.append(await play(stage, number, short=short))
                for line in [*found[-1].lines(), f"   in {found[-1].seconds:.1f} s", ""]:
                    _say(line)
    return found


def _options() -> argparse.Namespace:
    lines = (f"{number}  {title}" for number, (title, _) in NUMBERS.items())
    parser = argparse.ArgumentParser(
        prog="tests.lab.kill",
        description="Kill this, see that.\n\n" + "\n".join(lines),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("number", nargs="*", type=int, help="which; all of them if none is named")
    parser.add_argument("--short", action="store_true", help="as in the tests: a shorter answer, fewer kills")
    parser.add_argument("--json", type=Path, default=_RESULTS, help="the file for the figures")
    options = parser.parse_args()
    if unknown := [each for each in options.number if each not in NUMBERS]:
        parser.error(f"there is no number {unknown[0]}; there are 1 to {len(NUMBERS)}")
    return options


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    run_guarded(main)
