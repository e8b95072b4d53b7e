"""`callboard catalog`: what the teams of the mesh answer to, as the registry holds it, and how long they will."""

import asyncio
from typing import TYPE_CHECKING, Annotated, cast

import typer

from callboard.command import audit, health, life, revisions
from callboard.command.registry import open_registry
from callboard.command.terminal import print_json, print_result
from callboard.command.verdicts import print_verdict
from callboard.failures import CommandError

if TYPE_CHECKING:
    from callboard_registry_api.health import ServiceHealth
    from callboard_registry_api.model import Listing

app = typer.Typer(help="Shows what the teams answer to, and how long they will.", no_args_is_help=True)
for _command in (life.submit, life.approve, life.deprecate, life.retire, life.revoke):
    app.command(_command.__name__)(_command)
app.command("revisions")(revisions.list_revisions)
app.command("callers")(audit.callers)

_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_services(*, as_json: _Json = False) -> None:
    """List every service: its team, its state, whether it is served, and its operations."""

    async def fetch() -> "tuple[list[Listing], dict[str, ServiceHealth]]":
        async with open_registry() as registry:
            return [each async for each in registry.all_listings(summary=True)], await health.health_by_service(
                registry
            )

    listings, verdicts = asyncio.run(fetch())
    if as_json:
        print_json([{**life.as_data(each), "health": health.as_data(verdicts.get(each.service))} for each in listings])
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("service", "revision", "team", "state", "health", "operations", box=None)
    for each in listings:
        served = health.in_a_word(verdicts.get(each.service))
        table.add_row(each.service, each.revision, each.team, each.state, served, ", ".join(each.operations))
    Console().print(table)


@app.command("show")
def show_service(
    service: Annotated[str, typer.Argument(help="Its name, as in orders.v1.")], *, as_json: _Json = False
) -> None:
    """Show one service: where it stands, whether it is served, and what each operation takes, answers and promises."""
    from callboard_contracts import ServiceDescription
    from callboard_registry_api.errors import RegistryNotFoundError

    async def fetch() -> "tuple[Listing, ServiceHealth]":
        async with open_registry() as registry:
            try:
                return await registry.get_listing(service), await registry.health.of(service)
            except RegistryNotFoundError as error:
                raise CommandError(
                    f"the registry holds no service {service!r}; 'callboard catalog list' shows what it holds"
                ) from error

    listing, served = asyncio.run(fetch())
    description = ServiceDescription.model_validate_json(listing.document)
    if as_json:
        print_json(
            {**description.model_dump(mode="json"), "listing": life.as_data(listing), "health": health.as_data(served)}
        )
        return
    print_result(
        f"{description.service}, by {description.team}: {description.summary}\n"
        f"{description.digest}\n{life.in_words(listing)}"
    )
    if listing.verdict is not None:
        print_verdict(listing.verdict)
    for line in health.in_lines(served):
        print_result(line)
    for operation in description.operations:
        promise = operation.promise
        print_result(
            f"\n{operation.name}: {operation.summary}\n"
            f"  {promise.kind}, {promise.effect}; usually within {promise.latency.total_seconds():g} s,"
            f" never longer than {promise.longest.total_seconds():g} s\n"
            f"  takes {_fields(operation.input)}\n"
            f"  answers {_fields(operation.output)}"
        )


@app.command("search")
def search(
    words: Annotated[
        list[str] | None, typer.Argument(help="What the operations say or are called; beginnings of words will do.")
    ] = None,
    *,
    operation: Annotated[str, typer.Option("--operation", help="A part of the operation's name.")] = "",
    field: Annotated[str, typer.Option("--field", help="A field of the input or the output, at any depth.")] = "",
    effect: Annotated[str, typer.Option("--effect", help="read, write or irreversible.")] = "",
    owner: Annotated[str, typer.Option("--owner", help="The team that serves them.")] = "",
    state: Annotated[
        list[str] | None, typer.Option("--state", help="Where the listing stands; may be said several times.")
    ] = None,
    caller: Annotated[str, typer.Option("--caller", help="The team that must be allowed to call them.")] = "",
    as_json: _Json = False,
) -> None:
    """Find operations; without any words or options, list all that are answered."""
    from callboard_registry_api.model import STATES, FoundOperation

    if unknown := [each for each in state or () if each not in STATES]:
        raise CommandError(f"{unknown[0]!r} is no state; the states are {', '.join(STATES)}")

    async def fetch() -> "list[FoundOperation]":
        found: list[FoundOperation] = []
        token = ""
        async with open_registry() as registry:
            while True:
                page = await registry.search(
                    " ".join(words or ()),
                    operation=operation,
                    field=field,
                    effect=effect,
                    team=owner,
                    states=[each for each in STATES if each in (state or ())],
                    caller=caller,
                    page_size=200,
                    page_token=token,
                )
                found.extend(page.items)
                token = page.next_page_token
                if not token:
                    return found

    operations = asyncio.run(fetch())
    if as_json:
        print_json([vars(each) for each in operations])
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None)
    for column in ("service", "operation", "effect", "state"):
        table.add_column(column, no_wrap=True)
    table.add_column("what it does")
    for each in operations:
        table.add_row(each.service, each.operation, each.effect, each.state, each.summary)
    Console().print(table)


def _fields(schema: dict[str, object]) -> str:
    # The registry has checked that it is a JSON Schema, in which these two are what they are taken for here.
    properties = cast(dict[str, object], schema.get("properties", {}))
    required = cast(list[str], schema.get("required", []))
    return ", ".join(name if name in required else f"[{name}]" for name in properties) or "nothing"
