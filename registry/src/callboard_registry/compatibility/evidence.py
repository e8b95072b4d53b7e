"""Holding a document against both schemas with the validator, and saying which rule it breaks and where."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, cast

import jsonschema_rs

from callboard_registry.compatibility.documents import Document, SchemaError
from callboard_registry.compatibility.formats import DIALECT_OF
from callboard_registry.compatibility.values import identity, kind_of, shown
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

_SIDES: Final[dict[Direction, tuple[str, str]]] = {
    "backward": ("a document of the old schema", "the new schema"),
    "forward": ("a document of the new schema", "the old schema"),
    "input": ("what an old caller sends", "the new input"),
    "output": ("what the new service answers", "the old output"),
}


class Side:
    """One of the two schemas, as the validator reads it; formats count in every draft."""

    def __init__(self, document: Document) -> None:
        """Read the schema.

        Raises:
            SchemaError: The validator cannot read it.
        """
        schema = document.schema
        if not isinstance(schema, (bool, dict)):
            raise SchemaError(f"a schema is an object or a boolean, this is {shown(schema)}")
        if isinstance(schema, dict) and "$schema" not in schema:
            schema = {"$schema": DIALECT_OF[document.draft], **schema}
        try:
            self._validator: Final = jsonschema_rs.validator_for(
                cast("dict[str, object] | bool", schema), validate_formats=True, offline=True
            )
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
    path = _schema_path(error)
    sender, receiver = _SIDES[direction]
    at = pointer(error.instance_path)
    what = _what(error)
    return Finding(
        rule=_RULES.get(keyword, keyword),
        pointer=pointer(path),
        sentence=f"{sender} may {what}{f' at {at}' if at else ''}, which {receiver} refuses",
        place=at,
        has_counterexample=True,
        counterexample=document,
    )


def _schema_path(error: jsonschema_rs.ValidationError) -> Sequence[str | int]:
    return error.schema_path


def pointer(path: Sequence[str | int]) -> str:
    """Return a path as a JSON pointer."""
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in path)


def _what(error: jsonschema_rs.ValidationError) -> str:
    kind = error.kind
    value = shown(error.instance)
    match kind:
        case jsonschema_rs.ValidationErrorKind.Required():
            return f"lack {kind.property!r}"
        case jsonschema_rs.ValidationErrorKind.AdditionalProperties() | (
            jsonschema_rs.ValidationErrorKind.UnevaluatedProperties()
        ):
            return f"have {', '.join(repr(name) for name in kind.unexpected)}"
        case jsonschema_rs.ValidationErrorKind.Type():
            return f"be the {_kind_word(error.instance)} {value}"
        case jsonschema_rs.ValidationErrorKind.PropertyNames():
            return f"have a member whose name is refused in {value}"
        case jsonschema_rs.ValidationErrorKind.FalseSchema():
            return f"have something: {value}"
        case _:
            return f"be {value}, against {kind.name} {_expected(kind)}".rstrip()


def _kind_word(value: object) -> str:
    kind = kind_of(value)
    return "integer" if kind == "number" and isinstance(value, int) else kind


def _expected(kind: jsonschema_rs.ValidationErrorKind) -> str:
    value: object = kind.value
    return shown(value) if isinstance(value, (str, int, float, list)) else ""


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
        if keyword == "enum" and isinstance(members["enum"], list):
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


def same(first: object, second: object) -> bool:
    """Tell whether two documents are equal, as JSON Schema has it."""
    return identity(first) == identity(second)
