"""Reads the runs that somebody looks at, sooner than all the others get their turn."""

import asyncio
import logging
import re
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from temporalio.service import RPCError

from callboard_registry.audit.collector import Collector
from callboard_registry.audit.knowledge import Knowledge
from callboard_registry.audit.positions import Positions
from callboard_registry.database import Database
from callboard_registry.stories.watched import Watched

EVERY: Final = timedelta(seconds=0.5)
"""How long between two looks at what is looked at."""

SEARCHED: Final = 40
"""Teams among which a run is searched of which nothing is known yet; where there are more, it is found in its turn."""

_SEARCH_AGAIN: Final = 2.0
"""Seconds after which such a run is searched again."""

_PLAIN: Final = re.compile(r"[A-Za-z0-9_.:@/+-]{1,200}")

logger: Final = logging.getLogger(__name__)


class Following:
    """Follows runs for as long as somebody looks at them."""

    def __init__(self, collector: Collector, database: Database) -> None:
        self._collector = collector
        self._positions = Positions(database)
        self._watched = Watched(database)
        self._searched: dict[str, float] = {}

    async def follow(self) -> None:
        """Read what is new in each of them, wherever those who take part in it have their runs."""
        roots = [root for root in await asyncio.to_thread(self._watched.roots) if _PLAIN.fullmatch(root)]
        self._searched = {root: at for root, at in self._searched.items() if root in roots}
        if not roots:
            self._collector.followed.clear()
            return
        knowledge = await self._collector.knowledge()
        for root in roots:
            for team in await self._teams(root, knowledge):
                try:
                    await self._read(root, team, knowledge)
                except RPCError as error:
                    # The collector notes what is wrong with a namespace.
                    logger.debug("run %s cannot be followed in %s: %s", root, team, error.message)

    async def _teams(self, root: str, knowledge: Knowledge) -> Sequence[str]:
        named = await asyncio.to_thread(self._watched.teams, root)
        teams = {knowledge.endpoint(name) for name in named} & set(knowledge.teams)
        if teams:
            return sorted(teams)
        now = time.monotonic()
        if len(knowledge.teams) > SEARCHED or self._searched.get(root, 0.0) > now - _SEARCH_AGAIN:
            return ()
        self._searched[root] = now
        return knowledge.teams

    async def _read(self, root: str, team: str, knowledge: Knowledge) -> None:
        namespace = knowledge.namespace(team)
        places = await asyncio.to_thread(self._positions.places, namespace, root=root)
        look = self._collector.look(namespace, team, knowledge=knowledge, places=places)
        async for found in look.of_root(root):
            self._collector.followed[found.run_id] = found.place.last_event
            await self._collector.keep(namespace, [found])
