"""Holding a document against both schemas with the validator, and saying which rule it breaks and where."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, cast

import jsonschema_rs

from callboard_registry.compatibility.documents import Document, SchemaError
from callboard_registry.compatibility.formats import DIALECT_OF
from callboard_registry.compatibility.values import shown
from callboard_registry.compatibility.verdicts import Direction, Finding

_RULES: Final = {
    "const": "enum",
    "exclusiveMinimum": "minimum",
    "exclusiveMaximum": "maximum",
    "false schema": "additionalProperties",
    "falseSchema": "additionalProperties",
    "dependencies": "required",
    "dependentRequired": "required",
    "unevaluatedProperties": "additionalProperties",
    "unevaluatedItems": "additionalItems",
}

_SIDES: Final[dict[Direction, tuple[str, str, str, str]]] = {
    "backward": ("the new schema", "a document of the old one", "have", "lack it"),
    "forward": ("the old schema", "a document of the new one", "have", "lack it"),
    "input": ("the new input", "an old caller", "send", "leave it out"),
    "output": ("the old output", "the new service", "answer", "leave it out"),
}


class Side:
    """One of the two schemas, as the validator reads it; formats count in every draft."""

    def __init__(self, document: Document) -> None:
        """Read the schema.

        Raises:
            SchemaError: The validator cannot read it.
        """
        if not isinstance(document.schema, (bool, dict)):
            raise SchemaError(f"a schema is an object or a boolean, this is {shown(document.schema)}")
        schema = cast("dict[str, object] | bool", document.schema)
        if not isinstance(schema, bool) and "$schema" not in schema:
            schema = {"$schema": DIALECT_OF[document.draft], **schema}
        try:
            self._validator: Final = jsonschema_rs.validator_for(schema, validate_formats=True, offline=True)
        except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
            raise SchemaError(str(error).partition("\n")[0]) from error

    def takes(self, document: object) -> bool:
        """Tell whether the document is valid."""
        return self._validator.is_valid(document)

    def errors(self, document: object) -> list[jsonschema_rs.ValidationError]:
        """Return what is wrong with a document, the innermost error of each union, the deepest first."""
        found = [_innermost(error) for error in self._validator.iter_errors(document)]
        return sorted(found, key=lambda error: -len(error.instance_path))


def finding(error: jsonschema_rs.ValidationError, document: object, direction: Direction) -> Finding:
    """Say what the receiver refuses in the document."""
    keyword = error.kind.name
    return Finding(
        rule=_RULES.get(keyword, keyword),
        pointer=pointer(error.schema_path),
        sentence=_sentence(error, direction),
        place=pointer(error.instance_path),
        has_counterexample=True,
        counterexample=document,
    )


def pointer(path: Sequence[str | int]) -> str:
    """Return a path as a JSON pointer."""
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in path)


def _sentence(error: jsonschema_rs.ValidationError, direction: Direction) -> str:
    receiver, sender, have, lack = _SIDES[direction]
    kind, value = error.kind, shown(error.instance)
    place = pointer(error.instance_path)
    at = f" at {place}" if place else ""
    match kind:
        case jsonschema_rs.ValidationErrorKind.Required():
            return f"{receiver} requires {kind.property!r}{at}, and {sender} may {lack}"
        case jsonschema_rs.ValidationErrorKind.AdditionalProperties():
            return f"{receiver} allows no {_listed(kind.unexpected)}{at}, and {sender} may {have} that"
        case jsonschema_rs.ValidationErrorKind.UnevaluatedProperties():
            return f"{receiver} allows no {_listed(kind.unexpected)}{at}, and {sender} may {have} that"
        case jsonschema_rs.ValidationErrorKind.FalseSchema():
            return f"{receiver} allows nothing{at}, and {sender} may {have} {value} there"
        case jsonschema_rs.ValidationErrorKind.Enum() | jsonschema_rs.ValidationErrorKind.Constant():
            return f"{receiver} does not take {value}{at}, and {sender} may {have} it"
        case jsonschema_rs.ValidationErrorKind.AnyOf() | jsonschema_rs.ValidationErrorKind.OneOfNotValid():
            return f"{receiver} has no branch for {value}{at}, and {sender} may {have} it"
        case jsonschema_rs.ValidationErrorKind.OneOfMultipleValid():
            return f"{receiver} takes one branch only, and {value}{at}, which {sender} may {have}, fits more than one"
        case _:
            return f"{receiver} demands {_demanded(kind)}{at}, and {sender} may {have} {value}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names)


def _demanded(kind: jsonschema_rs.ValidationErrorKind) -> str:
    value: object = kind.value
    if kind.name == "type":
        return shown(value).strip("[]").replace('"', "").replace(",", " or")
    simple = isinstance(value, (str, int, float)) and not isinstance(value, bool)
    return f"{kind.name} {shown(value)}" if simple else repr(kind.name)


def _innermost(error: jsonschema_rs.ValidationError) -> jsonschema_rs.ValidationError:
    """Return what is wrong in the branch of a union that was most likely meant, if one can be told."""
    kind = error.kind
    if isinstance(kind, (jsonschema_rs.ValidationErrorKind.AnyOf, jsonschema_rs.ValidationErrorKind.OneOfNotValid)):
        branches = [branch for branch in kind.context if branch]
        fitting = [branch for branch in branches if not _is_elsewhere(error, branch)]
        if len(fitting) == 1 and fitting[0]:
            return _innermost(fitting[0][0])
    return error


def _is_elsewhere(union: jsonschema_rs.ValidationError, branch: list[jsonschema_rs.ValidationError]) -> bool:
    """Tell whether a branch was not meant: another type, or another tag."""
    here = len(union.instance_path)
    for error in branch:
        depth = len(error.instance_path) - here
        if depth == 0 and error.kind.name == "type":
            return True
        if depth <= 1 and error.kind.name == "const":
            return True
    return False


def repaired(schema: object, error: jsonschema_rs.ValidationError, path: Sequence[str | int]) -> object | None:
    """Return the schema without what refused the document, or `None` where that cannot be taken out alone."""
    if not path or any(step in ("not", "if", "oneOf", "contains", "propertyNames") for step in path[:-1]):
        return None
    keyword = path[-1]
    if keyword in ("anyOf", "oneOf", "$ref", "allOf", "not", "if"):
        return None

    def taken_out(keywords: object) -> object:
        if not isinstance(keywords, Mapping) or keyword not in keywords:
            return None
        members = dict(cast(Mapping[str, object], keywords))
        if isinstance(error.kind, jsonschema_rs.ValidationErrorKind.Required):
            left = [name for name in cast(list[object], members["required"]) if name != error.kind.property]
            return {**members, "required": left}
        if keyword == "enum" and isinstance(members["enum"], list) and not isinstance(error.instance, (list, dict)):
            return {**members, "enum": [*cast(list[object], members["enum"]), error.instance]}
        del members[str(keyword)]
        for other in ("exclusiveMinimum", "exclusiveMaximum"):
            if isinstance(members.get(other), bool) and keyword == other.replace("exclusiveM", "m"):
                del members[other]
        return members

    return _replaced(schema, list(path[:-1]), taken_out)


def _replaced(schema: object, path: list[str | int], change: Callable[[object], object]) -> object | None:
    if not path:
        return change(schema)
    step, rest = path[0], path[1:]
    if isinstance(schema, Mapping) and step in schema:
        members = cast(Mapping[str, object], schema)
        inner = _replaced(members[str(step)], rest, change)
        return None if inner is None else {**members, str(step): inner}
    if isinstance(schema, list) and isinstance(step, int) and step < len(cast(list[object], schema)):
        items = list(cast(list[object], schema))
        inner = _replaced(items[step], rest, change)
        if inner is None:
            return None
        items[step] = inner
        return items
    return None
