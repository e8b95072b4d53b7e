"""`callboard contracts check` and `compare`: would a change break anyone?

`check` ends with 0 if nothing breaks, 2 if something does, and 3 if that could not be decided.
"""

import asyncio
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from callboard.command.registry import open_registry
from callboard.command.terminal import print_json
from callboard.command.verdicts import exit_code, print_verdict, verdict_data
from callboard.failures import CommandError

if TYPE_CHECKING:
    from callboard_contracts import ServiceDescription
    from callboard_registry_api.verdicts import Level, Verdict


def check(
    what: Annotated[str, typer.Argument(metavar="SERVICE_OR_FILE", help="What is new: orders.v1, or a listing.")],
    *,
    against: Annotated[
        Path | None,
        typer.Option("--against", metavar="FILE", help="A listing that is in use, instead of what the registry holds."),
    ] = None,
    level: Annotated[
        str, typer.Option("--level", help="Compare with the 'last' in force or with 'all'; else as the registry does.")
    ] = "",
    strict: Annotated[
        bool, typer.Option("--strict", help="Take callers and service to send also what they do not declare.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Say what would break for those who call what is in force, or the listing in a file."""
    new = listing(what)
    if against is not None and level:
        raise CommandError("--level says which of the registry's revisions; leave it out with --against")
    if against is None:
        verdict = asyncio.run(_asked(new, level=_level(level), strict=strict or None))
    else:
        old = listing_in(against)
        if new.service != old.service:
            raise CommandError(f"{what!r} is {new.service!r}, {str(against)!r} is {old.service!r}: no match")
        verdict = compared(old, new, strict=strict)
    if as_json:
        print_json({"service": new.service, **verdict_data(verdict)})
    else:
        print_verdict(verdict)
    return exit_code(verdict)


async def _asked(new: "ServiceDescription", *, level: "Level | None", strict: bool | None) -> "Verdict":
    async with open_registry() as registry:
        return await registry.compatibility.compare(document=_document(new), level=level, strict=strict)


def compared(old: "ServiceDescription", new: "ServiceDescription", *, strict: bool = False) -> "Verdict":
    """Compare two listings here, without a registry."""
    from callboard_registry.compatibility import Budget
    from callboard_registry.gate.judging import Base, judged
    from callboard_registry.gate.levels import Strictness

    # Nobody waits for the answer but the person who asked.
    budget = Budget(seconds=30.0)
    return judged([Base(old.digest, old)], new, Strictness(strict=strict), budget)


def listing(what: str) -> "ServiceDescription":
    """Return the listing in a file, or that of a service whose contract is installed.

    Raises:
        CommandError: It is neither.
    """
    from callboard_contracts import describe, services

    if Path(what).is_file():
        return listing_in(Path(what))
    if what not in services:
        raise CommandError(f"{what!r} is neither a file nor a service; there are {', '.join(services)}")
    return describe(services[what])


def listing_in(path: Path) -> "ServiceDescription":
    """Return the listing in a file, with the digest that it has by what it says.

    Raises:
        CommandError: There is none.
    """
    from pydantic import ValidationError

    from callboard_contracts import ServiceDescription

    if not path.is_file():
        raise CommandError(f"there is no file {str(path)!r}")
    try:
        found = ServiceDescription.model_validate_json(path.read_bytes())
        return found.model_copy(update={"digest": found.observable_digest()})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        wrong = f"{where}: {first['msg']}" if where else first["msg"]
        raise CommandError(f"{str(path)!r} is no listing: {wrong}") from error
    except ValueError as error:
        raise CommandError(f"{str(path)!r} is no listing: {error}") from error


def _document(description: "ServiceDescription") -> bytes:
    return description.model_dump_json().encode()


def _level(word: str) -> "Level | None":
    from callboard_registry_api.verdicts import LEVELS

    if word and word not in LEVELS:
        raise CommandError(f"{word!r} is no level; the levels are {', '.join(LEVELS)}")
    return next((each for each in LEVELS if each == word), None)


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
