"""Writes a service as a contract file: `nexusrpc: "1.0.0"`, from which generators of other languages make code."""

from dataclasses import dataclass
from typing import Final

from callboard.interchange import dialect
from callboard.interchange.finding import Finding
from callboard.interchange.lowering import lowered
from callboard.interchange.naming import operation_key, service_key, type_name
from callboard.interchange.pooling import Pool
from callboard.interchange.remarks import ASSUMED, remark
from callboard.interchange.reserved import with_names
from callboard.interchange.schemas import DIALECT, Schema, as_schema, escaped
from callboard.interchange.text import printable
from callboard_contracts import Promise, ServiceDescription

VERSION: Final = "1.0.0"
"""The version of the format."""


@dataclass(frozen=True)
class ContractFile:
    """A contract file and what is not right with it."""

    document: dict[str, object]
    findings: tuple[Finding, ...]
    """What could not be said; while there is any, no generator takes the document."""


def contract_file(description: ServiceDescription) -> ContractFile:
    """Say what a service promises in the format of contract files; the promises themselves become remarks."""
    key = service_key(description.service)
    pool = Pool(taken=frozenset({key}))
    operations: dict[str, object] = {}
    promised: dict[str, dict[str, Promise]] = {}
    findings: list[Finding] = []
    for operation in description.operations:
        name = operation_key(operation.name)
        place = f"/services/{key}/operations/{escaped(name)}"
        if name in operations:
            findings.append(
                Finding(
                    place,
                    f"{operation.name!r} gets the same key as another operation",
                    "give the operations names that differ in more than case and underscores",
                )
            )
            continue
        said: dict[str, object] = {"fqn": operation.name}
        said |= words(operation.summary, operation.description)
        sides = {"input": operation.input, "output": operation.output}
        for side, schema in sides.items():
            if _is_void(schema):
                continue  # nothing is sent
            # The name that generators would give to a type without one.
            said[side] = pool.add(lowered(schema), name=f"{type_name(name)}{side.capitalize()}")
        if operation.promise != ASSUMED:
            promised.setdefault(_home(said), {})[name] = operation.promise
        operations[name] = said
    _remember(pool, promised)
    definitions = {name: with_names(pool.definitions[name]) for name in sorted(pool.definitions)}
    document: dict[str, object] = {
        "nexusrpc": VERSION,
        "$schema": DIALECT,
        **({"$comment": remark(promised[""])} if "" in promised else {}),
        "services": {
            key: {
                "fqn": description.service,
                **words(description.summary, description.description),
                "operations": operations,
            }
        },
        **({"$defs": definitions} if definitions else {}),
    }
    return ContractFile(document, (*findings, *dialect.problems(document)))


def words(summary: str, description: str) -> dict[str, object]:
    """Return the `description` of a service or an operation, if there is anything to say."""
    text = printable("\n\n".join(part for part in (summary, description) if part.strip()))
    return {"description": text} if text else {}


def _is_void(schema: Schema) -> bool:
    return schema.get("type") == "null"


def _home(said: dict[str, object]) -> str:
    """Return the definition beside which the promise of an operation is written down."""
    for side in ("input", "output"):
        reference = as_schema(said.get(side))
        if reference is not None:
            return str(reference["$ref"]).removeprefix("#/$defs/")
    return ""


def _remember(pool: Pool, promised: dict[str, dict[str, Promise]]) -> None:
    for name, promises in promised.items():
        if name in pool.definitions:
            pool.definitions[name] = {"$comment": remark(promises), **pool.definitions[name]}
