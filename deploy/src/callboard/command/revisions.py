"""`callboard catalog revisions`, and which revision a command line means: by its number or by its digest."""

import asyncio
import re
from typing import TYPE_CHECKING, Annotated, Final

import typer

from callboard.command.registry import open_registry
from callboard.command.terminal import print_json
from callboard.failures import CommandError

if TYPE_CHECKING:
    from callboard_registry_api.client import RegistryClient
    from callboard_registry_api.model import Listing

_NUMBER: Final = re.compile(r"\d+\.\d+\.\d+")


def list_revisions(
    service: Annotated[str, typer.Argument(help="Its name, as in orders.v1.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List every revision of a service: its number, where it stands, and what the gate found out about it."""
    from callboard.command.life import as_data

    found = asyncio.run(_revisions(service))
    if not found:
        raise CommandError(f"the registry holds no service {service!r}; 'callboard catalog list' shows what it holds")
    if as_json:
        print_json([as_data(each) for each in found])
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("revision", "state", "published", "verdict", "override", "digest", box=None)
    for each in found:
        verdict = each.verdict
        override = verdict.override if verdict else None
        table.add_row(
            each.revision if each.state not in ("draft", "pending") else f"({each.revision})",
            each.state,
            f"{each.created:%Y-%m-%d %H:%M}",
            verdict.answer if verdict else "",
            f"{override.author}: {override.reason}" if override else "",
            each.digest.removeprefix("sha256:")[:12],
        )
    Console().print(table)


async def _revisions(service: str) -> "list[Listing]":
    team = service.partition(".")[0]
    async with open_registry() as registry:
        every = registry.all_listings(team=team, all_revisions=True, summary=True)
        return [each async for each in every if each.service == service]


async def find_revision(registry: "RegistryClient", service: str, wanted: str) -> "Listing":
    """Return the revision of a service that has this number, or whose digest begins like this.

    Raises:
        CommandError: None does, or several do.
    """
    by_number = _NUMBER.fullmatch(wanted) is not None
    digest = wanted if ":" in wanted else f"sha256:{wanted}"
    team = service.partition(".")[0]
    found = [
        each
        async for each in registry.all_listings(team=team, all_revisions=True, summary=True)
        if each.service == service and (each.revision == wanted if by_number else each.digest.startswith(digest))
    ]
    if len(found) == 1:
        return await registry.get_listing(service, digest=found[0].digest)
    which = "several revisions" if found else "no revision"
    # Drafts that would get the same number have it all until one of them is approved.
    means = "with the number" if by_number else "whose digest starts with"
    raise CommandError(f"{service!r} has {which} {means} {wanted!r}; name another, or say more of its digest")
