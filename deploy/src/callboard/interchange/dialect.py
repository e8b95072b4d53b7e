"""What a contract file may hold: the rules of the format, each with what to do about a breach.

The format is JSON Schema 2020-12 with everything left out that Go, Java, Python and TypeScript cannot say alike. A
generator refuses a file at the first breach; here all of them are named.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from callboard.interchange.finding import Finding
from callboard.interchange.naming import OPERATION_KEY, SERVICE_KEY
from callboard.interchange.schemas import DIALECT, Schema, as_schema, escaped, mapping, sequence
from callboard.interchange.wording import Target, schema_problems

_ENVELOPE: Final = frozenset({"nexusrpc", "$schema", "$comment", "title", "description", "services", "$defs"})
_OVERRIDES: Final = frozenset({"x-go-name", "x-ts-name", "x-py-name", "x-java-name"})
_SERVICE: Final = frozenset({"fqn", "description", "deprecated", "operations"}) | _OVERRIDES
_OPERATION: Final = frozenset({"fqn", "description", "deprecated", "input", "output"}) | _OVERRIDES

_BOOL_DEFS: Final = "say what it is: an object, or a union of objects"


def problems(document: Mapping[str, object], *, target: Target | None = None) -> list[Finding]:
    """Name everything in a contract file, or in a schema file that one refers to, that the format does not know.

    Args:
        document: The whole file.
        target: Finds what a reference stands for; by default only references within the file have a meaning.
    """
    find = target or within(document)
    if "nexusrpc" in document or "services" in document:
        return [*_envelope(document), *_services(document, find), *_definitions(document, find)]
    root = {keyword: value for keyword, value in document.items() if keyword not in ("$schema", "$defs")}
    words = {"title", "description", "$comment"}
    own = schema_problems(root, "", find) if set(root) - words else ()
    return [*_dialect_of(document), *own, *_definitions(document, find)]


def within(document: Mapping[str, object]) -> Target:
    """Return what finds the definitions of one document."""

    def find(reference: str) -> Schema | None:
        name = reference.removeprefix("#/$defs/")
        return as_schema(mapping(document, "$defs").get(name)) if name != reference else None

    return find


def _envelope(document: Mapping[str, object]) -> Iterator[Finding]:
    if document.get("nexusrpc") != "1.0.0":
        yield Finding("/nexusrpc", f"it is {document.get('nexusrpc')!r}", 'write nexusrpc: "1.0.0", in quotes')
    yield from _dialect_of(document)
    for keyword in document.keys() - _ENVELOPE:
        yield Finding(f"/{escaped(keyword)}", f"{keyword!r} has no place beside the services", "put types into $defs")


def _dialect_of(document: Mapping[str, object]) -> Iterator[Finding]:
    if document.get("$schema", DIALECT) != DIALECT:
        yield Finding("/$schema", f"it is {document['$schema']!r}", f"write {DIALECT!r}, or leave it out")


def _definitions(document: Mapping[str, object], find: Target) -> Iterator[Finding]:
    for name, value in mapping(document, "$defs").items():
        place = f"/$defs/{escaped(name)}"
        schema = as_schema(value)
        if schema is None:
            yield Finding(place, "it is no object", _BOOL_DEFS)
            continue
        if not ({"type", "oneOf", "$ref", "allOf"} & schema.keys()) or (
            "type" in schema and schema["type"] != "object"
        ):
            yield Finding(place, "only objects and unions have names", "write it out where it is used")
        inner = {keyword: part for keyword, part in schema.items() if keyword != "$defs"}
        yield from schema_problems(inner, place, find)


def _services(document: Mapping[str, object], find: Target) -> Iterator[Finding]:
    services = mapping(document, "services")
    if not services:
        yield Finding("/services", "there is none", "declare a service with its operations")
    for name, value in services.items():
        place = f"/services/{escaped(name)}"
        service = as_schema(value) or {}
        if not SERVICE_KEY.fullmatch(name):
            yield Finding(
                place, f"{name!r} is no key of a service", "use one like 'OrdersV1'; the wire name goes to fqn"
            )
        yield from _known(service, _SERVICE, place)
        operations = mapping(service, "operations")
        if not operations:
            yield Finding(place, "it has no operations", "declare one")
        for key, operation in operations.items():
            yield from _operation(key, as_schema(operation) or {}, f"{place}/operations/{escaped(key)}", find)


def _operation(key: str, operation: Schema, place: str, find: Target) -> Iterator[Finding]:
    if not OPERATION_KEY.fullmatch(key):
        yield Finding(
            place, f"{key!r} is no key of an operation", "use one like 'cancelOrder'; the wire name goes to fqn"
        )
    yield from _known(operation, _OPERATION, place)
    for side in ("input", "output"):
        if side not in operation:
            continue
        schema = as_schema(operation[side])
        if schema is None or not _is_object(schema, find):
            yield Finding(
                f"{place}/{side}",
                "it is no object",
                "wrap it in an object of one field, so that fields can be added later",
            )
        if schema is not None:
            yield from schema_problems(schema, f"{place}/{side}", find)


def _is_object(schema: Schema, find: Callable[[str], Schema | None]) -> bool:
    seen: set[str] = set()
    while isinstance(reference := schema.get("$ref"), str):
        target = None if reference in seen else find(reference)
        if target is None:
            return True  # that it leads nowhere is said elsewhere
        seen.add(reference)
        schema = target
    if "allOf" in schema and "oneOf" not in schema:
        return all(_is_object(part, find) for each in sequence(schema, "allOf") if (part := as_schema(each)))
    return schema.get("type") == "object"


def _known(members: Schema, known: frozenset[str], place: str) -> Iterator[Finding]:
    for word in members.keys() - known:
        yield Finding(f"{place}/{escaped(word)}", f"{word!r} is not known here", "leave it out")
    if not isinstance(members.get("fqn", ""), str):
        yield Finding(f"{place}/fqn", "it is no string", "write the wire name in quotes")
