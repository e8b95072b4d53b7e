"""What an endpoint says of itself in Temporal's web interface: Markdown, made from the listings served through it.

Whatever a team wrote is shown as it was written: nothing in it becomes a heading, a link, an image, a row or HTML.
"""

import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Final

from callboard_contracts import OperationDescription, ServiceDescription
from callboard_registry_api.health import TeamFacts
from callboard_registry_api.model import Listing

LARGEST: Final = 20_000
"""Bytes that Temporal takes, of the description as JSON."""

_LONGEST_CELL: Final = 160
_LONGEST_PARAGRAPH: Final = 1_000
_MARKS: Final = re.compile(r"([\\`*_{}\[\]()#+!|~=-])")
_ADDRESS: Final = re.compile(r"(?i)(https?|ftp|mailto|xmpp)(:)|(www)(\.)|(@)")
_ENTITIES: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_FOOTER: Final = "*Written by Callboard from the listings. What is changed here by hand is overwritten.*"


def described(who: TeamFacts, listings: Sequence[Listing]) -> str:
    """Return the description of a team's endpoint; what would make it too long is left out, and that is said.

    Args:
        who: The team.
        listings: The revision of each service to show, with its document.
    """
    lines = [f"# {_plain(who.team, 80)}", ""]
    if who.description:
        lines += [_plain(who.description, _LONGEST_PARAGRAPH), ""]
    if who.owner or who.contact:
        facts = [("Owner", who.owner), ("Contact", who.contact)]
        lines += [" · ".join(f"{name}: {_plain(fact, 200)}" for name, fact in facts if fact), ""]
    for listing in listings:
        lines += _service(listing)
    return _cut(lines, ["", _FOOTER])


def _service(listing: Listing) -> Iterable[str]:
    description = ServiceDescription.model_validate_json(listing.document)
    yield f"## `{listing.service}`"
    yield ""
    if description.summary:
        yield _plain(description.summary, _LONGEST_PARAGRAPH)
        yield ""
    yield f"Revision {listing.revision or listing.number}, {_standing(listing)}: `{listing.digest}`"
    yield ""
    yield "| operation | kind | effect | as a rule within | never longer than | what it does |"
    yield "|---|---|---|---|---|---|"
    for operation in description.operations:
        yield _operation(operation)
    yield ""


def _operation(operation: OperationDescription) -> str:
    promise = operation.promise
    cells = (
        f"`{operation.name}`",
        promise.kind,
        promise.effect,
        _span(promise.latency),
        _span(promise.longest),
        _plain(operation.summary, _LONGEST_CELL),
    )
    return f"| {' | '.join(cells)} |"


def _standing(listing: Listing) -> str:
    until = f", answers until {listing.sunset:%Y-%m-%d}" if listing.sunset else ""
    instead = f", use `{listing.successor}` instead" if listing.successor else ""
    return f"{listing.state}{until}{instead}"


def _span(span: timedelta) -> str:
    return f"{span.total_seconds():g} s"


def _plain(text: str, longest: int) -> str:
    """Return `text` on one line as Markdown that shows exactly it, at most `longest` of its characters."""
    # Neither control characters nor those that turn the direction of writing around.
    visible = "".join(" " if unicodedata.category(each) in ("Cc", "Cf", "Zl", "Zp") else each for each in text)
    line = " ".join(visible.encode(errors="replace").decode().split())
    if len(line) > longest:
        line = line[: longest - 1].rsplit(" ", 1)[0].rstrip() + "…"
    escaped = _MARKS.sub(r"\\\1", line.translate(_ENTITIES))
    # What looks like an address would be made a link.
    escaped = _ADDRESS.sub(lambda found: re.sub(r"([:.@])$", r"\\\1", found.group()), escaped)
    # A number with a dot at the beginning of a line begins a list.
    return re.sub(r"^(\d+)([.)])", r"\1\\\2", escaped)


def _cut(lines: Sequence[str], footer: Sequence[str]) -> str:
    if _size([*lines, *footer]) <= LARGEST:
        return "\n".join([*lines, *footer])
    note = ["", "… and more than fits here: `callboard catalog list` shows all of it."]
    room = LARGEST - _size([*note, *footer])
    kept: list[str] = []
    for line in lines:
        room -= _size([line])
        if room < 0:
            break
        kept.append(line)
    return "\n".join([*kept, *note, *footer])


def _size(lines: Iterable[str]) -> int:
    """Return how many bytes these lines take in JSON, with the quotes and the ends of lines."""
    return sum(len(json.dumps(line)) for line in lines) + 2
