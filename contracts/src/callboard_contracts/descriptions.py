"""What is published about a service: its operations, their schemas of both directions, their promises, a digest."""

import ast
import inspect
import sys
import textwrap
from functools import cache
from itertools import pairwise
from typing import Final, Literal, cast

import nexusrpc
from pydantic import TypeAdapter

from callboard_contracts.digests import digest_of, observable_schema
from callboard_contracts.messages import Message
from callboard_contracts.promises import Promise, promise_of

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


class OperationDescription(Message):
    """What is published about one operation."""

    name: str
    """The name on the wire."""

    summary: str
    """What it does, in one line."""

    description: str
    """Everything else there is to say. May be empty."""

    input: dict[str, object]
    """JSON Schema 2020-12 of what is accepted, complete in itself."""

    output: dict[str, object]
    """JSON Schema 2020-12 of what is answered, complete in itself."""

    promise: Promise
    """What is promised beside the schemas."""


class ServiceDescription(Message):
    """What is published about one version of a service: the document that a listing holds."""

    service: str
    """The wire name, `<team>.v<N>`."""

    endpoint: str
    """The logical name of the Nexus endpoint that serves it."""

    team: str
    """The team that owns it."""

    summary: str
    """What it is for, in one line."""

    description: str
    """Everything else there is to say. May be empty."""

    operations: tuple[OperationDescription, ...]
    """The operations, in the order of the contract."""

    digest: str
    """`sha256:<hex>` over what a caller can observe: names, types, constraints and promises, but not titles,
    descriptions or examples."""

    def observable_digest(self) -> str:
        """Compute the digest from what is described here. A document that holds another one was tampered with.

        Raises:
            ValueError: A schema is not complete in itself, or too big.
        """
        return digest_of(
            {
                "service": self.service,
                "endpoint": self.endpoint,
                "operations": {
                    operation.name: {
                        "input": observable_schema(operation.input),
                        "output": observable_schema(operation.output),
                        "promise": _observable_promise(operation.promise),
                    }
                    for operation in self.operations
                },
            }
        )

    def operation(self, name: str) -> OperationDescription:
        """The operation with this name on the wire.

        Raises:
            LookupError: The service has no such operation; the message names those it has.
        """
        for operation in self.operations:
            if operation.name == name:
                return operation
        known = ", ".join(operation.name for operation in self.operations)
        raise LookupError(f"{self.service} has no operation {name!r}; it has {known}")


@cache
def describe(service: type) -> ServiceDescription:
    """Describe a service class of a contract. The same class is described once; do not change what is returned.

    Raises:
        TypeError: The class is not a Nexus service, or an operation was declared without `promise`.
    """
    definition = nexusrpc.get_service_definition(service)
    if definition is None:
        raise TypeError(f"{service!r} is not a Nexus service; decorate it with `@nexusrpc.service`")
    team = definition.name.partition(".")[0]
    endpoint = cast(str, getattr(sys.modules[service.__module__], "ENDPOINT", team))
    words = _attribute_docstrings(service)
    operations: list[OperationDescription] = []
    for name in _in_order(service):
        operation = cast("nexusrpc.Operation[object, object]", getattr(service, name))
        summary, description = _summary_and_rest(words.get(name, ""))
        operations.append(
            OperationDescription(
                name=operation.name,
                summary=summary,
                description=description,
                input=_schema(operation.input_type, "validation"),
                output=_schema(operation.output_type, "serialization"),
                promise=promise_of(operation),
            )
        )
    summary, description = _summary_and_rest(service.__doc__ or "")
    described = ServiceDescription(
        service=definition.name,
        endpoint=endpoint,
        team=team,
        summary=summary,
        description=description,
        operations=tuple(operations),
        digest="",
    )
    return described.model_copy(update={"digest": described.observable_digest()})


def _observable_promise(promise: Promise) -> object:
    # What came later counts only where it says something, so that what was published before keeps its digest.
    later = {"remembered"} if promise.remembered is None else set[str]()
    return promise.model_dump(mode="json", exclude={"examples", *later})


def _schema(message: type | None, mode: Literal["validation", "serialization"]) -> dict[str, object]:
    assert message is not None, "nexusrpc.service has filled in the types from the annotation"
    schema: dict[str, object] = {"$schema": _DIALECT, **TypeAdapter[object](message).json_schema(mode=mode)}
    definitions = cast(dict[str, dict[str, object]], schema.get("$defs", {}))
    for definition in (schema, *definitions.values()):
        for member in cast(dict[str, dict[str, object]], definition.get("properties", {})).values():
            # Pydantic's title of a field only repeats its name; a model that is given the schema pays for every word.
            member.pop("title", None)
    return schema


def _in_order(service: type) -> list[str]:
    """The attributes that are operations, inherited ones first, in the order in which they are written."""
    names: dict[str, None] = {}
    for owner in reversed(service.__mro__):
        names.update((name, None) for name, value in vars(owner).items() if isinstance(value, nexusrpc.Operation))
    return list(names)


def _attribute_docstrings(service: type) -> dict[str, str]:
    """The string under each attribute of the class and of the classes it inherits from."""
    words: dict[str, str] = {}
    for owner in reversed(service.__mro__[:-1]):
        try:
            source = textwrap.dedent(inspect.getsource(owner))
        except (OSError, TypeError):
            continue  # a class without a source file has no words to publish; its digest is the same
        body = cast(ast.ClassDef, ast.parse(source).body[0]).body
        for statement, after in pairwise(body):
            if (
                isinstance(statement, ast.AnnAssign)
                and isinstance(statement.target, ast.Name)
                and isinstance(after, ast.Expr)
                and isinstance(after.value, ast.Constant)
                and isinstance(after.value.value, str)
            ):
                words[statement.target.id] = after.value.value
    return words


def _summary_and_rest(text: str) -> tuple[str, str]:
    summary, _, rest = inspect.cleandoc(text).partition("\n\n")
    return " ".join(summary.split()), rest.strip()
