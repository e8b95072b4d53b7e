"""A JSON Schema as fields of a form, filled with a value: what to show where, and what is wrong with it.

What no form can say (a choice between shapes, members of any name, a shape that holds itself) is one field of JSON.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, cast

from callboard_registry.console.schema_tree import schema_tree

Schema = Mapping[str, object]
Kind = Literal["text", "lines", "number", "choice", "truth", "fixed", "json", "object", "list"]

DEEPEST: Final = 6
MOST_ENTRIES: Final = 50
"""Entries of a list that a form shows; more are written as JSON."""

_LONG: Final = 200
"""Characters from which on a text gets more than a line."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field of a form, or several that belong together."""

    pointer: str
    """Where the value is, as RFC 6901 writes it; empty for the whole."""

    label: str
    kind: Kind
    required: bool = True
    words: str = ""
    rules: tuple[str, ...] = ()
    """What a value must keep to, in words."""

    text: str = ""
    """What the field holds, as it is written in the form."""

    choices: tuple[str, ...] = ()
    """For a choice: JSON texts."""

    least: object = None
    most: object = None
    whole: bool = False
    """For a number: whether only whole ones will do."""

    longest: int | None = None
    fields: tuple["Field", ...] = ()
    """For an object its members, for a list its entries."""

    wrong: str = ""
    """What is wrong with it."""

    @property
    def id(self) -> str:
        """What names the field on the page."""
        return f"field{self.pointer}"


class Form:
    """The fields of one schema."""

    def __init__(self, schema: Schema) -> None:
        self._root = schema

    def fields(self, value: object, wrong: Mapping[str, str], typed: Mapping[str, str]) -> Field:
        """Return the form's fields.

        Args:
            value: What the form is filled with.
            wrong: What is wrong, by pointer.
            typed: What was typed where that is no value: it is shown again as it was.
        """
        return _Filling(self._root, wrong, typed).field(self._root, "", "", value, required=True, depth=0)

    def blank(self, pointer: str) -> object:
        """Return what a new entry of the list at `pointer` begins as."""
        schema = self.at(pointer)
        entries = self.resolved(_mapping(schema.get("items")))[0]
        return {} if _kind(entries) == "object" else None

    def at(self, pointer: str) -> Schema:
        """Return the schema of the value at `pointer`."""
        schema, _ = self.resolved(self._root)
        for step in steps(pointer):
            below = schema.get("items") if step.isdigit() else _mapping(schema.get("properties")).get(step)
            schema, _ = self.resolved(_mapping(below))
        return schema

    def resolved(self, schema: Schema) -> tuple[Schema, bool]:
        """Return a schema without references, and whether null will do as well."""
        return resolved(schema, self._root)


