"""Calls of one tree as a timeline: who called whom on whose behalf, when, for how long, and how it ended."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from callboard_registry_api.model import CallRecord

WIDTH: Final = 1000
"""Units across the whole tree."""

NARROWEST: Final = 3
"""Units of the shortest call, so that it can be seen."""


@dataclass(frozen=True)
class Line:
    """One call of the tree, and where it stands."""

    call: CallRecord
    depth: int
    left: int
    """Where it begins, in units from the left."""

    width: int


@dataclass(frozen=True)
class Timeline:
    """A whole tree."""

    lines: tuple[Line, ...]
    start: datetime
    length: timedelta

    @property
    def under_way(self) -> int:
        """How many calls have not ended as far as is known."""
        return sum(line.call.outcome == "started" for line in self.lines)

    @property
    def tokens(self) -> int:
        """Tokens that the tree's own calls used, without counting what an agent reports of those it called twice."""
        return sum(line.call.input_tokens + line.call.output_tokens for line in self.lines if line.depth == 0)

    @property
    def cost(self) -> float:
        """Dollars, counted as `tokens` are."""
        return sum(line.call.cost_usd or 0.0 for line in self.lines if line.depth == 0)


def timeline(records: Iterable[CallRecord]) -> Timeline | None:
    """Arrange the records of one tree; None when there is none."""
    calls = sorted(one_each(records), key=lambda call: (call.start, call.endpoint, call.operation))
    if not calls:
        return None
    start = calls[0].start
    end = max(_end(call) for call in calls)
    length = max(end - start, timedelta(milliseconds=1))
    parents = _parents(calls)
    lines: list[Line] = []

    def put(below: int | None, depth: int) -> None:
        for place, call in enumerate(calls):
            if parents[place] == below:
                left = int((call.start - start) / length * WIDTH)
                width = max(int((_end(call) - call.start) / length * WIDTH), NARROWEST)
                lines.append(Line(call, depth, min(left, WIDTH - NARROWEST), width))
                put(place, depth + 1)

    put(None, 0)
    return Timeline(tuple(lines), start, length)


def one_each(records: Iterable[CallRecord]) -> list[CallRecord]:
    """Keep one record of each call: how it ended rather than that it began, its handler's rather than its caller's."""
    best: dict[object, CallRecord] = {}
    for number, record in enumerate(records):
        key = (record.token_id, record.endpoint, record.operation) if record.token_id else number
        if key not in best or _rank(record) > _rank(best[key]):
            best[key] = record
    return list(best.values())


def _rank(record: CallRecord) -> tuple[bool, bool]:
    return record.outcome != "started", record.reporter == record.endpoint


def _parents(calls: Sequence[CallRecord]) -> list[int | None]:
    """Return the place of the call on whose behalf each was made: the latest one that its caller was answering."""
    parents: list[int | None] = []
    for place, call in enumerate(calls):
        found = None
        for earlier in range(place):
            other = calls[earlier]
            if other.endpoint == call.caller and other.start <= call.start <= _end(other):
                found = earlier
        parents.append(found)
    return parents


def _end(call: CallRecord) -> datetime:
    return call.start + (call.duration or timedelta(0))
