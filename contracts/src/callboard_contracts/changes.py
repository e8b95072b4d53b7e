"""Which changes of a service would break a caller.

A caller speaks the old revision and the team the new one. So whatever a caller may send (old input) must be accepted by
the team (new input), and whatever the team may answer (new output) must be understood by the caller (old output). Both
sides are typed: they send the fields that they declare and no others, and ignore fields that they do not know.

What cannot be shown to be harmless is named as breaking. Schemas are compared keyword by keyword, so a change that
only says the same thing in another way may be named too; a definition within itself is compared as it is written.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Final, Literal, cast

from callboard_contracts.descriptions import OperationDescription, ServiceDescription
from callboard_contracts.digests import observable_schema
from callboard_contracts.promises import Promise

Schema = Mapping[str, object]
Direction = Literal["input", "output"]

_EFFECTS: Final = ("read", "write", "irreversible")
_LOWEST: Final = ("minLength", "minItems", "minProperties", "minimum", "exclusiveMinimum")
_HIGHEST: Final = ("maxLength", "maxItems", "maxProperties", "maximum", "exclusiveMaximum")
_COMPARED: Final = frozenset(
    {"type", "enum", "anyOf", "oneOf", "properties", "required", "additionalProperties", "items", "default"}
    | {*_LOWEST, *_HIGHEST}
)


def breaking_changes(
    old: ServiceDescription | Mapping[str, object], new: ServiceDescription | Mapping[str, object]
) -> list[str]:
    """Name every change from the old listing to the new one that would break a caller of the old one.

    Takes what `describe` answers, or its JSON form. An empty list means that `new` may take the place of `old`;
    otherwise it has to be another version of the service.
    """
    before, after = ServiceDescription.model_validate(old), ServiceDescription.model_validate(new)
    found: list[str] = []
    if before.service != after.service:
        found.append(f"the service is called {after.service!r}, was {before.service!r}")
    if before.endpoint != after.endpoint:
        found.append(f"the endpoint is {after.endpoint!r}, was {before.endpoint!r}")
    offered = {operation.name: operation for operation in after.operations}
    for operation in before.operations:
        successor = offered.get(operation.name)
        if successor is None:
            found.append(f"{operation.name}: the operation was removed")
        else:
            found.extend(f"{operation.name}: {change}" for change in _operation_changes(operation, successor))
    return found


def _operation_changes(old: OperationDescription, new: OperationDescription) -> Iterator[str]:
    old_input, new_input = observable_schema(old.input), observable_schema(new.input)
    yield from _Comparison("input").gaps(old_input, new_input, "input")
    old_output, new_output = observable_schema(old.output), observable_schema(new.output)
    yield from _Comparison("output").gaps(new_output, old_output, "output")
    yield from _promise_changes(old.promise, new.promise)


def _promise_changes(old: Promise, new: Promise) -> Iterator[str]:
    if old.kind != new.kind:
        yield f"promised to be a {old.kind}, is a {new.kind}"
    if _EFFECTS.index(new.effect) > _EFFECTS.index(old.effect):
        yield f"promised effect {old.effect!r}, has {new.effect!r}"
    if old.entity != new.entity:
        yield f"promised to act on {old.entity!r}, acts on {new.entity!r}"
    if new.latency > old.latency:
        yield f"promised to answer within {_seconds(old.latency)}, answers within {_seconds(new.latency)}"
    if new.longest < old.longest:
        yield f"promised to work for up to {_seconds(old.longest)}, gives up after {_seconds(new.longest)}"
    if new.idempotency not in (old.idempotency, "natural"):
        yield f"promised idempotency {old.idempotency!r}, has {new.idempotency!r}"
    if old.model_callable and not new.model_callable:
        yield "promised to be callable by a model, is not"
    for path, data in old.sensitive.items():
        if new.sensitive.get(path) != data:
            yield f"promised to treat {path!r} as {data!r}, treats it as {new.sensitive.get(path)!r}"


def _seconds(duration: timedelta) -> str:
    return f"{duration.total_seconds():g} s"


class _Comparison:
    """Finds the values that a writer may write and a reader would not take, in one direction."""

    def __init__(self, direction: Direction) -> None:
        # The caller writes inputs and reads outputs, and the caller is the one that speaks the old revision.
        self._old_writes = direction == "input"

    def gaps(self, writer: object, reader: object, path: str) -> list[str]:
        """Say, per path, why something written may not be read. Schemas are in the form of `observable_schema`."""
        if writer == reader:
            return []
        if reader is True or writer is False:
            return []
        if isinstance(writer, bool) or isinstance(reader, bool):
            return [f"{path}: {self._was(writer, reader)}"]
        return list(self._found(cast(Schema, writer), cast(Schema, reader), path))

    def _found(self, writer: Schema, reader: Schema, path: str) -> Iterator[str]:
        if self._old_writes and writer.get("default") != reader.get("default") and "default" in writer:
            yield f"{path}: left out, it means {reader.get('default')!r}, was {writer['default']!r}"
        written, read = _alternatives(writer), _alternatives(reader)
        if len(written) > 1 or len(read) > 1:
            for alternative in written:
                misfits = [self.gaps(alternative, candidate, path) for candidate in read]
                if all(misfits):
                    # The candidate with the fewest gaps is most likely the one that was meant.
                    yield from min(misfits, key=len)
            return
        yield from self._scalar_gaps(written[0], read[0], path)
        yield from self._object_gaps(written[0], read[0], path)
        if "items" in read[0]:
            yield from self.gaps(written[0].get("items", True), read[0]["items"], f"{path}[]")

    def _scalar_gaps(self, writer: Schema, reader: Schema, path: str) -> Iterator[str]:
        types, accepted = _types(writer), _types(reader)
        if accepted and (not types or not types <= accepted):
            yield f"{path}: type {self._was(sorted(types) or 'anything', sorted(accepted))}"
        if "enum" in reader:
            extra = [value for value in _sequence(writer.get("enum")) if value not in _sequence(reader["enum"])]
            if "enum" not in writer:
                yield f"{path}: values {self._was('anything', reader['enum'])}"
            elif extra:
                yield f"{path}: {self._added_or_removed(extra)}"
        for keyword in (*_LOWEST, *_HIGHEST):
            bound, given = _bound(reader, keyword), _bound(writer, keyword)
            if bound is None:
                continue
            if given is None or (given < bound if keyword in _LOWEST else given > bound):
                yield f"{path}: {keyword} {self._was(given, bound)}"
        for keyword in sorted(set(reader) - _COMPARED):
            if writer.get(keyword) != reader[keyword]:
                yield f"{path}: {keyword} {self._was(writer.get(keyword), reader[keyword])}"

    def _object_gaps(self, writer: Schema, reader: Schema, path: str) -> Iterator[str]:
        writes, reads = _members(writer), _members(reader)
        for name in _sequence(reader.get("required")):
            if name not in _sequence(writer.get("required")):
                yield f"{path}.{name}: " + ("required now" if self._old_writes else "no longer always there")
        for name in writes.keys() & reads.keys():
            yield from self.gaps(writes[name], reads[name], f"{path}.{name}")
        gone = writes.keys() - reads.keys() if self._old_writes else reads.keys() - writes.keys()
        for name in sorted(gone):
            yield f"{path}.{name}: the field was removed"
        others = reader.get("additionalProperties", True)
        for name in sorted(writes.keys() - reads.keys() - gone):
            yield from self.gaps(writes[name], others, f"{path}.{name}")
        if "properties" not in writer and "object" in (_types(writer) or {"object"}) and "object" in _types(reader):
            # A map: any name may be written, also one that the reader declares as a field.
            anything = writer.get("additionalProperties", True)
            yield from self.gaps(anything, others, f"{path}.*")
            for name, member in sorted(reads.items()):
                yield from self.gaps(anything, member, f"{path}.{name}")

    def _was(self, writer: object, reader: object) -> str:
        old, new = (writer, reader) if self._old_writes else (reader, writer)
        return f"is {new!r}, was {old!r}"

    def _added_or_removed(self, values: list[object]) -> str:
        named = ", ".join(repr(value) for value in values)
        return f"no longer takes {named}" if self._old_writes else f"may now be {named}"


def _alternatives(schema: Schema) -> list[Schema]:
    """The branches of a union, each with what the union says beside them; a schema without branches is one itself.

    `oneOf` counts as `anyOf`: contracts only have it where a field tells the branches apart.
    """
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema:
            beside = {key: value for key, value in schema.items() if key not in (keyword, "default")}
            branches = cast(Sequence[Schema], schema[keyword])
            return [{**beside, **nested} for branch in branches for nested in _alternatives(branch)]
    return [schema]


def _types(schema: Schema) -> frozenset[str]:
    found = schema.get("type")
    names = frozenset([found] if isinstance(found, str) else cast(Sequence[str], found or ()))
    return names | {"integer"} if "number" in names else names


def _bound(schema: Schema, keyword: str) -> float | None:
    return cast(float | None, schema.get(keyword))


def _members(schema: Schema) -> Schema:
    return cast(Schema, schema.get("properties", {}))


def _sequence(value: object) -> Sequence[object]:
    return cast(Sequence[object], value or ())
