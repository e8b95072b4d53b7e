"""A JSON Schema as a tree for people: what a field is called, what it holds, what it must keep to."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, cast

DEEPEST: Final = 12
MOST_FIELDS: Final = 400
"""Fields that one tree shows; the raw schema has the rest."""

_CONSTRAINTS: Final[Mapping[str, str]] = {
    "minLength": "at least {} character{s}",
    "maxLength": "at most {} character{s}",
    "pattern": "matches {}",
    "format": "{}",
    "minimum": "≥ {}",
    "exclusiveMinimum": "> {}",
    "maximum": "≤ {}",
    "exclusiveMaximum": "< {}",
    "multipleOf": "a multiple of {}",
    "minItems": "at least {} entr{ies}",
    "maxItems": "at most {} entr{ies}",
    "uniqueItems": "no entry twice",
    "minProperties": "at least {} member{s}",
    "maxProperties": "at most {} member{s}",
}

Schema = Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class Field:
    """One line of the tree and what is below it."""

    name: str
    anchor: str
    """The id that a link can point at."""

    type: str
    required: bool
    words: str
    """Its description."""

    rules: tuple[str, ...]
    """What a value must keep to."""

    fields: tuple["Field", ...] = ()


def schema_tree(schema: Schema, *, anchor: str) -> tuple[Field, ...]:
    """Return the fields of a schema. A schema that leads back to itself is not followed around."""
    return _Tree(schema).fields(schema, anchor, ())


class _Tree:
    def __init__(self, root: Schema) -> None:
        self._root = root
        self._left = MOST_FIELDS

    def fields(self, schema: Schema, anchor: str, above: tuple[str, ...]) -> tuple[Field, ...]:
        """Return the members of an object, of an array's entries, or of each variant of a union."""
        schema, above = self._resolved(schema, above)
        if len(above) > DEEPEST:
            return ()
        members = _mapping(schema.get("properties"))
        required = set(_sequence(schema.get("required")))
        found = [
            self._field(name, _mapping(member), f"{anchor}.{name}", required=name in required, above=above)
            for name, member in members.items()
            if self._more()
        ]
        extra = schema.get("additionalProperties")
        if (members_of_any_name := _mapping(extra)) and self._more():
            found.append(self._field("(any key)", members_of_any_name, f"{anchor}.*", required=False, above=above))
        variants = self._choices(schema)
        for number, variant in enumerate(variants, start=1):
            below = self.fields(variant, f"{anchor}.{number}" if len(variants) > 1 else anchor, above)
            if below and len(variants) > 1:
                found.append(
                    Field(
                        name=f"either {self._type(variant, above)}"
                        if number == 1
                        else f"or {self._type(variant, above)}",
                        anchor=f"{anchor}.{number}",
                        type="",
                        required=False,
                        words=str(self._resolved(variant, above)[0].get("description", "")),
                        rules=(),
                        fields=below,
                    )
                )
            else:
                found.extend(below)
        entries = _mapping(schema.get("items"))
        if entries:
            found.extend(self.fields(entries, anchor, above))
        return tuple(found)

    def _field(self, name: str, schema: Schema, anchor: str, *, required: bool, above: tuple[str, ...]) -> Field:
        target = str(schema.get("$ref", ""))
        resolved, further = self._resolved(schema, above)
        entries = str(_mapping(resolved.get("items")).get("$ref", ""))
        again = target in above or entries in above
        return Field(
            name=name,
            anchor=anchor,
            type=self._type(schema, above),
            required=required,
            words=str(schema.get("description") or resolved.get("description") or ""),
            rules=tuple(self._rules(schema, resolved)) + (("as above",) if again else ()),
            fields=() if again else self.fields(resolved, anchor, further),
        )

    def _type(self, schema: Schema, above: tuple[str, ...]) -> str:
        target = str(schema.get("$ref", ""))
        if target in above:
            return target.rpartition("/")[2]
        schema, above = self._resolved(schema, above)
        if "const" in schema:
            return json.dumps(schema["const"], ensure_ascii=False)
        if variants := self._variants(schema):
            return " | ".join(dict.fromkeys(self._type(each, above) for each in variants))
        kind = schema.get("type", "anything")
        if isinstance(kind, list):
            return " | ".join(map(str, cast("list[object]", kind)))
        if kind == "array":
            entries = _mapping(schema.get("items"))
            return f"list of {self._type(entries, above)}" if entries else "list"
        if kind == "object":
            return str(schema.get("title") or "object")
        return str(kind)

    def _rules(self, own: Schema, resolved: Schema) -> Iterator[str]:
        merged = {**resolved, **own}
        if values := _sequence(merged.get("enum")):
            yield "one of " + ", ".join(json.dumps(each, ensure_ascii=False) for each in values[:20])
        for variant in self._variants(merged):
            yield from self._rules({}, self._resolved(variant, ())[0])
        for key, text in _CONSTRAINTS.items():
            if key in merged and merged[key] is not False:
                is_one = merged[key] == 1
                yield text.format(merged[key], s="" if is_one else "s", ies="y" if is_one else "ies")
        if "default" in merged:
            yield f"default {json.dumps(merged['default'], ensure_ascii=False)}"

    def _variants(self, schema: Schema) -> list[Schema]:
        """Return what a value may be one of, null too."""
        found = [*_sequence(schema.get("anyOf")), *_sequence(schema.get("oneOf")), *_sequence(schema.get("allOf"))]
        return [_mapping(each) for each in found]

    def _choices(self, schema: Schema) -> list[Schema]:
        """Return the variants that may have fields: null has none, and the type says it."""
        return [each for each in self._variants(schema) if each.get("type") != "null"]

    def _resolved(self, schema: Schema, above: tuple[str, ...]) -> tuple[Schema, tuple[str, ...]]:
        target = str(schema.get("$ref", ""))
        if not target.startswith("#/") or target in above:
            return ({} if target else schema), above
        node: object = self._root
        for part in target[2:].split("/"):
            node = _mapping(node).get(part.replace("~1", "/").replace("~0", "~"))
        return _mapping(node), (*above, target)

    def _more(self) -> bool:
        self._left -= 1
        return self._left >= 0


def _mapping(value: object) -> Schema:
    return cast(Schema, value) if isinstance(value, Mapping) else {}


def _sequence(value: object) -> list[object]:
    return cast("list[object]", value) if isinstance(value, list) else []
