"""A registry that holds what a test gives it, and can be taken down."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime

from callboard_contracts import ServiceDescription
from callboard_kit import Policy
from callboard_registry_api.client import Page
from callboard_registry_api.errors import RegistryUnavailableError
from callboard_registry_api.model import Listing, State
from callboard_registry_api.model import Policy as HeldPolicy

_THEN = datetime(2026, 1, 1, tzinfo=UTC)


class HeldRegistry:
    """Answers as the registry does, from what it was made with."""

    def __init__(
        self, listings: Sequence[ServiceDescription], policies: Mapping[str, Policy], *, state: State = "approved"
    ) -> None:
        self.listings = [
            Listing(
                service=each.service,
                digest=each.digest,
                number=1,
                team=each.team,
                state=state,
                created=_THEN,
                document=each.model_dump_json().encode(),
            )
            for each in listings
        ]
        self.policies = [
            HeldPolicy(team=team, version=1, digest="", document=policy.model_dump_json().encode(), created=_THEN)
            for team, policy in policies.items()
        ]
        self.down = False
        self.asked = 0
        self.missed = asyncio.Event()
        """Set when somebody asked in vain."""

    async def all_listings(self, *, states: Sequence[State]) -> AsyncIterator[Listing]:
        for each in self.listings:
            if each.state in states:
                yield each

    async def list_policies(self, *, page_token: str) -> Page[HeldPolicy]:
        self.asked += 1
        if self.down:
            self.missed.set()
            raise RegistryUnavailableError("the registry does not answer")
        # One policy a page, so that reading all of them means turning pages.
        here = int(page_token or 0)
        more = here + 1 < len(self.policies)
        return Page(tuple(self.policies[here : here + 1]), str(here + 1) if more else "")
