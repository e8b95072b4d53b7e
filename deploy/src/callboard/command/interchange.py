"""`callboard contracts export|import|lint`: contracts for and from teams that write in other languages."""

import asyncio
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from callboard.command.registry import open_registry
from callboard.command.surroundings import join_mesh
from callboard.command.terminal import print_json, print_result, say
from callboard.command.verdicts import verdict_lines
from callboard.failures import CommandError

if TYPE_CHECKING:
    from callboard.interchange.finding import Finding
    from callboard.interchange.importing import Imported
    from callboard_contracts import ServiceDescription

_FromRegistry = Annotated[
    bool, typer.Option("--from-registry", help="Take what the registry holds, also where a contract is installed here.")
]


class Format(StrEnum):
    """A form that a contract can be written in."""

    NEXUSRPC = "nexusrpc"
    OPENAPI = "openapi"
    A2A = "a2a"


def export_service(
    service: Annotated[str, typer.Argument(help="Its name, as in orders.v1.")],
    *,
    form: Annotated[
        Format,
        typer.Option(
            "--format",
            help="nexusrpc: a contract file, from which other languages make code. openapi: OpenAPI 3.1. a2a: an agent"
            " card.",
        ),
    ],
    output: Annotated[
        Path | None, typer.Option("--output", help="Where to write: YAML, or JSON if it ends so. Absent: stdout.")
    ] = None,
    url: Annotated[str | None, typer.Option("--url", help="For a2a: where something speaks A2A for it.")] = None,
    from_registry: _FromRegistry = False,
) -> None:
    """Write a service's contract in a form that others read."""
    from callboard.interchange import a2a, nexusrpc_file, openapi
    from callboard.interchange.text import as_json, as_yaml

    if url is not None and form is not Format.A2A:
        raise CommandError(f"--url says where something speaks A2A; it has no meaning for {form.value!r}")
    description = _described(service, from_registry=from_registry)
    if form is Format.NEXUSRPC:
        file = nexusrpc_file.contract_file(description)
        if file.findings:
            raise CommandError(_refused(service, file.findings))
        document = file.document
    else:
        document = (
            openapi.openapi_document(description) if form is Format.OPENAPI else a2a.agent_card(description, url=url)
        )
    yaml = form is Format.NEXUSRPC if output is None else output.suffix != ".json"
    text = as_yaml(document) if yaml else as_json(document)
    if output is None:
        print_result(text.rstrip("\n"))
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{str(output)!r} cannot be written: {error.strerror or error}") from error
    say(f"wrote {str(output)!r}")


def import_file(
    file: Annotated[Path, typer.Argument(help='A contract file: YAML or JSON that begins with nexusrpc: "1.0.0".')],
    *,
    team: Annotated[
        str | None, typer.Option("--team", help="Whose it is; the service is called '<team>.v<N>' then.")
    ] = None,
    publish: Annotated[
        bool, typer.Option("--publish", help="Publish it with the team's key, in place of printing it.")
    ] = False,
) -> None:
    """Turn a contract file that was written elsewhere into the document that the registry holds."""
    from callboard.interchange.importing import imported, listing_document

    try:
        services = imported(file, team=team)
    except FileNotFoundError as error:
        raise CommandError(f"there is no file {str(file)!r}") from error
    except OSError as error:
        raise CommandError(f"{str(file)!r} cannot be read: {error.strerror or error}") from error
    for each in services:
        _mention(each, publish=publish)
    if publish:
        asyncio.run(_publish(services))
        return
    documents = [listing_document(each.description) for each in services]
    print_json(documents[0] if len(documents) == 1 else documents)


def lint_contract(
    contract: Annotated[str, typer.Argument(help="A service, as in orders.v1, a contract file or a listing document.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    from_registry: _FromRegistry = False,
) -> None:
    """Name what of a contract could not be exported, and how to fix it; exit code 1 if there is anything."""
    from callboard.interchange.lint import lint, lint_file

    path = Path(contract)
    try:
        findings = lint_file(path) if path.is_file() else lint(_described(contract, from_registry=from_registry))
    except OSError as error:
        raise CommandError(f"{contract!r} cannot be read: {error.strerror or error}") from error
    if as_json:
        print_json([{"place": each.place, "problem": each.problem, "remedy": each.remedy} for each in findings])
    else:
        for each in findings:
            print_result(f"{each.place}\n  {each.problem}\n  → {each.remedy}")
        say(f"{contract}: {_counted(findings)}")
    if findings:
        raise typer.Exit(1)


def _described(service: str, *, from_registry: bool) -> "ServiceDescription":
    """Return the description of an installed contract, else of what the registry holds."""
    from callboard_contracts import describe, services

    if not from_registry and service in services:
        return describe(services[service])
    if not from_registry:
        try:
            return _held(service)
        except CommandError as error:
            raise CommandError(
                f"there is no contract for {service!r} here (there are {', '.join(services)}), and {error}"
            ) from error
    return _held(service)


def _held(service: str) -> "ServiceDescription":
    from callboard_contracts import ServiceDescription
    from callboard_registry_api.errors import RegistryNotFoundError

    join_mesh(need_temporal=False)

    async def fetch() -> bytes:
        async with open_registry() as registry:
            try:
                return (await registry.get_listing(service)).document
            except RegistryNotFoundError as error:
                raise CommandError(
                    f"the registry holds no service {service!r}; 'callboard catalog list' shows what it holds"
                ) from error

    return ServiceDescription.model_validate_json(asyncio.run(fetch()))


def _mention(service: "Imported", *, publish: bool) -> None:
    """Say what the file did not say, and what has to be done because of it."""
    name = service.description.service
    if not service.can_be_published():
        hint = f"{service.wire_name!r} is no name in the mesh; pass --team to call it '<team>.v<N>'"
        if publish:
            raise CommandError(hint)
        say(hint)
    elif name != service.wire_name:
        say(f"{service.wire_name!r} is called {name!r} in the mesh: serve it under that name (fqn: {name})")
    if service.assumed:
        say(
            f"{name} promises nothing of {', '.join(service.assumed)}; taken as irreversible, for no model, and done"
            " within 15 minutes: state promises in a $comment"
        )


async def _publish(services: "Sequence[Imported]") -> None:
    from callboard_kit.client import load_key
    from callboard_kit.publishing import registry_signature
    from callboard_kit.settings import Settings

    join_mesh(need_temporal=False)
    settings = Settings.from_environment()
    for each in services:
        description = each.description
        key = load_key(description.team, settings)
        async with open_registry(sign=registry_signature(key)) as registry:
            listing = await registry.publish_listing(description.model_dump_json().encode())
        say(f"published {listing.service} {listing.revision} ({listing.state}), signed by {description.team}")
        for line in verdict_lines(listing.verdict) if listing.verdict else ():
            say(f"  {line}")


def _refused(service: str, findings: "Sequence[Finding]") -> str:
    more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
    return f"{service} has no equal in a contract file: {findings[0]}{more}; see 'callboard contracts lint {service}'"


def _counted(findings: "Sequence[Finding]") -> str:
    if not findings:
        return "nothing to mend"
    return "one finding" if len(findings) == 1 else f"{len(findings)} findings"
