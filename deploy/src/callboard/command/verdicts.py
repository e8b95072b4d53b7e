"""How verdicts are shown: what breaks is loud, what is compatible is quiet."""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Final, cast

import typer

from callboard.command.terminal import print_result

if TYPE_CHECKING:
    from callboard_registry_api.verdicts import Finding, Verdict

BREAKING: Final = 2
"""The exit code for a change that breaks someone."""

UNKNOWN: Final = 3
"""The exit code for a change of which it could not be decided whether it does."""


def exit_code(verdict: "Verdict") -> int:
    """Return the exit code of a command whose answer is this verdict."""
    return {"compatible": 0, "incompatible": BREAKING}.get(verdict.answer, UNKNOWN)


def print_verdict(verdict: "Verdict", *, indent: str = "") -> None:
    """Print a verdict for people, with colours where there is a terminal."""
    colour = {"incompatible": "red", "unknown": "yellow"}.get(verdict.answer)
    for line in verdict_lines(verdict):
        loud = sys.stdout.isatty() and not line.startswith("  warning") and colour is not None
        print_result(typer.style(indent + line, fg=colour, bold=True) if loud else indent + line)


def verdict_lines(verdict: "Verdict") -> Iterator[str]:
    """Yield a verdict line by line, for people."""
    yield _headline(verdict)
    for finding in verdict.findings:
        where = " ".join(filter(None, (finding.rule, finding.pointer)))
        yield f"  {finding} [{where}]"
        if finding.counterexample:
            yield f"    for example {finding.counterexample}"
    for warning in verdict.warnings:
        yield f"  warning: {warning} [{warning.rule}]"
    for team in verdict.affected:
        yield f"  concerns {team}"
    if verdict.override is not None:
        override = verdict.override
        yield f"  approved all the same by {override.author} on {override.at:%Y-%m-%d}: {override.reason}"


def verdict_data(verdict: "Verdict") -> dict[str, object]:
    """Return a verdict for programs."""
    override = verdict.override
    return {
        "verdict": verdict.answer,
        "revision": verdict.revision,
        "next_service": verdict.next_service,
        "bases": list(verdict.bases),
        "level": verdict.level,
        "strict": verdict.strict,
        "findings": [_finding_data(each) for each in verdict.findings],
        "warnings": [_finding_data(each) for each in verdict.warnings],
        "override": override and {"author": override.author, "reason": override.reason, "at": override.at.isoformat()},
        "affected": [
            {**asdict(each), "last": None if each.last is None else each.last.isoformat()} for each in verdict.affected
        ],
    }


def _headline(verdict: "Verdict") -> str:
    if verdict.answer == "incompatible":
        return f"incompatible: it breaks callers; publish it as {verdict.next_service}, or take that back"
    with_number = f", revision {verdict.revision}" if verdict.revision else ""
    if verdict.answer == "unknown":
        return f"unknown{with_number}: it could not be decided whether it breaks callers"
    return f"compatible{with_number}" + ("" if verdict.bases else ": there is nothing in force that it could break")


def _finding_data(finding: "Finding") -> dict[str, object]:
    data = cast("dict[str, object]", asdict(finding))
    # A document may be null, so that its member is there only when there is one.
    written = data.pop("counterexample")
    return {**data, "counterexample": json.loads(str(written))} if written else data
