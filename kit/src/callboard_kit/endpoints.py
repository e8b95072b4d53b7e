"""Which Nexus endpoints exist, asked of Temporal and remembered for a while."""

import asyncio
import logging
import time
from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from temporalio.api.operatorservice.v1 import ListNexusEndpointsRequest
from temporalio.client import Client
from temporalio.service import RPCError, ServiceClient

from callboard_kit.seen import LONGEST_AGE, Seen

logger: Final = logging.getLogger(__name__)

SHORTEST_AGE: Final = timedelta(seconds=0.5)
"""How often, at most, an unknown endpoint makes this ask again."""

PAGE_SIZE: Final = 100

MOST_SEEN: Final = 20
"""Endpoints that a workflow is told of when it starts, at most: they travel in a header."""


class EndpointBook:
    """The endpoints of one Temporal cluster."""

    def __init__(self, client: Client | ServiceClient) -> None:
        self._client = client
        self._names: frozenset[str] = frozenset()
        self._asked = float("-inf")
        self._answers = True
        self._asking = asyncio.Lock()

    async def exists(self, endpoint: str) -> bool:
        """Tell whether an endpoint exists; True as well when Temporal does not let this client ask."""
        came = time.monotonic()
        if endpoint in self._names and came - self._asked < LONGEST_AGE.total_seconds():
            return True
        async with self._asking:
            # Whoever waited here while another asked has the answer to their own question.
            if self._asked <= came:
                await asyncio.sleep(max(0.0, self._asked + SHORTEST_AGE.total_seconds() - time.monotonic()))
                await self._ask()
        return endpoint in self._names or not self._answers

    async def seen(self, wanted: Iterable[str]) -> Seen:
        """Return which of these endpoints exist, as far as it is known; asks when that is half as old as it may be."""
        came = time.monotonic()
        if self._asked + LONGEST_AGE.total_seconds() / 2 < came:
            async with self._asking:
                if self._asked <= came:
                    await self._ask()
        names = sorted(self._names.intersection(wanted))[:MOST_SEEN] if self._answers else []
        return Seen(tuple(names), time.time() - (time.monotonic() - self._asked)) if names else Seen()

    async def _ask(self) -> None:
        names: list[str] = []
        page = b""
        try:
            while True:
                answer = await self._client.operator_service.list_nexus_endpoints(
                    ListNexusEndpointsRequest(page_size=PAGE_SIZE, next_page_token=page),
                    timeout=timedelta(seconds=3),
                )
                names.extend(endpoint.spec.name for endpoint in answer.endpoints)
                page = answer.next_page_token
                if not page:
                    break
        except RPCError as error:
            # Listing endpoints is an operator's right: without it calls go out unchecked, as they would without us.
            logger.warning("cannot list Nexus endpoints, so they are not checked: %s", error)
            self._answers = False
        else:
            self._names = frozenset(names)
            self._answers = True
        self._asked = time.monotonic()
