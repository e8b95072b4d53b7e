"""`callboard catalog`: what the teams of the mesh answer to, as the registry holds it, and how long they will."""

import asyncio
from typing import TYPE_CHECKING, Annotated, cast

import typer

from callboard.command import life
from callboard.command.surroundings import registry_address
from callboard.command.terminal import print_json, print_result
from callboard.failures import CommandError

if TYPE_CHECKING:
    from callboard_registry_api.model import Listing

app = typer.Typer(help="Shows what the teams answer to, and how long they will.", no_args_is_help=True)
for _command in (life.submit, life.approve, life.deprecate, life.retire, life.revoke):
    app.command(_command.__name__)(_command)

_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_services(*, as_json: _Json = False) -> None:
    """List every service: its team, its state and its operations."""
    from callboard_registry_api.client import RegistryClient

    async def fetch() -> "list[Listing]":
        async with RegistryClient(registry_address()) as registry:
            return [each async for each in registry.all_listings(summary=True)]

    listings = asyncio.run(fetch())
    if as_json:
        print_json([life.as_data(each) for each in listings])
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("service", "team", "state", "operations", box=None)
    for each in listings:
        table.add_row(each.service, each.team, each.state, ", ".join(each.operations))
    Console().print(table)


@app.command("show")
def show_service(
    service: Annotated[str, typer.Argument(help="Its name, as in orders.v1.")], *, as_json: _Json = False
) -> None:
    """Show one service: where it stands, and what each operation takes, answers and promises."""
    from callboard_contracts import ServiceDescription
    from callboard_registry_api.client import RegistryClient
    from callboard_registry_api.errors import RegistryNotFoundError

    async def fetch() -> "Listing":
        async with RegistryClient(registry_address()) as registry:
            try:
                return await registry.get_listing(service)
            except RegistryNotFoundError as error:
                raise CommandError(
                    f"the registry holds no service {service!r}; 'callboard catalog list' shows what it holds"
                ) from error

    listing = asyncio.run(fetch())
    description = ServiceDescription.model_validate_json(listing.document)
    if as_json:
        print_json({**description.model_dump(mode="json"), "listing": life.as_data(listing)})
        return
    print_result(
        f"{description.service}, by {description.team}: {description.summary}\n"
        f"{description.digest}\n{life.in_words(listing)}"
    )
    for operation in description.operations:
        promise = operation.promise
        print_result(
            f"\n{operation.name}: {operation.summary}\n"
            f"  {promise.kind}, {promise.effect}; usually within {promise.latency.total_seconds():g} s,"
            f" never longer than {promise.longest.total_seconds():g} s\n"
            f"  takes {_fields(operation.input)}\n"
            f"  answers {_fields(operation.output)}"
        )


def _fields(schema: dict[str, object]) -> str:
    # The registry has checked that it is a JSON Schema, in which these two are what they are taken for here.
    properties = cast(dict[str, object], schema.get("properties", {}))
    required = cast(list[str], schema.get("required", []))
    return ", ".join(name if name in required else f"[{name}]" for name in properties) or "nothing"
