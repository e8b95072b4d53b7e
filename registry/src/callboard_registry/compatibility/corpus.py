"""Judging a collection of schema pairs whose verdict is known from elsewhere, as a table.

    python -m callboard_registry.compatibility.corpus FILE [--cases]

Each row of the file is `{"source", "id", "draft", "old", "new", "backward", "oracle"}`. Its `oracle` says what a search
over generated documents found: a counterexample (then `backward_counterexample` holds it), or none. What the source
says is *supported* if it is compatible and no counterexample was found, or incompatible and one was.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from callboard_registry.compatibility.comparing import compare
from callboard_registry.compatibility.documents import DRAFT_NAMES, Draft, names_draft
from callboard_registry.compatibility.verdicts import Answer, Verdict

_SUPPORTED: Final = ("compatible,no-counterexample", "incompatible,counterexample")
_TITLES: Final = (
    *("source", "cases", "supported", "as source", "otherwise", "unknown", "share", "unsound", "median ms", "p99 ms"),
)


@dataclass(frozen=True)
class Case:
    """One pair of the collection."""

    source: str
    name: str
    old: object
    new: object
    old_draft: Draft | None
    new_draft: Draft | None
    says: bool | None
    """Whether the source holds the pair to be compatible."""
    supported: bool
    broken: bool
    """Whether a counterexample is known."""


@dataclass(frozen=True)
class Judged:
    """A case and what was made of it."""

    case: Case
    verdict: Verdict
    seconds: float

    @property
    def agrees(self) -> bool:
        """Whether it was decided as the source says."""
        wanted = Answer.COMPATIBLE if self.case.says else Answer.INCOMPATIBLE
        return self.verdict.answer is wanted

    @property
    def unsound(self) -> bool:
        """Whether it was called compatible though a counterexample is known."""
        return self.case.broken and self.verdict.answer is Answer.COMPATIBLE


def load(path: Path) -> list[Case]:
    """Read a collection."""
    rows = cast(list[Mapping[str, object]], json.loads(path.read_text(encoding="utf-8")))
    return [_case(row) for row in rows]


def _case(row: Mapping[str, object]) -> Case:
    drafts = [None if names_draft(row[side]) else DRAFT_NAMES.get(str(row.get("draft"))) for side in ("old", "new")]
    return Case(
        source=str(row["source"]),
        name=str(row["id"]),
        old=row["old"],
        new=row["new"],
        old_draft=drafts[0],
        new_draft=drafts[1],
        says=cast("bool | None", row["backward"]),
        supported=row["oracle"] in _SUPPORTED,
        broken="backward_counterexample" in row,
    )


def judge(cases: Iterable[Case]) -> list[Judged]:
    """Compare each pair, and say how long it took."""
    judged: list[Judged] = []
    for case in cases:
        start = time.perf_counter()
        verdict = compare(case.old, case.new, old_draft=case.old_draft, new_draft=case.new_draft)
        judged.append(Judged(case, verdict, time.perf_counter() - start))
    return judged


def table(judged: Sequence[Judged]) -> str:
    """Return the counts for each source, and for all, as text."""
    rows: list[tuple[str, ...]] = [_TITLES]
    sources = dict.fromkeys(each.case.source for each in judged)
    groups = [(source, [each for each in judged if each.case.source == source]) for source in sources]
    for name, group in [*groups, ("all", list(judged))]:
        supported = [each for each in group if each.case.supported]
        agreed = sum(each.agrees for each in supported)
        unknown = sum(each.verdict.answer is Answer.UNKNOWN for each in supported)
        times = sorted(each.seconds * 1000 for each in group)
        rows.append(
            (
                name,
                str(len(group)),
                str(len(supported)),
                str(agreed),
                str(len(supported) - agreed - unknown),
                str(unknown),
                f"{100 * agreed / max(1, len(supported)):.1f} %",
                str(sum(each.unsound for each in group)),
                f"{times[len(times) // 2]:.2f}",
                f"{times[min(len(times) - 1, int(len(times) * 0.99))]:.2f}",
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(_TITLES))]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table of a file; with `--cases` also each case that was not decided as its source says."""
    parser = argparse.ArgumentParser(description="Judge a collection of schema pairs.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--cases", action="store_true", help="also list what was not decided as the source says")
    options = parser.parse_args(arguments)
    judged = judge(load(cast(Path, options.file)))
    sys.stdout.write(table(judged) + "\n")
    if options.cases:
        for each in judged:
            if not each.agrees:
                reason = each.verdict.findings[0].sentence if each.verdict.findings else "proved"
                support = "supported" if each.case.supported else "not supported"
                sys.stdout.write(f"{each.case.source} {each.case.name} ({support}): {each.verdict.answer}: {reason}\n")
    return 1 if any(each.unsound for each in judged) else 0


if __name__ == "__main__":
    sys.exit(main())
