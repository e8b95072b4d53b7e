"""Lines to copy: how one operation is called from a workflow, from a program and from a shell."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from callboard_contracts import OperationDescription, ServiceDescription


@dataclass(frozen=True)
class Snippet:
    """Some lines, and where they belong."""

    title: str
    text: str


def snippets(service: ServiceDescription, operation: OperationDescription) -> tuple[Snippet, ...]:
    """Return ways to call an operation, with an example of its input."""
    shown = example(operation)
    inline = json.dumps(shown, ensure_ascii=False)
    client = f'workflow.create_nexus_client(service="{service.service}", endpoint="{service.endpoint}")'
    outside = f'client.create_nexus_client(service="{service.service}", endpoint="{service.endpoint}")'
    call = f'await team.execute_operation("{operation.name}", {_python(shown)}'
    command = f"callboard call {service.service} {operation.name} --input {shlex.quote(inline)}"
    return (
        Snippet("in a workflow", f"team = {client}\nresult = {call})"),
        Snippet(
            "in a program",
            f'client = await connect("your-team")\nteam = {outside}\nresult = {call}, id="a-name-for-this-call")',
        ),
        Snippet("in a shell", f"{command} --as your-team"),
    )


def example(operation: OperationDescription) -> object:
    """Return an input that an operation may be given: its own example, else one of placeholders."""
    if operation.promise.examples:
        return operation.promise.examples[0].input
    return _made_up(operation.input, operation.input, 0)


def _made_up(schema: Mapping[str, object], root: Mapping[str, object], depth: int) -> object:
    """Return something of the shape that a schema asks for; the values are placeholders."""
    reference = str(schema.get("$ref", ""))
    if reference.startswith("#/$defs/"):
        definitions = cast("Mapping[str, Mapping[str, object]]", root.get("$defs", {}))
        return _made_up(definitions.get(reference.removeprefix("#/$defs/"), {}), root, depth + 1)
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    if values := cast("list[object]", schema.get("enum", [])):
        return values[0]
    variants = cast("list[Mapping[str, object]]", schema.get("anyOf") or schema.get("oneOf") or [])
    if variants:
        return _made_up(variants[0], root, depth + 1)
    match schema.get("type"):
        case "object" if depth < 6:
            members = cast("Mapping[str, Mapping[str, object]]", schema.get("properties", {}))
            required = cast("list[str]", schema.get("required", []))
            return {name: _made_up(members.get(name, {}), root, depth + 1) for name in required}
        case "object":
            return {}
        case "array":
            return []
        case "integer":
            return 1
        case "number":
            return 1.0
        case "boolean":
            return True
        case _:
            return "…"


def _python(value: object) -> str:
    """Return an example as Python writes it."""
    return repr(value)
