"""`callboard endpoints`: where calls are led, and whether that is where the listings say."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from callboard.command.registry import open_registry
from callboard.command.surroundings import join_mesh
from callboard.command.terminal import print_json, say
from callboard.failures import CommandError

if TYPE_CHECKING:
    from callboard_registry.endpoints.drift import Compared
    from callboard_registry.seen import SeenDrift
    from callboard_registry_api.client import RegistryClient
    from callboard_registry_api.health import Drift, ObservedEndpoint
    from callboard_registry_api.model import Listing, State

app = typer.Typer(help="Shows where calls are led, and puts it right.", no_args_is_help=True)

_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_endpoints(*, as_json: _Json = False) -> None:
    """List Nexus endpoints as the observer saw them last, with what is amiss."""

    async def fetch() -> "list[ObservedEndpoint]":
        async with open_registry() as registry:
            return [each async for each in registry.health.endpoints()]

    endpoints = asyncio.run(fetch())
    if as_json:
        print_json([_observed(each) for each in endpoints])
        return
    _show(
        (each.name, _target(each.namespace, each.task_queue), each.services, [drift.words for drift in each.drift])
        for each in endpoints
    )
    if not endpoints:
        say("no observer has looked yet; 'callboard endpoints reconcile' looks for itself")
        return
    say(f"as of {min(each.as_of for each in endpoints):%Y-%m-%d %H:%M:%S} UTC")


@app.command("reconcile")
def reconcile(
    *,
    apply: Annotated[
        bool, typer.Option("--apply", help="Make what is missing, lead it where it should, write descriptions.")
    ] = False,
    as_json: _Json = False,
) -> int:
    """Compare Temporal's endpoints with the listings, now; exit code 1 if something is amiss and stays so.

    Needs an operator's rights. Nothing is ever deleted or renamed.
    """
    join_mesh()
    found, changed = asyncio.run(_reconcile(apply=apply))
    amiss = {name: each for name, each in found.items() if each.seen.drift}
    if as_json:
        print_json({"endpoints": [_compared(name, each) for name, each in found.items()], "changed": changed})
    else:
        _show(
            (
                name,
                _target(each.seen.namespace, each.seen.task_queue),
                each.seen.services,
                [drift.words for drift in each.seen.drift],
            )
            for name, each in found.items()
        )
    if changed:
        say(f"changed: {', '.join(changed)}")
    if not amiss:
        return 0
    if not apply:
        say(f"{len(amiss)} of {len(found)} are not as they should be; --apply puts right what can be put right")
    return 1


async def _reconcile(*, apply: bool) -> "tuple[dict[str, Compared], list[str]]":
    from temporalio.client import Client
    from temporalio.envconfig import ClientConfigProfile
    from temporalio.service import RPCError

    from callboard_kit.provision import existing_endpoints
    from callboard_kit.settings import Settings
    from callboard_registry.endpoints.drift import compare, put_right
    from callboard_registry.endpoints.wanted import shown_revisions, wanted_endpoints

    async with open_registry() as registry:
        teams = {each.team: each async for each in registry.health.teams()}

        def listings_in(states: "tuple[State, ...]") -> "AsyncIterator[Listing]":
            return _listings(registry, states)

        wanted = wanted_endpoints(await shown_revisions(listings_in), teams, Settings.from_environment())
    config = ClientConfigProfile.load().to_client_connect_config()
    address = config.setdefault("target_host", "localhost:7233")
    try:
        client = await Client.connect(**config)
    except RuntimeError as error:
        raise CommandError(f"no Temporal answers at {address!r}, or it does not let this client in: {error}") from error
    try:
        found = compare(wanted, await existing_endpoints(client))
        if not apply:
            return found, []
        changed = await put_right(client, found.values(), ["missing", "target", "description"])
        return compare(wanted, await existing_endpoints(client)), changed
    except RPCError as error:
        raise CommandError(
            f"Temporal at {address!r} does not list its endpoints: {error.message}; it takes an operator's rights"
        ) from error


async def _listings(registry: "RegistryClient", states: "tuple[State, ...]") -> "AsyncIterator[Listing]":
    async for listing in registry.all_listings(states=states):
        yield listing


def _show(rows: Iterable[tuple[str, str, Iterable[str], Iterable[str]]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None)
    for column in ("endpoint", "leads to", "serves", "is it right?"):
        table.add_column(column, overflow="fold")
    for name, target, services, drift in rows:
        table.add_row(name, target, ", ".join(services) or "nothing", "\n".join(drift) or "yes")
    Console().print(table)


def _target(namespace: str, task_queue: str) -> str:
    return f"{namespace}/{task_queue}" if namespace else "is not there"


def _observed(endpoint: "ObservedEndpoint") -> dict[str, object]:
    return {
        "name": endpoint.name,
        "namespace": endpoint.namespace,
        "task_queue": endpoint.task_queue,
        "wanted_namespace": endpoint.wanted_namespace,
        "wanted_task_queue": endpoint.wanted_task_queue,
        "services": list(endpoint.services),
        "drift": _drift(endpoint.drift),
        "as_of": endpoint.as_of.isoformat(),
    }


def _compared(name: str, compared: "Compared") -> dict[str, object]:
    seen = compared.seen
    return {
        "name": name,
        "namespace": seen.namespace,
        "task_queue": seen.task_queue,
        "wanted_namespace": seen.wanted_namespace,
        "wanted_task_queue": seen.wanted_task_queue,
        "services": list(seen.services),
        "drift": _drift(seen.drift),
    }


def _drift(drift: "Iterable[Drift | SeenDrift]") -> list[dict[str, str]]:
    return [{"kind": each.kind, "words": each.words} for each in drift]
