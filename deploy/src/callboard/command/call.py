"""`callboard call`: one operation of one team, from the command line."""

import asyncio
import sys
import uuid
from contextlib import nullcontext
from typing import Annotated, cast

import typer

from callboard.command.surroundings import join_mesh
from callboard.command.terminal import print_json
from callboard.failures import CommandError

DEFAULT_CALLER = "orchestrator"
"""The team that a call is made as unless another is named: it composes, so the others' policies let it in."""


def call(
    service: Annotated[str, typer.Argument(help="The service, as in orders.v1.")],
    operation: Annotated[str, typer.Argument(help="The operation, as in get_order_details.")],
    *,
    text: Annotated[str, typer.Option("--input", help="The input as JSON, or - to read it from stdin.")] = "{}",
    caller: Annotated[
        str, typer.Option("--as", help="The namespace to call from; its key must be at hand.")
    ] = DEFAULT_CALLER,
    key: Annotated[
        str | None, typer.Option("--key", help="An idempotency key: asked again with it, the first result is given.")
    ] = None,
    canary: Annotated[
        bool, typer.Option("--canary", help="Over the team's canary endpoint: see 'callboard rollout canary'.")
    ] = False,
) -> None:
    """Call an operation and print its result as JSON; a refusal is one line on stderr and exit code 1."""
    words = sys.stdin.read() if text == "-" else text
    print_json(asyncio.run(_call(service, operation, words, caller, key, canary=canary)))


async def _call(service: str, operation: str, text: str, caller: str, key: str | None, *, canary: bool) -> object:
    import nexusrpc
    from pydantic import TypeAdapter, ValidationError

    from callboard_contracts import describe, service_named

    try:
        contract = cast(type[object], service_named(service))
    except LookupError as error:
        raise CommandError(str(error)) from error
    definition = nexusrpc.get_service_definition(contract)
    assert definition is not None
    known = {each.name: each for each in definition.operation_definitions.values()}
    if operation not in known:
        raise CommandError(f"{service!r} has no operation {operation!r}; it has {', '.join(sorted(known))}")
    input_type, output_type = known[operation].input_type, known[operation].output_type
    try:
        message: object = TypeAdapter[object](input_type).validate_json(text)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in fault["loc"])
        where = f"at {place!r}" if place else "as a whole"
        raise CommandError(
            f"the input of {operation!r} is wrong {where}: {fault['msg']};"
            f" 'callboard catalog show {service}' shows what it takes"
        ) from error
    join_mesh()
    from callboard_kit import mesh
    from callboard_kit.client import connect
    from callboard_kit.settings import CANARY

    client = await connect(caller)
    endpoint = describe(contract).endpoint + (CANARY if canary else "")
    nexus = client.create_nexus_client(service=contract, endpoint=endpoint)
    # By attribute, as every call is made; which one is known only now.
    promised = cast(nexusrpc.Operation[object, object], getattr(contract, known[operation].method_name))
    with nullcontext() if key is None else mesh.idempotency_key(key):
        result = await nexus.execute_operation(promised, message, id=f"call-{uuid.uuid4()}")
    return TypeAdapter[object](output_type).dump_python(result, mode="json", exclude_none=True)
