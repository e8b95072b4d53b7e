"""Says a JSON Schema in the part of the language that contract files are written in, where that means the same.

What has no equal there is left as it stands; `dialect.problems` names it. So lowering never changes which documents are
valid, with one exception that pydantic makes as well: where a tag tells objects apart, it has to be there.

Only objects and unions keep a definition of their own; what a scalar or a list refers to is written out where it is
used, because the languages have no name for it.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, cast

from callboard.interchange.naming import type_name
from callboard.interchange.schemas import (
    ANNOTATIONS,
    Schema,
    as_schema,
    mapping,
    rebuilt,
    references,
    sequence,
    strings,
)
from callboard.interchange.tags import with_required_tags
from callboard.interchange.text import printable
from callboard.interchange.unions import disjoint, joined, kind_of

_SAYS_NOTHING: Final = frozenset({"$schema", "readOnly", "writeOnly", "contentMediaType", "contentSchema"})
"""Keywords that constrain nothing and that contract files do not know."""

_OF_TYPE: Final[Mapping[str, frozenset[str]]] = {
    "string": frozenset({"minLength", "maxLength", "pattern", "format", "contentEncoding"}),
    "number": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}),
    "array": frozenset(
        {"items", "prefixItems", "minItems", "maxItems", "uniqueItems", "contains", "minContains", "maxContains",
         "unevaluatedItems"}
    ),
    "object": frozenset(
        {"properties", "required", "additionalProperties", "patternProperties", "propertyNames", "minProperties",
         "maxProperties", "dependentRequired", "dependentSchemas", "unevaluatedProperties"}
    ),
}  # fmt: skip
"""Keywords that say something about one type only."""

_ORDER: Final = (
    "$comment", "title", "description", "deprecated", "$ref", "type", "const", "enum", "format", "properties",
    "required", "additionalProperties", "items", "oneOf", "allOf",
)  # fmt: skip


def lowered(schema: Mapping[str, object]) -> Schema:
    """Return the schema, complete in itself as before, with its named types in `$defs`."""
    return _Lowering(with_required_tags(schema)).all()


def kind_of_value(value: object) -> str:
    """Return the JSON type of a value; `integer` for a whole number."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return "integer"
    if isinstance(value, float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list | tuple) else "object"


