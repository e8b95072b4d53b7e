"""What the pages ask the registry for, beside what its API answers as it is."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from callboard_registry.catalog import ListingFilter
from callboard_registry.console.filters import WINDOWS, beginning
from callboard_registry.console.recent import Recent
from callboard_registry.overview.edges import Edge
from callboard_registry.registry import Registry
from callboard_registry.totals import Which
from callboard_registry_api.audit import CallFilter, CallTotal
from callboard_registry_api.health import ServiceHealth, TeamFacts
from callboard_registry_api.model import CallRecord, Listing

WEEK: Final = timedelta(days=7)
_MOST: Final = 1000


class Knowledge:
    """Answers for pages."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self._health = Recent(self._all_health)
        self._teams = Recent(self._all_teams)
        self._totals = Recent(self._week_by_service)
        self._edges = {
            window: Recent(lambda window=window: registry.overview.edges(beginning(window))) for window in WINDOWS
        }

    async def health(self) -> Mapping[str, ServiceHealth]:
        """Return the verdict about every service, by service."""
        return await self._health.get()

    async def teams(self) -> Mapping[str, TeamFacts]:
        """Return who answers for each team that has had a worker."""
        return await self._teams.get()

    async def week(self) -> Mapping[str, CallTotal]:
        """Return the calls of the last seven days by service."""
        return await self._totals.get()

    async def edges(self, window: str) -> Sequence[Edge]:
        """Return who called whom in a window."""
        return await self._edges[window].get()

    async def totals(self, which: Which, *, by: Sequence[str]) -> list[CallTotal]:
        """Return calls added up, every row."""
        found: list[CallTotal] = []
        token = ""
        while True:
            page = await self.registry.auditing.totals(which, by=by, size=_MOST, page_token=token)  # pyright: ignore[reportArgumentType] - dimensions, as literals
            found.extend(page.items)
            token = page.next_page_token
            if not token:
                return found

    async def revisions(self, service: str, team: str) -> list[Listing]:
        """Return every revision of a service, the newest first, without documents."""
        found: list[Listing] = []
        which = ListingFilter(team=team, all_revisions=True, with_documents=False)
        token = ""
        while True:
            page = await self.registry.list_listings(which, size=200, page_token=token)
            found.extend(each for each in page.items if each.service == service)
            token = page.next_page_token
            if not token:
                return sorted(found, key=lambda each: each.number, reverse=True)

    async def calls(self, which: CallFilter, *, most: int, newest_first: bool = True) -> list[CallRecord]:
        """Return up to `most` call records."""
        found: list[CallRecord] = []
        after = ""
        while len(found) < most:
            page = await self.registry.auditing.calls(
                which, after=after, size=min(_MOST, most - len(found)), newest_first=newest_first
            )
            found.extend(page.records)
            if len(page.records) < min(_MOST, most):
                break
            after = page.cursor
        return found

    async def _all_health(self) -> Mapping[str, ServiceHealth]:
        found: dict[str, ServiceHealth] = {}
        token = ""
        while True:
            page = await self.registry.health.all(size=_MOST, page_token=token)
            found |= {each.service: each for each in page.items}
            token = page.next_page_token
            if not token:
                return found

    async def _all_teams(self) -> Mapping[str, TeamFacts]:
        page = await self.registry.health.list_teams(size=_MOST)
        return {each.team: each for each in page.items}

    async def _week_by_service(self) -> Mapping[str, CallTotal]:
        rows = await self.totals(Which(since=datetime.now(UTC) - WEEK), by=("service",))
        return {row.service: row for row in rows}
