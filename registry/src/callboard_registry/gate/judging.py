"""Judging a revision against those in force, and saying it in the registry's words."""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from callboard_contracts import ServiceDescription
from callboard_contracts.changes import PromiseChange
from callboard_registry.compatibility import Answer, Budget, ListingVerdict, SchemaChange, compare_listings
from callboard_registry.compatibility import Finding as SchemaFinding
from callboard_registry.gate.levels import Strictness
from callboard_registry.gate.numbers import next_service
from callboard_registry_api.verdicts import Answer as AnswerWord
from callboard_registry_api.verdicts import Finding, Verdict

BUDGET: Final = Budget(seconds=2.0)
"""For one revision against all that it is compared with. A client waits five seconds for an answer."""

MOST_FINDINGS: Final = 50
"""Of each kind, that are kept; whoever mends these will be shown the next."""

LONGEST_COUNTEREXAMPLE: Final = 4_000
"""Characters; a longer document says no more to a person than the sentence."""

_WORDS: Final[dict[Answer, AnswerWord]] = {
    Answer.COMPATIBLE: "compatible",
    Answer.INCOMPATIBLE: "incompatible",
    Answer.UNKNOWN: "unknown",
}


@dataclass(frozen=True)
class Base:
    """A revision whose callers are to be kept."""

    digest: str
    description: ServiceDescription


def judged(bases: Sequence[Base], new: ServiceDescription, strictness: Strictness, budget: Budget = BUDGET) -> Verdict:
    """Say what would become of the callers of `bases`, the newest first, if `new` took their place."""
    deadline = time.monotonic() + budget.seconds
    answers: set[Answer] = set()
    findings: dict[object, Finding] = {}
    warnings: dict[object, Finding] = {}
    for base in bases:
        left = replace(budget, seconds=max(0.0, deadline - time.monotonic()))
        verdict = compare_listings(base.description, new, left, strict=strictness.strict)
        answers.add(verdict.answer)
        # What breaks callers of several revisions is said once, of the newest.
        for finding in _findings(verdict, base.digest):
            findings.setdefault(replace(finding, base=""), finding)
        for warning in _warnings(verdict, base.digest):
            warnings.setdefault(replace(warning, base=""), warning)
    worst = next((each for each in (Answer.INCOMPATIBLE, Answer.UNKNOWN) if each in answers), Answer.COMPATIBLE)
    return Verdict(
        answer=_WORDS[worst],
        bases=tuple(base.digest for base in bases),
        level=strictness.level,
        strict=strictness.strict,
        findings=tuple(findings.values())[:MOST_FINDINGS],
        warnings=tuple(warnings.values())[:MOST_FINDINGS],
        next_service=next_service(new.service) if worst is Answer.INCOMPATIBLE else "",
        judged=datetime.now(UTC),
    )


def _findings(verdict: ListingVerdict, base: str) -> Iterator[Finding]:
    """Yield what breaks, then what could not be decided."""
    yield from (_of_promise(change, base) for change in verdict.promises if change.breaks)
    undecided: list[Finding] = []
    for change in verdict.schemas:
        breaks = change.verdict.answer is Answer.INCOMPATIBLE
        found = [_of_schema(change, finding, base) for finding in change.verdict.findings]
        if breaks:
            yield from found
        else:
            undecided += found
    yield from undecided


def _warnings(verdict: ListingVerdict, base: str) -> Iterator[Finding]:
    yield from (_of_promise(change, base) for change in verdict.promises if not change.breaks)
    for change in verdict.schemas:
        for notice in change.verdict.notices:
            yield Finding(
                operation=change.operation,
                part=change.part,
                rule=notice.rule,
                place=notice.place,
                sentence=notice.sentence,
                base=base,
            )


def _of_promise(change: PromiseChange, base: str) -> Finding:
    return Finding(
        operation=change.operation,
        part="promise" if change.operation else "service",
        rule=change.rule,
        pointer=change.pointer,
        sentence=change.sentence,
        base=base,
    )


def _of_schema(change: SchemaChange, finding: SchemaFinding, base: str) -> Finding:
    written = json.dumps(finding.counterexample, ensure_ascii=False) if finding.has_counterexample else ""
    return Finding(
        operation=change.operation,
        part=change.part,
        rule=finding.rule,
        pointer=finding.pointer,
        place=finding.place,
        sentence=finding.sentence,
        counterexample=written if len(written) <= LONGEST_COUNTEREXAMPLE else "",
        base=base,
    )