class _Lowering:
    """Lowers one schema and its definitions."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._given = mapping(schema, "$defs")
        self._done: dict[str, Schema] = {}
        self._under_way: set[str] = set()

    def all(self) -> Schema:
        """Lower the schema and keep those definitions that it still refers to."""
        root = self._lower({keyword: value for keyword, value in self._schema.items() if keyword != "$defs"})
        needed: dict[str, Schema] = {}
        waiting = list(references(root))
        while waiting:
            name = waiting.pop().removeprefix("#/$defs/")
            if name not in needed and name in self._done:
                needed[name] = self._done[name]
                waiting.extend(references(needed[name]))
        definitions = {name: needed[name] for name in sorted(needed)}
        return {**root, "$defs": definitions} if definitions else root

    def _definition(self, name: str) -> Schema:
        """Return a definition, lowered. One that stands within itself is taken for a named type."""
        if name not in self._done:
            if name in self._under_way:
                return {"type": "object"}
            self._under_way.add(name)
            self._done[name] = self._lower(self._given.get(name, True))
            self._under_way.discard(name)
        return self._done[name]

    def _lower(self, part: object) -> Schema:
        given = as_schema(part)
        if given is None:
            return {} if part is True else {"not": {}}
        schema = {keyword: value for keyword, value in given.items() if keyword not in _SAYS_NOTHING}
        for keyword in [keyword for keyword in schema if not _worth_saying(keyword, schema[keyword])]:
            del schema[keyword]
        for keyword in ("title", "description"):
            if keyword in schema:
                schema[keyword] = printable(str(schema[keyword]))
        if "$ref" in schema:
            return self._referred(schema)
        if len(branches := sequence(schema, "allOf")) == 1 and not _constraints(schema) - {"allOf"}:
            return self._lower({**_annotations(schema), **(as_schema(branches[0]) or {"allOf": list(branches)})})
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema and not _constraints(schema) - {keyword, "type"}:
                return self._union(schema, keyword)
        if "const" in schema or "enum" in schema:
            schema = _closed(schema)
        elif isinstance(schema.get("type"), list):
            schema = {**_annotations(schema), "anyOf": list(_by_type(schema))}
        if "anyOf" in schema and not _constraints(schema) - {"anyOf"}:
            return self._union(schema, "anyOf")
        return _ordered(self._typed(schema))

    def _typed(self, schema: Schema) -> Schema:
        kind = schema.get("type")
        if kind in ("integer", "number"):
            return _number(_without_other_types(schema, "number"), integer=kind == "integer")
        if isinstance(kind, str):
            schema = _without_other_types(schema, kind)
        if kind == "object":
            return self._object(schema)
        if kind == "array":
            return self._array(schema)
        if kind == "string" and schema.get("minLength") == 0:
            schema = {keyword: value for keyword, value in schema.items() if keyword != "minLength"}
        return rebuilt(schema, self._lower)

    def _referred(self, schema: Schema) -> Schema:
        name = str(schema["$ref"]).removeprefix("#/$defs/")
        if name not in self._given:
            return schema
        target = self._definition(name)
        notes = _annotations(schema)
        named = kind_of(target, self._definition) in ("object", "union")
        rest = {keyword: value for keyword, value in schema.items() if keyword not in (*notes, "$ref")}
        if not rest and named:
            # Words or a default beside a reference would make another type of it.
            return {"$ref": schema["$ref"]}
        if named:
            return _ordered({**notes, "allOf": [{"$ref": schema["$ref"]}, self._lower(rest)]})
        bare = {keyword: value for keyword, value in target.items() if keyword != "title"}
        notes.pop("title", None)
        if rest.keys() & bare.keys():
            kind = {"type": bare["type"]} if "type" in bare else {}
            return _ordered({**notes, "allOf": [bare, {**kind, **self._lower(rest)}]})
        return _ordered({**bare, **rest, **notes})

    def _union(self, schema: Schema, keyword: str) -> Schema:
        notes = _annotations(schema)
        kind = schema.get("type")
        branches = joined(
            (self._lower(branch) for branch in sequence(schema, keyword)),
            resolve=self._definition,
            overlapping=keyword == "anyOf",
        )
        # A type beside a union mostly repeats what each branch says.
        if isinstance(kind, str) and any(kind_of(branch, self._definition) != kind for branch in branches):
            return _ordered({**notes, "type": kind, keyword: branches})
        if len(branches) == 1:
            return self._alone(branches[0], notes)
        branches = self._named(branches)
        if not disjoint(branches, self._definition):
            return _ordered({**notes, keyword: branches})
        if isinstance(notes.get("default"), list | dict):
            del notes["default"]
        return _ordered({**notes, "oneOf": branches})

    def _alone(self, branch: Schema, notes: Schema) -> Schema:
        if "$ref" in branch:
            return branch
        return _ordered({**branch, **notes})

    def _named(self, branches: Sequence[Schema]) -> list[Schema]:
        """Give each object in a union of several a definition: only that has a name in every language."""
        if sum(kind_of(branch, self._definition) == "object" for branch in branches) < 2:
            return list(branches)
        named: list[Schema] = []
        for branch in branches:
            if branch.get("type") != "object":
                named.append(branch)
                continue
            consts = [
                str(value)
                for member in mapping(branch, "properties").values()
                for value in [(as_schema(member) or {}).get("const")]
                if isinstance(value, str)
            ]
            title = branch.get("title")
            name = self._free_name(type_name(title if isinstance(title, str) else "-".join(consts)) or "Branch", branch)
            self._done[name] = branch
            named.append({"$ref": f"#/$defs/{name}"})
        return named

    def _free_name(self, name: str, schema: Schema) -> str:
        number, free = 1, name
        while free in self._given or self._done.get(free, schema) != schema:
            number += 1
            free = f"{name}{number}"
        return free

    def _object(self, schema: Schema) -> Schema:
        made = _map_of_patterns(schema)
        names = as_schema(made.get("propertyNames"))
        if names is not None:
            made["propertyNames"] = {"type": "string", **self._lower(names)}
        required = strings(made, "required")
        members: Schema = {}
        for name, member in mapping(made, "properties").items():
            low = self._lower(member)
            if name in required:
                low.pop("default", None)  # it is always there, so that nothing ever stands for it
            members[name] = low
        others = as_schema(made.get("additionalProperties"))
        if others is not None:
            low = self._lower(others)
            made["additionalProperties"] = low if _constraints(low) else True
        if "properties" in made:
            made["properties"] = members
        elif "additionalProperties" not in made:
            made["additionalProperties"] = True
        if not required:
            made.pop("required", None)
        for keyword in ("patternProperties", "dependentSchemas"):
            if keyword in made:
                made[keyword] = {name: self._lower(part) for name, part in mapping(made, keyword).items()}
        return made

    def _array(self, schema: Schema) -> Schema:
        made = rebuilt(schema, self._lower)
        if schema.get("items") is False:
            made["items"] = False
        if set(as_schema(schema.get("contains")) or {}) in ({"const"}, {"enum"}):
            made["contains"] = schema["contains"]  # has the type of the items
        places = sequence(made, "prefixItems")
        most = made.get("maxItems")
        closed = made.get("items") is False or (isinstance(most, int) and most <= len(places))
        if places and closed and all(place == places[0] for place in places):
            made["items"] = places[0]
            made["maxItems"] = min(most, len(places)) if isinstance(most, int) else len(places)
            del made["prefixItems"]
        if "prefixItems" not in made:
            made.setdefault("items", {})
        if made.get("uniqueItems") is False:
            del made["uniqueItems"]
        return made


def _annotations(schema: Mapping[str, object]) -> Schema:
    return {keyword: schema[keyword] for keyword in ANNOTATIONS if keyword in schema}


def _constraints(schema: Mapping[str, object]) -> set[str]:
    return set(schema).difference(ANNOTATIONS)


def _worth_saying(keyword: str, value: object) -> bool:
    if keyword == "default":
        return value is not None and not isinstance(value, list | dict)
    if keyword in ("title", "description"):
        return isinstance(value, str) and bool(value.strip())
    return not keyword.startswith("x-")


def _ordered(schema: Schema) -> Schema:
    first = {keyword: schema[keyword] for keyword in _ORDER if keyword in schema}
    return {**first, **{keyword: value for keyword, value in schema.items() if keyword not in first}}


def _without_other_types(schema: Schema, kind: str) -> Schema:
    others = frozenset[str]().union(*(words for of, words in _OF_TYPE.items() if of != kind))
    return {keyword: value for keyword, value in schema.items() if keyword not in others}


def _by_type(schema: Schema) -> Iterator[Schema]:
    rest = {keyword: value for keyword, value in schema.items() if keyword not in (*ANNOTATIONS, "type")}
    for kind in strings(schema, "type"):
        yield _without_other_types({"type": kind, **rest}, "number" if kind == "integer" else kind)


def _closed(schema: Schema) -> Schema:
    """Give a set of values its type; a set of several types becomes a union of sets."""
    values = [schema["const"]] if "const" in schema else list(sequence(schema, "enum"))
    if "const" in schema and "enum" in schema:
        return schema
    kinds = strings(schema, "type") or ([str(schema["type"])] if "type" in schema else [])
    groups: dict[str, list[object]] = {}
    for value in values:
        kind = kind_of_value(value)
        if kinds and kind not in kinds:
            kind = "number" if kind == "integer" and "number" in kinds else ""
        if kind:
            groups.setdefault(kind, []).append(value)
    if "number" in groups and "integer" in groups:
        groups["number"] = [*groups.pop("integer"), *groups["number"]]
    rest = {keyword: value for keyword, value in schema.items() if keyword not in ("type", "const", "enum")}
    if set(groups) & {"array", "object"} or not groups:
        return schema
    sets: list[Schema] = []
    for kind, members in groups.items():
        word: Schema = {"const": members[0]} if "const" in schema else {"enum": members}
        sets.append({"type": kind, **(word if kind != "null" else {})})
    if len(sets) == 1:
        if "const" in schema:
            rest.pop("default", None)
        return {**sets[0], **rest}
    constraints = {keyword: value for keyword, value in rest.items() if keyword not in ANNOTATIONS}
    return {**_annotations(rest), "anyOf": [{**each, **constraints} for each in sets]}


def _number(schema: Schema, *, integer: bool) -> Schema:
    made: Schema = {}
    for keyword, value in schema.items():
        whole = isinstance(value, float) and value.is_integer() and abs(value) < 2**53
        made[keyword] = int(cast(float, value)) if whole and (integer or keyword == "multipleOf") else value
    for inclusive, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        one, other = made.get(inclusive), made.get(exclusive)
        if isinstance(one, int | float) and isinstance(other, int | float):
            # The exclusive bound is the tighter one unless the inclusive one lies within it.
            within = one > other if inclusive == "minimum" else one < other
            del made[exclusive if within else inclusive]
    return made


def _map_of_patterns(schema: Schema) -> Schema:
    """Say a map whose names follow one pattern by the pattern of the names."""
    patterns = mapping(schema, "patternProperties")
    closed = schema.get("additionalProperties") is False
    if len(patterns) != 1 or not closed or "propertyNames" in schema or mapping(schema, "properties"):
        return dict(schema)
    [(pattern, member)] = patterns.items()
    kept = {word: value for word, value in schema.items() if word not in ("patternProperties", "properties")}
    return {**kept, "additionalProperties": member, "propertyNames": {"type": "string", "pattern": pattern}}
