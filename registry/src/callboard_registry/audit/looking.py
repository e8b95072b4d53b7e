"""One look at one namespace: what is new in it, as records and as places up to which it was read."""

import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from temporalio.api.history.v1 import HistoryEvent
from temporalio.service import RPCError, RPCStatusCode

from callboard_registry.audit.deriving import Derived, derive_answered, derive_asked
from callboard_registry.audit.knowledge import Knowledge
from callboard_registry.audit.operations import Asked, asked_alone, asked_in
from callboard_registry.audit.positions import Place
from callboard_registry.audit.reading import Reader, Run
from callboard_registry.audit.tidying import tidied
from callboard_registry.ledger.deriving import uses_in
from callboard_registry.stories.model import Story
from callboard_registry.stories.telling import tell
from callboard_registry_api.budgets import ModelUse

OPEN_RUNS_AT_ONCE: Final = 200
"""Runs under way that are looked into in one look; the others get their turn in the next ones."""

TOLD_ANEW: Final = 2000
"""Events up to which a run that was read in parts is read as a whole when it is over."""

_NOTHING: Final = Place(last_event=0, first_open=1)

logger: Final = logging.getLogger(__name__)


@dataclass(frozen=True)
class Found:
    """What a run, or a standalone operation, had to say."""

    run_id: str
    records: list[Derived]
    place: Place
    """Where to go on in it."""

    story: Story | None = None
    """What happened in it."""

    uses: Sequence[tuple[str, ModelUse]] = ()
    """What models were asked in it, and whose call of them it was."""


class Turns:
    """Who was looked into when: those that were not for longest come first."""

    def __init__(self) -> None:
        self._looks = 0
        self._last: dict[str, int] = {}

    def take(self, runs: Mapping[str, Run], most: int) -> list[Run]:
        """Return whose turn it is."""
        self._looks += 1
        self._last = {run_id: look for run_id, look in self._last.items() if run_id in runs}
        chosen = sorted(runs, key=lambda run_id: self._last.get(run_id, 0))[:most]
        self._last.update(dict.fromkeys(chosen, self._looks))
        return [runs[run_id] for run_id in chosen]


class Look:
    """Reads what was not read before."""

    def __init__(
        self, reader: Reader, *, team: str, knowledge: Knowledge, places: Mapping[str, Place], turns: Turns
    ) -> None:
        self._reader = reader
        self._team = team
        self._knowledge = knowledge
        self._places = places
        self._turns = turns

    async def found(self, since: datetime | None) -> AsyncIterator[Found]:
        """Yield what is new: what was over by `since` or later, then what is under way."""
        async for run in self._reader.closed_runs(since):
            if not self._is_over(run) and (found := await self._closed(run)) is not None:
                yield found
        async for run in self._reader.closed_operations(since):
            if not self._is_over(run) and (found := await self._operation(run)) is not None:
                yield found
        runs = {run.run_id: run async for run in self._reader.open_runs()}
        for run in self._turns.take(runs, OPEN_RUNS_AT_ONCE):
            if (found := await self._open(run)) is not None:
                yield found

    async def of_root(self, root: str) -> AsyncIterator[Found]:
        """Yield what is new in the runs of one tree of calls."""
        async for run in self._reader.runs_of(root):
            if not self._is_over(run):
                found = await (self._open(run) if run.closed is None else self._closed(run))
                if found is not None:
                    yield found

    def _is_over(self, run: Run) -> bool:
        place = self._places.get(run.run_id)
        return place is not None and place.closed is not None

    async def _closed(self, run: Run) -> Found | None:
        try:
            found = await self._read(run)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            # Deleted, or past its namespace's retention, since it was listed.
            logger.info("run %s is gone: %s", run.run_id, error.message)
            found = Found(run.run_id, [], _NOTHING)
        return replace(found, place=replace(found.place, closed=run.closed))

    async def _open(self, run: Run) -> Found | None:
        known = self._places.get(run.run_id, _NOTHING)
        try:
            if await self._reader.newest_event(run) <= known.last_event:
                return None
            return await self._read(run)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return None

    async def _read(self, run: Run) -> Found:
        known = self._places.get(run.run_id, _NOTHING)
        # One that is over is read once more as a whole: its story may quote early what only later proved sensitive.
        is_told_anew = run.closed is not None and known.last_event <= TOLD_ANEW
        events = await self._reader.events(run, since=1 if is_told_anew else known.first_open)
        asked = asked_in(events, run_id=run.run_id)
        records = self._tidied(run, lambda: derive_answered(events, team=self._team, knowledge=self._knowledge))
        for each in asked.values():
            records += self._asked(run, each)
        last = events[-1].event_id
        first_open = min((number for number, each in asked.items() if each.ended is None), default=last + 1)
        story = self._story(run, events)
        if story is not None and story.first_open is not None:
            first_open = min(first_open, story.first_open)
        return Found(run.run_id, records, Place(last_event=last, first_open=first_open), story, self._uses(run, events))

    def _uses(self, run: Run, events: Sequence[HistoryEvent]) -> Sequence[tuple[str, ModelUse]]:
        try:
            return uses_in(events, run_id=run.run_id, team=self._team)
        except Exception:  # As below.
            logger.exception("what models were asked in run %s of %s cannot be understood", run.run_id, self._team)
            return ()

    def _story(self, run: Run, events: Sequence[HistoryEvent]) -> Story | None:
        try:
            return tell(
                events,
                namespace=self._reader.namespace,
                workflow_id=run.id,
                run_id=run.run_id,
                team=self._team,
                knowledge=self._knowledge,
            )
        except Exception:  # As below: the records of this run, and all other runs, do not depend on its story.
            logger.exception("what happened in run %s of %s cannot be understood", run.run_id, self._team)
            return None

    async def _operation(self, run: Run) -> Found | None:
        try:
            asked = asked_alone(await self._reader.operation(run))
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return None
        return Found(run.run_id, self._asked(run, asked), replace(_NOTHING, closed=run.closed))

    def _asked(self, run: Run, asked: Asked) -> list[Derived]:
        return self._tidied(run, lambda: derive_asked(asked, team=self._team, knowledge=self._knowledge))

    def _tidied(self, run: Run, derive: Callable[[], list[Derived]]) -> list[Derived]:
        try:
            return [(side, tidied(record)) for side, record in derive()]
        except Exception:  # One history that nobody can make sense of must not keep all the others from being read.
            logger.exception("what run %s of %s says of a call cannot be understood", run.run_id, self._team)
            return []
