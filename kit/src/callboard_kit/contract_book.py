"""Every contract that this process knows, ready to judge inputs and outputs.

Schemas are compiled once (jsonschema-rs) and kept. Their messages never quote a value: it may be a secret, and what
the schema wants is enough to put it right.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Final

import jsonschema_rs

import callboard_contracts
from callboard_contracts import OperationDescription, Promise, describe

DEFAULT_LONGEST: Final = timedelta(minutes=5)
"""How long a call may take whose contract this process does not know and whose caller does not say."""


@dataclass(frozen=True)
class OperationContract:
    """One operation as its contract has it."""

    service: str
    digest: str
    """Digest of the revision it is part of."""

    description: OperationDescription
    input: jsonschema_rs.Draft202012Validator
    output: jsonschema_rs.Draft202012Validator

    @property
    def promise(self) -> Promise:
        """What the provider promises beside the schemas."""
        return self.description.promise

    def input_fault(self, data: bytes) -> str | None:
        """Say where and why `data` is no valid input, or None when it is."""
        return _fault(self.input, data, "input")

    def output_fault(self, data: bytes) -> str | None:
        """Say where and why `data` is no valid output, or None when it is."""
        return _fault(self.output, data, "output")

    def hidden(self, data: bytes, paths: Sequence[str]) -> bytes:
        """Return an output without the fields at `paths`."""
        document: object = json.loads(data)
        for path in paths:
            _take_away(document, path.split("."))
        return json.dumps(document, separators=(",", ":")).encode()

    def unhidable(self, paths: Iterable[str]) -> str | None:
        """Return the first of `paths` whose absence would break the output's schema, or None."""
        return next((path for path in paths if _is_required(self.description.output, path.split("."))), None)


class ContractBook:
    """Contracts by service and operation: those of the installed contracts package and those served here."""

    def __init__(self, services: Iterable[type] = ()) -> None:
        self._own = {describe(service).service: service for service in services}

    def operations(self, service: str) -> tuple[str, ...]:
        """Return the names of a service's operations; none when this process does not know it."""
        return tuple(_operations(self._own.get(service) or _installed(service)))

    def find(self, service: str, operation: str) -> OperationContract | None:
        """Return the contract of an operation, or None when this process does not know it."""
        return _operations(self._own.get(service) or _installed(service)).get(operation)


@cache
def _installed(service: str) -> type | None:
    try:
        return callboard_contracts.service_named(service)
    except LookupError:
        return None


@cache
def _operations(service: type | None) -> dict[str, OperationContract]:
    if service is None:
        return {}
    description = describe(service)
    return {
        operation.name: OperationContract(
            service=description.service,
            digest=description.digest,
            description=operation,
            input=jsonschema_rs.Draft202012Validator(operation.input, mask="the value"),
            output=jsonschema_rs.Draft202012Validator(operation.output, mask="the value"),
        )
        for operation in description.operations
    }


def _fault(validator: jsonschema_rs.Draft202012Validator, data: bytes, what: str) -> str | None:
    try:
        document: object = json.loads(data) if data else None
    except ValueError as error:
        return f"{what} is not JSON: {error}"
    for error in validator.iter_errors(document):
        return f"{'.'.join((what, *map(str, error.instance_path)))}: {error.message}"
    return None


def _take_away(node: object, path: Sequence[str]) -> None:
    if isinstance(node, list):
        for element in node:
            _take_away(element, path)
    elif isinstance(node, dict):
        if len(path) == 1:
            node.pop(path[0], None)
        elif path[0] in node:
            _take_away(node[path[0]], path[1:])


def _is_required(schema: object, path: Sequence[str], root: object = None) -> bool:
    root = schema if root is None else root
    if not isinstance(schema, dict) or not path:
        return False
    if isinstance(reference := schema.get("$ref"), str) and isinstance(root, dict):
        return _is_required(_follow(root, reference), path, root)
    branches = [branch for word in ("anyOf", "oneOf", "allOf") for branch in schema.get(word, ())]
    if any(_is_required(branch, path, root) for branch in branches):
        return True
    if "items" in schema:
        return _is_required(schema["items"], path, root)
    if len(path) == 1:
        return path[0] in schema.get("required", ())
    inner = schema.get("properties", {}).get(path[0]) or schema.get("additionalProperties")
    return _is_required(inner, path[1:], root)


def _follow(root: object, reference: str) -> object:
    node = root
    for part in reference.removeprefix("#/").split("/"):
        node = node.get(part) if isinstance(node, dict) else None
    return node
