"""`callboard contracts check` and `compare`: would a change break anyone?

`check` ends with 0 if nothing breaks, 2 if something does, and 3 if that could not be decided.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, cast

import typer

from callboard.command.terminal import print_json, print_result
from callboard.failures import CommandError

if TYPE_CHECKING:
    from callboard_registry.compatibility import Finding, ListingVerdict, Verdict

BREAKING: Final = 2
"""The exit code for a change that breaks someone."""

UNKNOWN: Final = 3
"""The exit code for a change of which it could not be decided whether it does."""


def check(
    what: Annotated[str, typer.Argument(metavar="SERVICE_OR_FILE", help="What is new: orders.v1, or a listing.")],
    *,
    against: Annotated[Path, typer.Option("--against", metavar="FILE", help="The listing that is in use.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Say what would break for those who call the listing that is in use."""
    from callboard_registry.compatibility import compare_listings

    new, old = _listing(what), _listing_file(against)
    if new.get("service") != old.get("service"):
        raise CommandError(f"{what!r} is {new.get('service')!r}, {str(against)!r} is {old.get('service')!r}: no match")
    try:
        verdict = compare_listings(old, new)
    except ValueError as error:
        raise CommandError(f"{what!r} or {str(against)!r} is no listing: {str(error).partition(chr(10))[0]}") from error
    if as_json:
        print_json({"service": new.get("service"), **_as_data(verdict)})
    else:
        for line in _lines(verdict):
            print_result(line)
    return {"compatible": 0, "incompatible": BREAKING}.get(verdict.answer, UNKNOWN)


def compare(
    *,
    batch: Annotated[Path, typer.Option("--batch", metavar="FILE", help="Rows of JSON, one on each line; - is stdin.")],
) -> None:
    """Compare pairs of schemas: rows of id, old, new and direction; answers are rows of id, verdict and why.

    A direction is backward (every document of the old schema is one of the new), forward, input or output.
    """
    for row in _rows(batch):
        sys.stdout.write(json.dumps(_answer(row), ensure_ascii=False) + "\n")


def _rows(batch: Path) -> Iterator[Mapping[str, object]]:
    if str(batch) != "-" and not batch.is_file():
        raise CommandError(f"there is no file {str(batch)!r}")
    lines = sys.stdin if str(batch) == "-" else batch.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row: object = json.loads(line)
        except ValueError as error:
            raise CommandError(f"line {number} of {str(batch)!r} is not JSON: {error}") from error
        if not isinstance(row, dict) or not {"old", "new"} <= cast("dict[str, object]", row).keys():
            raise CommandError(f"line {number} of {str(batch)!r} is no object with 'old' and 'new'")
        yield cast(Mapping[str, object], row)


def _answer(row: Mapping[str, object]) -> dict[str, object]:
    from callboard_registry.compatibility import DIRECTIONS, Direction, compare
    from callboard_registry.compatibility.documents import DRAFT_NAMES, names_draft

    direction: Direction | None = next((each for each in DIRECTIONS if each == row.get("direction", "backward")), None)
    if direction is None:
        raise CommandError(f"there is no direction {row.get('direction')!r}; there are {', '.join(DIRECTIONS)}")
    old, new = row["old"], row["new"]
    # A row may say which draft schemas are of that do not say so themselves.
    draft = DRAFT_NAMES.get(str(row.get("draft")))
    verdict = compare(
        old,
        new,
        direction,
        old_draft=None if names_draft(old) else draft,
        new_draft=None if names_draft(new) else draft,
    )
    first = verdict.findings[0] if verdict.findings else None
    return {
        "id": row.get("id"),
        "verdict": verdict.answer.value,
        "rule": first.rule if first else None,
        "pointer": first.pointer if first else None,
        "counterexample": first.counterexample if first else None,
    }


def _listing(what: str) -> dict[str, object]:
    from callboard_contracts import describe, services

    if Path(what).is_file():
        return _listing_file(Path(what))
    if what not in services:
        raise CommandError(f"{what!r} is neither a file nor a service; there are {', '.join(services)}")
    return describe(services[what]).model_dump(mode="json")


def _listing_file(path: Path) -> dict[str, object]:
    if not path.is_file():
        raise CommandError(f"there is no file {str(path)!r}")
    try:
        document: object = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CommandError(f"{str(path)!r} is not JSON: {error}") from error
    if not isinstance(document, dict) or "operations" not in document:
        raise CommandError(f"{str(path)!r} is no listing: it has no 'operations'")
    return cast("dict[str, object]", document)


def _as_data(verdict: "ListingVerdict") -> dict[str, object]:
    return {
        "verdict": verdict.answer.value,
        "promises": [vars(change) for change in verdict.promises],
        "schemas": [
            {
                "operation": change.operation,
                "part": change.part,
                "verdict": change.verdict.answer.value,
                "findings": [_finding_data(finding) for finding in change.verdict.findings],
                "dropped": list(change.verdict.dropped),
            }
            for change in verdict.schemas
        ],
    }


def _finding_data(finding: "Finding") -> dict[str, object]:
    data: dict[str, object] = {
        "rule": finding.rule,
        "pointer": finding.pointer,
        "place": finding.place,
        "sentence": finding.sentence,
    }
    return {**data, "counterexample": finding.counterexample} if finding.has_counterexample else data


def _lines(verdict: "ListingVerdict") -> Iterator[str]:
    yield f"{verdict.answer}"
    for promise in verdict.promises:
        yield f"  {promise.operation or 'the service'}: {promise.sentence}" + ("" if promise.breaks else " (warning)")
    for change in verdict.schemas:
        for line in _change_lines(change.verdict):
            yield f"  {change.operation}, {change.part}: {line}"


def _change_lines(verdict: "Verdict") -> Iterator[str]:
    for finding in verdict.findings:
        yield f"{finding.sentence} [{finding.rule} {finding.pointer}]".replace(" ]", "]")
        if finding.has_counterexample:
            yield f"  for example {json.dumps(finding.counterexample, ensure_ascii=False)}"
    for notice in verdict.notices:
        yield f"{notice.sentence} (warning)"
