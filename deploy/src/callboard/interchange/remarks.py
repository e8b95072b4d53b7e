"""Promises inside a contract file, as remarks: generators have no word for them, and drop `$comment` unread.

    $defs:
      Cancellation:
        $comment: |
          callboard:
            cancelOrder: {kind: task, effect: irreversible, latency_seconds: 2, longest_seconds: 300}

The remark may stand in any schema of the file; it is written beside the operation's input. An operation is named by
its key, and by `<service key>.<operation key>` where several services of a file have the same.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Final, cast

from pydantic import ValidationError

from callboard.interchange.schemas import Schema, everywhere
from callboard.interchange.text import DocumentError, as_yaml, parse
from callboard_contracts import Promise

ASSUMED: Final = Promise(
    kind="task",
    effect="irreversible",
    latency=timedelta(minutes=1),
    longest=timedelta(minutes=15),
    model_callable=False,
)
"""What counts for an operation of which a file promises nothing: the worst, so that nobody relies on it."""

_MARK: Final = "callboard"


def remark(promises: Mapping[str, Promise]) -> str:
    """Write the promises of some operations, by key, as the text of a `$comment`."""
    said = {key: promise.model_dump(mode="json", exclude_defaults=True) for key, promise in promises.items()}
    return as_yaml({_MARK: said})


def is_remark(comment: object) -> bool:
    """Whether this is a `$comment` that holds promises."""
    return isinstance(comment, str) and comment.lstrip().startswith(f"{_MARK}:")


def promises_in(document: Mapping[str, object]) -> dict[str, Promise]:
    """Return every promise that a contract file states, by the key that it gives.

    Raises:
        DocumentError: A remark cannot be read, or states what is no promise.
    """
    found: dict[str, Promise] = {}
    for pointer, schema in _schemas(document):
        comment = schema.get("$comment")
        if not is_remark(comment):
            continue
        stated = parse(cast(str, comment), source=f"the $comment at {pointer or '/'!r}").get(_MARK)
        if not isinstance(stated, dict):
            raise DocumentError(f"the $comment at {pointer or '/'!r} names no operation below {_MARK!r}")
        for key, promise in cast(dict[str, object], stated).items():
            if key in found:
                raise DocumentError(f"the $comment at {pointer or '/'!r} states the promise of {key!r} a second time")
            found[key] = _promise(key, promise, pointer)
    return found


def without_remarks(schema: Schema) -> Schema:
    """Return the schema without a remark of its own; those inside it stay."""
    return {word: value for word, value in schema.items() if word != "$comment" or not is_remark(value)}


def _schemas(document: Mapping[str, object]) -> Iterable[tuple[str, Schema]]:
    yield "", dict(document)
    for name, schema in cast(Mapping[str, object], document.get("$defs") or {}).items():
        yield from everywhere(schema, f"/$defs/{name}")
    for service, definition in cast(Mapping[str, Schema], document.get("services") or {}).items():
        for operation, sides in cast(Mapping[str, Schema], definition.get("operations") or {}).items():
            for side in ("input", "output"):
                yield from everywhere(sides.get(side), f"/services/{service}/operations/{operation}/{side}")


def _promise(key: str, stated: object, pointer: str) -> Promise:
    try:
        return Promise.model_validate(stated, extra="forbid")
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in fault["loc"])
        where = f"{key}.{place}" if place else key
        raise DocumentError(f"the $comment at {pointer or '/'!r}: {where}: {fault['msg'].lower()}") from error