class _Filling:
    def __init__(self, root: Schema, wrong: Mapping[str, str], typed: Mapping[str, str]) -> None:
        self._root = root
        self._wrong = wrong
        self._typed = typed

    def field(self, schema: Schema, pointer: str, label: str, value: object, *, required: bool, depth: int) -> Field:
        own = schema
        schema, nullable = resolved(schema, self._root)
        kind = "json" if depth > DEEPEST else _kind(schema)
        if kind in ("object", "list") and not _fits(kind, value):
            kind = "json"
        required = required and not nullable
        text = self._typed.get(pointer, "" if kind in ("object", "list") else _text(kind, value))
        least, most = schema.get("minimum"), schema.get("maximum")
        [shown] = schema_tree({"properties": {"value": own}, "$defs": self._root.get("$defs", {})}, anchor="")
        return Field(
            pointer=pointer,
            label=label,
            kind=kind,
            required=required,
            words=str(own.get("description") or schema.get("description") or "") if pointer else "",
            rules=tuple(rule for rule in shown.rules if not rule.startswith(("one of ", "default ")))
            if pointer
            else (),
            text=text,
            choices=_choices(schema),
            least=least,
            most=most,
            whole=schema.get("type") == "integer",
            longest=cast("int | None", schema.get("maxLength")),
            fields=self._below(kind, schema, pointer, value, depth),
            wrong=self._wrong.get(pointer, ""),
        )

    def _below(self, kind: Kind, schema: Schema, pointer: str, value: object, depth: int) -> tuple[Field, ...]:
        if kind == "object":
            held = cast("Mapping[str, object]", value or {})
            required = set(cast("Sequence[str]", schema.get("required", ())))
            members = _mapping(schema.get("properties"))
            return tuple(
                self.field(
                    _mapping(member),
                    f"{pointer}/{_escaped(name)}",
                    name,
                    held.get(name, _mapping(member).get("default")),
                    required=name in required,
                    depth=depth + 1,
                )
                for name, member in members.items()
            )
        if kind == "list":
            entries = _mapping(schema.get("items"))
            least = cast("int", schema.get("minItems", 0))
            held = list(cast("Sequence[object]", value or ()))
            held += [None] * (least - len(held))
            return tuple(
                self.field(entries, f"{pointer}/{place}", f"{place + 1}.", each, required=True, depth=depth + 1)
                for place, each in enumerate(held)
            )
        return ()


def resolved(schema: Schema, root: Schema) -> tuple[Schema, bool]:
    """Return a schema without references and without null as a choice, and whether null was one."""
    nullable = False
    for _ in range(2 * DEEPEST):
        target = str(schema.get("$ref", ""))
        if target.startswith("#/"):
            node: object = root
            for step in steps(target[1:]):
                node = _mapping(node).get(step)
            schema = _mapping(node)
            continue
        variants = [_mapping(each) for each in cast("list[object]", schema.get("anyOf") or schema.get("oneOf") or [])]
        real = [each for each in variants if each.get("type") != "null"]
        if variants and len(real) == 1:
            nullable = nullable or len(real) < len(variants)
            schema = real[0]
            continue
        break
    return schema, nullable


def steps(pointer: str) -> list[str]:
    """Return the steps of a pointer (RFC 6901)."""
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def pointer_of(path: Sequence[str | int]) -> str:
    """Return the pointer that takes these steps."""
    return "".join(f"/{_escaped(str(step))}" for step in path)


def _escaped(step: str) -> str:
    return step.replace("~", "~0").replace("/", "~1")


def _kind(schema: Schema) -> Kind:
    if "const" in schema:
        return "fixed"
    if "enum" in schema:
        return "choice"
    match schema.get("type"):
        case "object" if schema.get("properties") and not _mapping(schema.get("additionalProperties")):
            return "object"
        case "object" if "properties" in schema or schema.get("additionalProperties") is False:
            return "object"
        case "array" if _mapping(schema.get("items")):
            return "list"
        case "string":
            longest = schema.get("maxLength")
            return "lines" if isinstance(longest, int) and longest > _LONG else "text"
        case "integer" | "number":
            return "number"
        case "boolean":
            return "truth"
        case _:
            return "json"


def _fits(kind: Kind, value: object) -> bool:
    if value is None:
        return True
    if kind == "object":
        return isinstance(value, Mapping)
    return isinstance(value, list) and len(cast("list[object]", value)) <= MOST_ENTRIES


def _choices(schema: Schema) -> tuple[str, ...]:
    values = [schema["const"]] if "const" in schema else cast("list[object]", schema.get("enum", []))
    return tuple(json.dumps(value, ensure_ascii=False) for value in values)


def _text(kind: Kind, value: object) -> str:
    if value is None:
        return ""
    if kind in ("text", "lines") and isinstance(value, str):
        return value
    if kind == "json":
        return json.dumps(value, ensure_ascii=False, indent=2)
    return json.dumps(value, ensure_ascii=False)


def _mapping(value: object) -> Schema:
    return cast(Schema, value) if isinstance(value, Mapping) else {}
