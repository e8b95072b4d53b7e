"""Try builds beside the one that serves: `python -m tests.lab.trying`.

Exit code 0 when the roots were dealt out within what chance allows and none met two builds, the build that fails 30 %
was shown to fail more by an interval that does not hold 0, and a candidate with other instructions was seen to answer
otherwise in every copy, and to agree in all else; 1 otherwise.
"""

import argparse
import asyncio
import sys

from callboard_kit.process import run_guarded
from callboard_kit.rollouts.intervals import Estimate
from callboard_kit.trials.reporting import ExperimentReport
from callboard_kit.trials.shadow import ShadowReport
from tests.lab.trying.trial import desks


def main() -> int:
    """Run both trials once."""
    options = _options()
    report, shadow = asyncio.run(_run(options))
    wrong = [*_faults(report, options.roots), *_shadow_faults(shadow, options.copies)]
    for line in wrong:
        _say(f"wrong: {line}")
    failures = next(each for each in report.effects if each.metric == "failures")
    more = failures.more or Estimate(0, 0, 0)
    _say(
        f"trying: {report.a.units} roots to a, {report.b.units} to b;"
        f" b fails {more.value:.2f} more of them ({more.low:.2f} to {more.high:.2f}), h = {failures.size or 0:.2f};"
        f" {shadow.compared} copies compared, {shadow.agreed} agreed: {'FAILED' if wrong else 'passed'}"
    )
    return 1 if wrong else 0


async def _run(options: argparse.Namespace) -> tuple[ExperimentReport, ShadowReport]:
    async with desks("old", "bad", "new") as mesh:
        _say(f"{options.roots} roots that ask twice, {options.share:g} % of them for a build that fails 30 %")
        report = await mesh.experiment(options.roots, share=options.share)
        _say(f"{options.copies} calls that another build does as well")
        return report, await mesh.shadow(options.copies, candidate="new")


def _faults(report: ExperimentReport, roots: int) -> list[str]:
    verdicts = {each.metric: each.verdict for each in report.effects}
    found: list[str] = []
    if report.a.units + report.b.units != roots or report.misplaced:
        found.append(f"{report.misplaced} roots met two builds, {report.a.units + report.b.units} one")
    if not report.dealt_fairly:
        found.append(f"b got {report.b.units} of {roots} roots")
    if verdicts["failures"] != "b has more" or verdicts["success"] != "b has less":
        found.append(f"the bad build was not told from the good one: {verdicts}")
    if verdicts["refusals"] != "no difference shown":
        found.append(f"a difference was shown where there is none: {verdicts}")
    return found


def _shadow_faults(shadow: ShadowReport, copies: int) -> list[str]:
    found: list[str] = []
    if (shadow.compared, shadow.skipped) != (copies, 0):
        found.append(f"{shadow.compared} of {copies} copies were compared, {shadow.skipped} not")
    if shadow.agreed or set(shadow.pointers) != {"/answer/answer"}:
        found.append(f"other instructions give other words and nothing else, but copies differ in {shadow.pointers}")
    if shadow.same_effects != shadow.compared or shadow.effects:
        found.append("copies had effects that the real runs had not")
    return found


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.lab.trying", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--roots", type=int, default=200, help="how many trees of calls")
    parser.add_argument("--share", type=float, default=30.0, help="of them, in per cent, for the bad build")
    parser.add_argument("--copies", type=int, default=40, help="calls that the shadow copies")
    return parser.parse_args()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    run_guarded(main)
