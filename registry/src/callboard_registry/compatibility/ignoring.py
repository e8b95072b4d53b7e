"""Members that a sender declares and a receiver does not look at: nothing breaks, but someone may wonder."""

from collections.abc import Iterator

from callboard_registry.compatibility.documents import Document, as_object
from callboard_registry.compatibility.evidence import pointer


def ignored_members(writer: Document, reader: Document) -> tuple[str, ...]:
    """Return where the writer declares a member that the reader's schema does not mention, as JSON pointers.

    Only what stands at the same place in both is looked at: members, items and what references lead to.
    """
    return tuple(_ignored(writer, writer.schema, reader, reader.schema, (), frozenset()))


def _ignored(
    writer: Document, written: object, reader: Document, read: object, path: tuple[str, ...], seen: frozenset[str]
) -> Iterator[str]:
    sender, receiver = as_object(written), as_object(read)
    reference = sender.get("$ref")
    if isinstance(reference, str):
        if reference in seen:
            return
        seen |= {reference}
        target = writer.target(reference)
        sender = as_object(target.schema) if target is not None else {}
    other = receiver.get("$ref")
    if isinstance(other, str):
        target = reader.target(other)
        receiver = as_object(target.schema) if target is not None else {}
    if "properties" in sender and "properties" in receiver and not _says_more(receiver):
        members, known = as_object(sender["properties"]), as_object(receiver["properties"])
        for name, member in members.items():
            if name not in known:
                yield pointer((*path, name))
            else:
                yield from _ignored(writer, member, reader, known[name], (*path, name), seen)
    if "items" in sender and "items" in receiver:
        yield from _ignored(writer, sender["items"], reader, receiver["items"], (*path, "*"), seen)


def _says_more(receiver: object) -> bool:
    keywords = as_object(receiver)
    return any(
        word in keywords for word in ("additionalProperties", "patternProperties", "allOf", "anyOf", "oneOf", "if")
    )
