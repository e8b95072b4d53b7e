"""`callboard contracts diff`: what is different between two revisions, and what that does to callers."""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from callboard.command.comparing import compared, listing, listing_in
from callboard.command.registry import open_registry
from callboard.command.revisions import find_revision
from callboard.command.terminal import print_json, print_result
from callboard.command.verdicts import print_verdict, verdict_data
from callboard.failures import CommandError

if TYPE_CHECKING:
    from callboard_contracts import ServiceDescription
    from callboard_registry.compatibility import Difference
    from callboard_registry_api.verdicts import Verdict

_SIGNS = {"added": "+", "removed": "-", "changed": "~"}


@dataclass(frozen=True)
class _Side:
    """One of the two revisions."""

    name: str
    description: "ServiceDescription"


def diff(
    old: Annotated[str, typer.Argument(metavar="SERVICE_OR_FILE", help="A service, as in orders.v1, or a listing.")],
    new: Annotated[str, typer.Argument(metavar="[FILE]", help="A listing to compare the first one with.")] = "",
    *,
    since: Annotated[
        str, typer.Option("--from", help="A revision's number or digest; else the newest that is in force.")
    ] = "",
    to: Annotated[
        str, typer.Option("--to", help="A revision's number or digest; else the contract that is installed.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what is different between two revisions, and what that does to callers of the first."""
    from callboard_registry.compatibility import differences

    if new:
        if since or to:
            raise CommandError("--from and --to name revisions in the registry; leave them out with two files")
        before, after = _Side(old, listing_in(Path(old))), _Side(new, listing_in(Path(new)))
        if before.description.service != after.description.service:
            raise CommandError(
                f"{old!r} is {before.description.service!r}, {new!r} is {after.description.service!r}: no match"
            )
        verdict = compared(before.description, after.description)
    else:
        before, after, verdict = asyncio.run(_asked(old, since, to))
    found = differences(before.description, after.description)
    if as_json:
        print_json(
            {
                "service": after.description.service,
                "from": before.name,
                "to": after.name,
                **verdict_data(verdict),
                "differences": [vars(each) for each in found],
            }
        )
        return
    print_result(f"{after.description.service}: {before.name} → {after.name}")
    _print(found)
    print_verdict(verdict)


async def _asked(service: str, since: str, to: str) -> "tuple[_Side, _Side, Verdict]":
    from callboard_contracts import ServiceDescription, services
    from callboard_registry_api.errors import RegistryNotFoundError

    async with open_registry() as registry:
        try:
            if since:
                held = await find_revision(registry, service, since)
            else:
                held = await registry.get_listing(service, states=("approved", "deprecated"))
        except RegistryNotFoundError as error:
            raise CommandError(f"{error.message}; name a revision with --from") from error
        before = _Side(held.revision, ServiceDescription.model_validate_json(held.document))
        if to or service not in services:
            later = await (find_revision(registry, service, to) if to else registry.get_listing(service))
            after = _Side(later.revision, ServiceDescription.model_validate_json(later.document))
        else:
            after = _Side("what is installed here", listing(service))
        document = after.description.model_dump_json().encode()
        verdict = await registry.compatibility.compare(from_digest=held.digest, document=document)
        return before, after, verdict


def _print(found: "Sequence[Difference]") -> None:
    if not found:
        print_result("  nothing is different")
    for operation, group in groupby(found, key=lambda each: each.operation):
        inside = list(group)
        if operation and inside[0].part == "operation":
            print_result(_coloured(inside[0].kind, f"{operation}: {inside[0].what}", indent="  "))
            continue
        if operation:
            print_result(f"  {operation}")
        for each in inside:
            part = f"{each.part} " if each.part in ("input", "output", "promise") else ""
            print_result(_coloured(each.kind, f"{part}{each.what}", indent="    " if operation else "  "))


def _coloured(kind: str, text: str, *, indent: str) -> str:
    line = f"{indent}{_SIGNS[kind]} {text}"
    colour = {"added": typer.colors.GREEN, "removed": typer.colors.MAGENTA}.get(kind)
    return typer.style(line, fg=colour) if colour and sys.stdout.isatty() else line
