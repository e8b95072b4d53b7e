"""Who gets in at all, before a method looks at what they ask: how often, and whether they must prove who they are."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from callboard_registry.access import Proving
from callboard_registry.refusals import Refusal
from callboard_registry.threads import Threads

if TYPE_CHECKING:
    from limits import RateLimitItem
    from limits.strategies import RateLimiter

OPEN_METHODS: Final = frozenset({"EnrolKey"})
"""What a team does before anybody knows its key. The method itself asks for a code."""

_BELIEVED: Final = 5.0
"""Seconds for which a token that was found good is not looked at again; a key that was revoked still reads as long."""

_MOST_BELIEVED: Final = 10_000


@dataclass(frozen=True)
class _Believed:
    team: str
    until: float


class Admission:
    """Admits requests, or refuses them.

    Whoever proves a team counts as that team, wherever its processes run; everybody else counts as the address they
    come from. A client may send as many requests at once as the limit allows, and then only as fast as they run out
    of its window.
    """

    def __init__(
        self,
        proving: Proving,
        threads: Threads,
        *,
        limit: "RateLimitItem | None" = None,
        reading_needs_token: bool = False,
    ) -> None:
        self._proving = proving
        self._threads = threads
        self._limit = limit
        self._reading_needs_token = reading_needs_token
        self._limiter = None if limit is None else _limiter()
        self._believed: dict[tuple[str, str | None], _Believed] = {}

    @property
    def admits_all(self) -> bool:
        """Whether there is nothing to refuse anybody for."""
        return self._limit is None and not self._reading_needs_token

    async def admit(self, *, token: str | None, address: str, method: str | None) -> None:
        """Do nothing if this request may go on.

        Args:
            token: What came in the `authorization` header.
            address: Where the client is.
            method: What is called, for which a token may have been signed; None when that cannot be said, so that
                any token of a team will do.

        Raises:
            Refusal: It may not.
        """
        if self.admits_all:
            return
        try:
            client, refused = await self._client(token, method), None
        except Refusal as refusal:
            client, refused = None, refusal
        self._count(client or f"address {address}", named=client or address)
        if refused is not None and self._reading_needs_token and method not in OPEN_METHODS:
            raise refused

    def count(self, address: str) -> None:
        """Count a request of somebody whose right to read is looked at elsewhere.

        Raises:
            Refusal: There were too many.
        """
        self._count(f"address {address}", named=address)

    def _count(self, client: str, *, named: str) -> None:
        limit, limiter = self._limit, self._limiter
        if limit is None or limiter is None or limiter.hit(limit, client):
            return
        again, _ = limiter.get_window_stats(limit, client)
        wait = max(again - time.time(), 0.001)
        raise Refusal("exhausted", "", f"{named!r} may send {limit}; slow down", retry_after=wait)

    async def _client(self, token: str | None, method: str | None) -> str:
        now = time.time()
        if token is not None:
            known = self._believed.get((token, method))
            if known is not None and known.until > now:
                return known.team
            if self._proving.is_administrator(token):
                return "administrator"
        proof = await self._threads.read(lambda: self._proving.reader(token, method))
        if token is not None:
            self._remember((token, method), _Believed(proof.team, min(now + _BELIEVED, proof.expires)), now)
        return proof.team

    def _remember(self, token: tuple[str, str | None], believed: _Believed, now: float) -> None:
        if len(self._believed) >= _MOST_BELIEVED:
            self._believed = _still_believed(self._believed, now)
        if len(self._believed) < _MOST_BELIEVED:
            self._believed[token] = believed


def _limiter() -> "RateLimiter":
    # A registry that limits nobody starts without the library, and a tenth of a second earlier.
    from limits.storage import MemoryStorage
    from limits.strategies import MovingWindowRateLimiter

    # What is kept in memory is looked up in microseconds; its asynchronous form takes ten times as long.
    return MovingWindowRateLimiter(MemoryStorage())


def _still_believed(
    believed: Mapping[tuple[str, str | None], _Believed], now: float
) -> dict[tuple[str, str | None], _Believed]:
    return {token: each for token, each in believed.items() if each.until > now}
