"""Reads contract files that were written elsewhere, as descriptions of services that a listing can hold."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import jsonschema_rs
from pydantic import ValidationError

from callboard.interchange.bundling import Bundler
from callboard.interchange.files import Files
from callboard.interchange.naming import OPERATION_KEY, SERVICE_KEY, operation_name, type_name
from callboard.interchange.nexusrpc_file import VERSION
from callboard.interchange.remarks import ASSUMED, promises_in
from callboard.interchange.schemas import DIALECT, Schema, as_schema, mapping
from callboard.interchange.text import DocumentError
from callboard_contracts import OperationDescription, Promise, ServiceDescription

VOID: Final[Mapping[str, object]] = {"$schema": DIALECT, "type": "null"}
"""The schema of what is not sent at all."""

_IN_THE_MESH: Final = re.compile(r"([a-z][a-z0-9_-]*)\.v[1-9][0-9]{0,3}")
_VERSION: Final = re.compile(r"v([1-9][0-9]{0,3})")


@dataclass(frozen=True)
class Imported:
    """A service as a contract file promises it."""

    description: ServiceDescription

    wire_name: str
    """What the file calls the service on the wire; the description may call it otherwise."""

    assumed: tuple[str, ...]
    """The operations of which the file promises nothing, so that `ASSUMED` was taken."""

    def can_be_published(self) -> bool:
        """Whether its name is one that the registry takes."""
        return _IN_THE_MESH.fullmatch(self.description.service) is not None


def imported(path: Path, *, team: str | None = None) -> tuple[Imported, ...]:
    """Read every service of a contract file.

    Args:
        path: The file. It may refer to schema files in its folder and below.
        team: Whose services they are; they are called `<team>.v<N>` then. Without it their names stay.

    Raises:
        DocumentError: The file is no contract file, or holds what a listing cannot.
        OSError: The file cannot be read.
    """
    files = Files(path)
    document = files.document(files.contract)
    if document.get("nexusrpc") != VERSION:
        raise DocumentError(f'{str(path)!r} is no contract file; one begins with nexusrpc: "{VERSION}", in quotes')
    services = {key: as_schema(value) for key, value in mapping(document, "services").items()}
    if not services:
        raise DocumentError(f"{str(path)!r} declares no services")
    promises = promises_in(document)
    read = _Reading(Bundler(files), promises)
    found = tuple(read.service(key, service or {}, team=team) for key, service in services.items())
    if unknown := sorted(promises.keys() - read.used):
        raise DocumentError(f"{str(path)!r} promises something of {unknown[0]!r}, which is no operation of one service")
    names = [each.description.service for each in found]
    if twice := [name for name in names if names.count(name) > 1]:
        raise DocumentError(f"{str(path)!r} has two services that would be {twice[0]!r}; give their fqn other versions")
    return found


class _Reading:
    def __init__(self, bundler: Bundler, promises: Mapping[str, Promise]) -> None:
        self._bundler = bundler
        self._promises = promises
        self.used: set[str] = set()

    def service(self, key: str, service: Schema, *, team: str | None) -> Imported:
        wire_name = _wire_name(service, SERVICE_KEY, key, default=key)
        operations = {name: as_schema(value) for name, value in mapping(service, "operations").items()}
        if not operations:
            raise DocumentError(f"service {key!r} has no operations; declare one")
        read = [self._operation(key, name, operation or {}) for name, operation in operations.items()]
        names = [operation.name for operation, _ in read]
        if twice := [name for name in names if names.count(name) > 1]:
            raise DocumentError(f"service {key!r} has two operations that are {twice[0]!r} on the wire")
        owner = team or _team_of(wire_name)
        summary, rest = _summary_and_rest(service)
        try:
            described = ServiceDescription(
                service=f"{team}.v{_version_of(wire_name)}" if team else wire_name,
                endpoint=owner,
                team=owner,
                summary=summary,
                description=rest,
                operations=tuple(operation for operation, _ in read),
                digest="",
            )
            described = described.model_copy(update={"digest": described.observable_digest()})
        except ValidationError as error:
            raise DocumentError(f"service {key!r}: {error.errors()[0]['msg']}") from error
        except ValueError as error:
            raise DocumentError(f"service {key!r}: {error}") from error
        return Imported(described, wire_name, tuple(operation.name for operation, promised in read if not promised))

    def _operation(self, service: str, key: str, operation: Schema) -> tuple[OperationDescription, bool]:
        """Return the operation, and whether the file promises anything of it."""
        name = _wire_name(operation, OPERATION_KEY, key, default=operation_name(key))
        stated = next((each for each in (f"{service}.{key}", key) if each in self._promises), None)
        if stated is not None:
            if stated in self.used:
                raise DocumentError(f"two services have {stated!r}; promise something of {service + '.' + key!r}")
            self.used.add(stated)
        summary, rest = _summary_and_rest(operation)
        sides = {side: self._side(operation.get(side), f"{service}.{key} {side}") for side in ("input", "output")}
        return OperationDescription(
            name=name,
            summary=summary or f"{type_name(key)}, as the contract file has it.",
            description=rest,
            input=sides["input"],
            output=sides["output"],
            promise=ASSUMED if stated is None else self._promises[stated],
        ), stated is not None

    def _side(self, given: object, place: str) -> Schema:
        if given is None:
            return dict(VOID)
        schema = as_schema(given)
        if schema is None:
            raise DocumentError(f"{place} is no schema")
        complete = self._bundler.bundled(schema)
        try:
            jsonschema_rs.meta.validate(complete)
        except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
            reason = str(error).partition("\n")[0]
            raise DocumentError(f"{place} is no JSON Schema of 2020-12: {reason:.300}") from error
        return complete


def _wire_name(members: Schema, shape: re.Pattern[str], key: str, *, default: str) -> str:
    if not shape.fullmatch(key):
        raise DocumentError(
            f"{key!r} is no key; use one like {'OrdersV1' if shape is SERVICE_KEY else 'cancelOrder'!r}"
        )
    name = members.get("fqn", default)
    if not isinstance(name, str) or not name:
        raise DocumentError(f"the fqn of {key!r} is {name!r}; write the wire name in quotes")
    return name


def _team_of(wire_name: str) -> str:
    """Return whose service this is, as far as its name says: `chat` for `example.chat.v1.Chat`."""
    *before, last = [part for part in wire_name.split(".") if part]
    for index, part in enumerate([*before, last]):
        if index and _VERSION.fullmatch(part):
            return before[index - 1]
    return last.lower()


def _version_of(wire_name: str) -> str:
    found = [match[1] for part in wire_name.split(".") if (match := _VERSION.fullmatch(part))]
    return found[-1] if found else "1"


def _summary_and_rest(members: Schema) -> tuple[str, str]:
    text = members.get("description", "")
    if not isinstance(text, str):
        raise DocumentError(f"a description is {text!r:.40}; write words")
    summary, _, rest = text.strip().partition("\n\n")
    if members.get("deprecated") is True:
        rest = f"{rest.strip()}\n\nDeprecated: it answers still; look for another."
    return " ".join(summary.split()), rest.strip()


def listing_document(description: ServiceDescription) -> dict[str, object]:
    """Return the description as the registry holds it."""
    return cast(dict[str, object], description.model_dump(mode="json"))
