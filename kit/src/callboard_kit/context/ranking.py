"""Filtering, ranking and trimming: pure functions, so that a workflow comes to the same context when it is replayed."""

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from callboard_kit.context.pieces import Chosen, Context, Dropped, Fetched, Looking, Piece
from callboard_kit.token_size import BYTES_PER_TOKEN, bytes_sent

Keep = Callable[[Piece, Looking], bool]
"""Says whether a piece may be given to the model at all. Pure."""

_WORD: Final = re.compile(r"\w{3,}")
_UNKNOWN: Final = 0.1
"""The relevance of a piece that shares no word with the goal: it may still be worth what room is left."""

_CHARACTERS_COMPARED: Final = 20_000


@dataclass(frozen=True)
class Offered:
    """What one source has to offer."""

    source: str
    pieces: Sequence[Piece]
    weight: float = 1.0
    at_most: int = 20


@dataclass(frozen=True)
class Selection:
    """What was chosen of it, and what became of the rest."""

    context: Context
    text: str
    dropped: Mapping[str, Counter[Dropped]] = field(default_factory=dict[str, Counter[Dropped]])
    """By source."""

    bytes: Mapping[str, int] = field(default_factory=dict[str, int])
    """What the chosen pieces of each source take in a request, by source."""


def relevance(piece: Piece, goal: str) -> float:
    """Return how much a piece has to do with a goal, 0 to 1: as its source says, else by the words they share."""
    if piece.relevance is not None:
        return piece.relevance
    wanted = _words(goal)
    if not wanted:
        return _UNKNOWN
    shared = len(wanted & _words(_said(piece))) / len(wanted)
    return _UNKNOWN + (1 - _UNKNOWN) * shared


def select(
    offered: Sequence[Offered],
    looking: Looking,
    *,
    max_tokens: int,
    missing: Mapping[str, Fetched] | None = None,
    keep: Keep | None = None,
) -> Selection:
    """Choose what the model is given: what counts, best first, no more than fits.

    A piece that does not fit is left out and the next one is tried, so that a long one does not keep short ones away.

    Args:
        offered: What there is, by source.
        looking: What it is for.
        max_tokens: What all of it may take, what is missing included.
        missing: Sources of which nothing came, and why.
        keep: What may be given to the model at all. Absent: everything.
    """
    dropped: dict[str, Counter[Dropped]] = {each.source: Counter() for each in offered}
    ranked: list[tuple[float, int, int, Chosen]] = []
    seen: set[str] = set()
    for place, source in enumerate(offered):
        counting = dropped[source.source]
        rated: list[tuple[float, int, int, Chosen]] = []
        for number, piece in enumerate(source.pieces):
            said = _said(piece)
            if piece.until is not None and piece.until <= looking.now:
                counting["outdated"] += 1
            elif keep is not None and not keep(piece, looking):
                counting["filtered"] += 1
            elif said in seen:
                counting["repeated"] += 1
            else:
                seen.add(said)
                rating = relevance(piece, looking.goal) * source.weight
                rated.append((-rating, place, number, Chosen(source=source.source, piece=piece)))
        rated.sort(key=lambda each: each[:3])
        counting["surplus"] += max(0, len(rated) - source.at_most)
        ranked.extend(rated[: source.at_most])
    ranked.sort(key=lambda each: each[:3])
    return _trimmed([each[3] for each in ranked], missing or {}, max_tokens, dropped)


def least_tokens(missing: Mapping[str, Fetched]) -> int:
    """Return what a context takes that has nothing but what is missing."""
    return -(-bytes_sent(_written([], missing)) // BYTES_PER_TOKEN)


def _trimmed(
    ranked: Sequence[Chosen], missing: Mapping[str, Fetched], max_tokens: int, dropped: dict[str, Counter[Dropped]]
) -> Selection:
    left = max_tokens * BYTES_PER_TOKEN - bytes_sent(_written([], missing))
    chosen: list[Chosen] = []
    lines: list[str] = []
    taken: Counter[str] = Counter()
    for each in ranked:
        line = _line(each)
        size = bytes_sent(line) + _BETWEEN
        if size > left:
            dropped[each.source]["budget"] += 1
            continue
        left -= size
        taken[each.source] += size
        chosen.append(each)
        lines.append(line)
    if left < 0:  # Not even what is missing has room.
        return Selection(Context(), "", dropped)
    told = _written(lines, missing) if lines or missing else ""
    return Selection(Context(chosen=tuple(chosen), missing=missing), told, dropped, taken)


_BETWEEN: Final = bytes_sent(",\n")


def _written(lines: Sequence[str], missing: Mapping[str, Fetched]) -> str:
    known = ",\n".join(lines)
    return f'{{"known": [\n{known}\n], "missing": {json.dumps(dict(missing), ensure_ascii=False)}}}'


def _line(chosen: Chosen) -> str:
    piece = chosen.piece
    document: dict[str, object] = {"source": chosen.source}
    if piece.id:
        document["id"] = piece.id
    if piece.at is not None:
        document["at"] = piece.at.isoformat(timespec="seconds")
    document["content"] = piece.content
    return json.dumps(document, ensure_ascii=False)


def _said(piece: Piece) -> str:
    return json.dumps(piece.content, ensure_ascii=False, sort_keys=True)


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text[:_CHARACTERS_COMPARED].casefold()))
