"""Every contract that this process knows, ready to judge inputs and outputs.

Schemas are compiled once (jsonschema-rs) and kept. Their messages never quote a value: it may be a secret, and what
the schema wants is enough to put it right.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, reduce
from typing import Final, TypeAlias, cast

import jsonschema_rs

import callboard_contracts
from callboard_contracts import OperationDescription, Promise, describe

DEFAULT_LONGEST: Final = timedelta(minutes=5)
"""How long a call may take whose contract this process does not know and whose caller does not say."""

EVERY: Final = "*"
"""In a path: every key of a map."""

_Schema: TypeAlias = Mapping[str, object]


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
        """Return an output without the fields at `paths`. In a path `*` stands for every key of a map."""
        if not data:
            return data
        document: object = json.loads(data)
        for path in paths:
            _take_away(document, path.split("."))
        return json.dumps(document, separators=(",", ":")).encode()

    def unhidable(self, paths: Iterable[str]) -> str | None:
        """Return the first of `paths` whose absence would break the output's schema, or None."""
        return next((path for path in paths if any(_is_required(at, path) for at in self._places(path))), None)

    def holds(self, path: str) -> bool:
        """Tell whether an output may have a field at `path`."""
        return next(self._places(path), None) is not None

    def _places(self, path: str) -> Iterator[_Schema]:
        output = self.description.output
        return _places(output, path.split("."), output, frozenset())


class ContractBook:
    """Contracts by service and operation: those of the installed contracts package and those served here."""

    def __init__(self, services: Iterable[type] = ()) -> None:
        self._own = {describe(service).service: service for service in services}

    def teams(self) -> frozenset[str]:
        """Return every team that a known contract is of, which is what its endpoint is called."""
        return frozenset(service.rpartition(".")[0] for service in (*self._own, *callboard_contracts.services))

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
    except RecursionError:
        return f"{what} is nested too deeply"
    error = next(iter(validator.iter_errors(document)), None)
    return None if error is None else f"{'.'.join((what, *map(str, error.instance_path)))}: {error.message}"


def _take_away(node: object, path: Sequence[str]) -> None:
    if isinstance(node, list):
        for element in cast("list[object]", node):
            _take_away(element, path)
    elif isinstance(node, dict):
        members = cast("dict[str, object]", node)
        for name in list(members) if path[0] == EVERY else [path[0]]:
            if len(path) == 1:
                members.pop(name, None)
            else:
                _take_away(members.get(name), path[1:])


def _places(schema: object, path: Sequence[str], root: _Schema, seen: frozenset[tuple[int, int]]) -> Iterator[_Schema]:
    """Yield the schema of every object that may have the last part of `path` as a member."""
    place = (id(schema), len(path))
    if not isinstance(schema, Mapping) or place in seen:  # A schema may lead back to itself.
        return
    node, seen = cast(_Schema, schema), seen | {place}
    for branch in _branches(node, root):
        yield from _places(branch, path, root, seen)
    members = dict(cast(_Schema, node.get("properties", {})))
    members.setdefault(path[0], node.get("additionalProperties"))
    for name in list(members) if path[0] == EVERY else [path[0]]:
        if len(path) > 1:
            yield from _places(members[name], path[1:], root, seen)
        elif members[name] not in (None, False):
            yield node


def _branches(node: _Schema, root: _Schema) -> Iterator[object]:
    """Yield every schema that describes the same value, or the elements of the list that it is."""
    if isinstance(reference := node.get("$ref"), str):
        start: object = root
        yield reduce(_member, reference.removeprefix("#/").split("/"), start)
    for word in ("anyOf", "oneOf", "allOf", "prefixItems"):
        yield from cast("Sequence[object]", node.get(word, ()))
    yield node.get("items")


def _member(node: object, name: str) -> object:
    return cast(_Schema, node).get(name) if isinstance(node, Mapping) else None


def _is_required(node: _Schema, path: str) -> bool:
    name, required = path.rpartition(".")[2], cast("Sequence[str]", node.get("required", ()))
    return bool(required) if name == EVERY else name in required
