"""The collector: reads every namespace of the mesh again and again, and keeps the records that nobody reported.

Its work can be taken up at any point: records are kept before the place up to which a run was read, and a record that
is kept already adds nothing. A namespace that is away keeps no other from being read.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from temporalio.client import Client
from temporalio.service import RPCError

from callboard_kit.settings import Settings
from callboard_registry.audit.knowledge import Knowledge
from callboard_registry.audit.looking import Found, Look, Turns
from callboard_registry.audit.positions import Place, Positions
from callboard_registry.audit.reading import Pace, Reader
from callboard_registry.calls import Calls
from callboard_registry.database import Database
from callboard_registry.ledger.keeping import Ledger
from callboard_registry.stories.keeping import Stories

OVERLAP: Final = timedelta(minutes=2)
"""How far back each look begins behind what was over last: visibility may list a run some time after it is over."""

REQUESTS_PER_SECOND: Final = 50.0
"""How many requests the collector makes of Temporal, over all namespaces."""

NAMESPACES_AT_ONCE: Final = 4

_KEPT_AT_ONCE: Final = 50
_LONGEST_PROBLEM: Final = 500

logger: Final = logging.getLogger(__name__)


class Collector:
    """Derives call records from Temporal for one registry's database."""

    def __init__(
        self,
        client: Client,
        database: Database,
        *,
        members: Settings,
        requests_per_second: float = REQUESTS_PER_SECOND,
        overlap: timedelta = OVERLAP,
    ) -> None:
        self._client = client
        self._database = database
        self._members = members
        self._overlap = overlap
        self._calls = Calls(database)
        self._stories = Stories(database)
        self._ledger = Ledger(database)
        self._positions = Positions(database)
        self._pace = Pace(requests_per_second)
        self._knowledge: Knowledge | None = None
        self.followed: dict[str, int] = {}
        """The last event of each run that is read apart from the others, because somebody looks at it."""
        self._turns: defaultdict[str, Turns] = defaultdict(Turns)

    async def collect(self) -> int:
        """Read what is new in every namespace, and return how many records were added."""
        self._knowledge = knowledge = await asyncio.to_thread(Knowledge, self._database, self._members)
        at_once = asyncio.Semaphore(NAMESPACES_AT_ONCE)

        async def one(team: str) -> int:
            async with at_once:
                return await self._collect(team, knowledge)

        return sum(await asyncio.gather(*(one(team) for team in knowledge.teams)))

    async def knowledge(self) -> Knowledge:
        """Return what histories are understood by, as of the last time that all was read."""
        if self._knowledge is None:
            self._knowledge = await asyncio.to_thread(Knowledge, self._database, self._members)
        return self._knowledge

    def look(self, namespace: str, team: str, *, knowledge: Knowledge, places: Mapping[str, Place]) -> Look:
        """Return a look at one namespace, at the pace that all of them share."""
        reader = Reader(self._client, namespace, self._pace)
        return Look(reader, team=team, knowledge=knowledge, places=places, turns=self._turns[namespace])

    async def _collect(self, team: str, knowledge: Knowledge) -> int:
        namespace = knowledge.namespace(team)
        try:
            return await self._read(namespace, team, knowledge)
        except RPCError as error:
            problem = f"{error.status.name.lower()}: {error.message}"[:_LONGEST_PROBLEM]
            logger.info("namespace %s cannot be read: %s", namespace, problem)
            await asyncio.to_thread(self._positions.note, namespace, team, problem=problem)
            return 0

    async def _read(self, namespace: str, team: str, knowledge: Knowledge) -> int:
        since = await asyncio.to_thread(self._positions.read_until, namespace)
        places = await asyncio.to_thread(self._positions.places, namespace)
        look = self.look(namespace, team, knowledge=knowledge, places=places)
        added = 0
        unkept: list[Found] = []
        async for found in look.found(since):
            unkept.append(found)
            places[found.run_id] = found.place
            if len(unkept) == _KEPT_AT_ONCE:
                added += await self.keep(namespace, self._newest(unkept))
                unkept = []
        added += await self.keep(namespace, self._newest(unkept))
        await self._move(namespace, team, places)
        return added

    def _newest(self, found: Sequence[Found]) -> list[Found]:
        """Leave out what was read on since: what is kept must not be told as it was before."""
        return [each for each in found if each.place.last_event >= self.followed.get(each.run_id, 0)]

    async def keep(self, namespace: str, found: Sequence[Found]) -> int:
        """Keep what was found, and return how many records it added."""
        records = [record for each in found for record in each.records]
        kept = await asyncio.to_thread(self._calls.derive, records) if records else 0
        stories = [each.story for each in found if each.story is not None]
        await asyncio.to_thread(self._stories.keep, stories)
        uses = [use for each in found for use in each.uses]
        if uses:
            await asyncio.to_thread(self._ledger.add, uses)
        # Only now: whoever goes on from here finds the records kept.
        await asyncio.to_thread(self._positions.keep, namespace, {each.run_id: each.place for each in found})
        return kept

    async def _move(self, namespace: str, team: str, places: dict[str, Place]) -> None:
        """Go on from what was over last: by Temporal's clock, which may be another than this machine's."""
        ends = [place.closed for place in places.values() if place.closed is not None]
        if not ends:
            await asyncio.to_thread(self._positions.note, namespace, team)
            return
        until = max(ends) - self._overlap
        # What is listed again next time has to be known then.
        gone = [run_id for run_id, place in places.items() if place.closed is not None and place.closed < until]
        await asyncio.to_thread(self._positions.note, namespace, team, read_until=until, forget=gone)
