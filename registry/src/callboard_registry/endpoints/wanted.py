"""Which endpoints there should be, where they lead and what they say, by the listings and the settings."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from callboard_kit.settings import Settings
from callboard_registry.endpoints.describing import described
from callboard_registry_api.health import TeamFacts
from callboard_registry_api.model import Listing, State

PREFERRED: Final[Sequence[tuple[State, ...]]] = (("approved",), ("deprecated",), ("draft", "pending"))
"""Of which revisions a service's newest is shown: of the first of these that it has."""

ListingsIn = Callable[[tuple[State, ...]], AsyncIterator[Listing]]
"""Yields the newest revision, with its document, of each service that has one in one of these states."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """One endpoint as it should be."""

    name: str
    namespace: str
    task_queue: str
    services: tuple[str, ...]
    """What is served through it, sorted. Empty: the team is known, but offers nothing."""

    description: str


async def shown_revisions(listings_in: ListingsIn) -> list[Listing]:
    """Return the revision of each service that stands for it, ordered by service; none of what does not answer."""
    found: dict[str, Listing] = {}
    for states in PREFERRED:
        async for listing in listings_in(states):
            found.setdefault(listing.service, listing)
    return [found[service] for service in sorted(found)]


def wanted_endpoints(
    revisions: Sequence[Listing], teams: Mapping[str, TeamFacts], settings: Settings
) -> dict[str, Wanted]:
    """Return the endpoint of every team that offers something or is known, by its physical name.

    Args:
        revisions: Of each service the one that stands for it. Its endpoint is its team's: the registry sees to that.
        teams: Who answers, by team.
        settings: How logical names become physical ones.
    """
    offers: dict[str, list[Listing]] = {team: [] for team in teams}
    for listing in revisions:
        offers.setdefault(listing.team, []).append(listing)
    return {
        settings.physical(team): Wanted(
            name=settings.physical(team),
            namespace=settings.namespace(team),
            task_queue=settings.physical(team),
            services=tuple(listing.service for listing in listings),
            description=described(teams.get(team) or TeamFacts(team=team), listings),
        )
        for team, listings in sorted(offers.items())
    }
