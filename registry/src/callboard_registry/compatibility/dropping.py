"""Members that the old schema declares and the new one does not: nothing breaks, but someone may miss them."""

from collections.abc import Iterator, Mapping

from callboard_registry.compatibility.documents import Document, as_object
from callboard_registry.compatibility.evidence import pointer


def dropped_members(old: Document, new: Document) -> tuple[str, ...]:
    """Return where the old schema declares a member that the new one does not mention, as JSON pointers.

    Only what stands at the same place in both is looked at: members, items and what references lead to. A `*` stands
    for every item.
    """
    return tuple(_dropped(old, old.schema, new, new.schema, (), frozenset()))


def _dropped(
    old: Document, before: object, new: Document, after: object, path: tuple[str, ...], seen: frozenset[str]
) -> Iterator[str]:
    was, is_now = as_object(before), as_object(after)
    reference = was.get("$ref")
    if isinstance(reference, str):
        if reference in seen:
            return
        seen |= {reference}
        was = _target(old, reference)
    other = is_now.get("$ref")
    if isinstance(other, str):
        is_now = _target(new, other)
    if "properties" in was and "properties" in is_now and not _says_more(is_now):
        members, known = as_object(was["properties"]), as_object(is_now["properties"])
        for name, member in members.items():
            if name not in known:
                yield pointer((*path, name))
            else:
                yield from _dropped(old, member, new, known[name], (*path, name), seen)
    if "items" in was and "items" in is_now:
        yield from _dropped(old, was["items"], new, is_now["items"], (*path, "*"), seen)


def _target(document: Document, reference: str) -> Mapping[str, object]:
    target = document.target(reference)
    return as_object(target.schema) if target is not None else {}


def _says_more(keywords: Mapping[str, object]) -> bool:
    words = ("patternProperties", "allOf", "anyOf", "oneOf", "if")
    return any(word in keywords for word in words) or bool(keywords.get("additionalProperties", False))
