"""What tells the branches of a union apart: their JSON types and, for objects, one field with a value of its own."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from callboard.interchange.schemas import ANNOTATIONS, Schema, as_schema, mapping, sequence, strings

Resolve = Callable[[str], Schema]
"""Returns the definition with a name."""

_NUMBERS: Final = ("integer", "number")


def kind_of(schema: Mapping[str, object], resolve: Resolve) -> str:
    """Return the one JSON type of what a schema describes, `union` for several, and nothing if it does not say."""
    seen: set[str] = set()
    while isinstance(reference := schema.get("$ref"), str):
        if reference in seen:
            return ""
        seen.add(reference)
        schema = resolve(reference.removeprefix("#/$defs/"))
    if "oneOf" in schema:
        nullable = any(branch == {"type": "null"} for branch in sequence(schema, "oneOf"))
        return "nullable" if nullable else "union"
    kind = schema.get("type")
    if isinstance(kind, str):
        return kind
    kinds = {kind_of(branch, resolve) for part in sequence(schema, "allOf") if (branch := as_schema(part)) is not None}
    return kinds.pop() if len(kinds) == 1 else ""


def joined(branches: Iterable[Schema], *, resolve: Resolve, overlapping: bool) -> list[Schema]:
    """Return the branches of a union with inner unions opened, and sets of values of one type put together.

    Args:
        branches: What the union has.
        resolve: Finds definitions.
        overlapping: Whether a value may fit several branches (`anyOf`); what another branch covers goes then.
    """
    open_: list[Schema] = []
    for branch in branches:
        target = resolve(str(branch["$ref"]).removeprefix("#/$defs/")) if "$ref" in branch else branch
        inner = [part for each in sequence(target, "oneOf") if (part := as_schema(each)) is not None]
        open_.extend(inner or [branch])
    kept: list[Schema] = []
    for branch in open_:
        if overlapping and any(_same(branch, other) for other in kept):
            continue
        at = next((at for at, other in enumerate(kept) if _both_sets(branch, other)), None)
        both = None if at is None else _one_set(kept[at], branch, overlapping=overlapping)
        if at is None or both is None:
            kept.append(branch)
        else:
            kept[at] = both
    if overlapping and any(_bare(branch) == {"type": "number"} for branch in kept):
        kept = [branch for branch in kept if branch.get("type") != "integer"]
    return kept


def disjoint(branches: Sequence[Schema], resolve: Resolve) -> bool:
    """Whether every value can fit one branch at most, as can be read off its type or its tag."""
    kinds = [kind_of(branch, resolve) for branch in branches]
    apart = ["number" if kind in _NUMBERS else kind for kind in kinds if kind != "object"]
    if len(set(apart)) != len(apart) or {"", "union", "nullable"} & set(apart):
        return False
    objects = [branch for branch, kind in zip(branches, kinds, strict=True) if kind == "object"]
    return len(objects) < 2 or tag_of(objects, resolve) is not None


def tag_of(objects: Sequence[Schema], resolve: Resolve) -> str | None:
    """Return the field that is required in all of these objects and holds another value in each."""
    targets = [_target(branch, resolve) for branch in objects]
    for name in mapping(targets[0], "properties"):
        values: list[object] = []
        for target in targets:
            member = as_schema(mapping(target, "properties").get(name))
            if member is None or name not in strings(target, "required") or not isinstance(member.get("const"), str):
                break
            values.append(member["const"])
        if len(values) == len(targets) and len(set(values)) == len(values):
            return name
    return None


def _target(schema: Schema, resolve: Resolve) -> Schema:
    seen: set[str] = set()
    while isinstance(reference := schema.get("$ref"), str) and reference not in seen:
        seen.add(reference)
        schema = resolve(reference.removeprefix("#/$defs/"))
    return schema


def _bare(schema: Schema) -> Schema:
    return {keyword: value for keyword, value in schema.items() if keyword not in ANNOTATIONS}


def _same(one: Schema, other: Schema) -> bool:
    return _bare(one) == _bare(other)


def _values(schema: Schema) -> list[object] | None:
    """The values of a set, if the schema says nothing else."""
    bare = _bare(schema)
    if set(bare) == {"type", "const"}:
        return [bare["const"]]
    return list(sequence(bare, "enum")) if set(bare) == {"type", "enum"} else None


def _both_sets(one: Schema, other: Schema) -> bool:
    return one.get("type") == other.get("type") and _values(one) is not None and _values(other) is not None


def _one_set(one: Schema, other: Schema, *, overlapping: bool) -> Schema | None:
    mine, theirs = _values(one) or [], _values(other) or []
    new = [value for value in theirs if value not in mine]
    if len(new) < len(theirs) and not overlapping:
        return None  # `oneOf` refuses a value that is in both
    return {"type": one["type"], "enum": [*mine, *new]}
